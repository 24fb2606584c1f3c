"""``manage.py chat_redact``: take texts away, from the database and from every screen."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, ClassVar

from django.core.management.base import CommandError

from chat import conf, moderation, store
from chat.management.base import ActCommand, add_reason
from chat.management.naming import ago, named, room_named, sender_key, whole
from chat.models import Message, Room

# Within the parameters that a query on SQLite may have.
SEQS_AT_ONCE = 500


class Command(ActCommand):
    """Redact messages."""

    help = (
        "Takes the texts of messages away, from the database and from every screen at once: those "
        "of certain numbers in a room, or all that one sender has said since a moment. Exit status "
        "1 where there is nothing to take away. With --json: an object with redacted, how many."
    )
    examples: ClassVar = (
        "chat_redact --room main --seq 1042",
        'chat_redact --room main --seq 1042 1043 1047 --reason "a phone number" --yes',
        "chat_redact --sender guest:1360679230 --since 2h --yes",
        "chat_redact --sender anna --since 2026-11-01T18:00 --room main",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say which."""
        super().add_arguments(parser)
        add_reason(parser)
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument(
            "--seq", nargs="+", type=whole, metavar="N", help="the messages' numbers; with --room"
        )
        which.add_argument(
            "--sender",
            type=named,
            metavar="WHO",
            help="a user's name, u:7, guest:1234, or s:NAME where code said it; with --since",
        )
        parser.add_argument(
            "--since",
            type=ago,
            metavar="WHEN",
            help="90m, 2h, 3d or 1w ago, or a moment such as 2027-01-31T18:00",
        )
        parser.add_argument(
            "--room", type=named, help="with --sender: nowhere else (default: everywhere)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Redact them, and say how many there were."""
        room = room_named(options["room"]) if options["room"] is not None else None
        if options["sender"] is not None:
            count = self._redact_sender(options, room)
        elif room is None:
            raise CommandError("--seq counts in a room: say --room.", returncode=2)
        else:
            count = self._redact_seqs(options, room)
        if not count:
            raise CommandError("There is no text to take away.")
        if options["json"]:
            self.print_json({"redacted": count})
        else:
            self.stdout.write(f"Redacted messages: {count}")

    def _redact_seqs(self, options: dict[str, Any], room: Room) -> int:
        messages = _messages(room, sorted(set(options["seq"])))
        if len(messages) > 1:
            self.ask(f"redact {len(messages)} messages in {room.slug}", options)
        return moderation.redact(messages, by=self.actor(options), reason=options["reason"])

    def _redact_sender(self, options: dict[str, Any], room: Room | None) -> int:
        since = options["since"]
        if since is None:
            raise CommandError("--sender needs --since, such as --since 2h.", returncode=2)
        key = sender_key(options["sender"])
        count = store.count_posts_of(key, since, room)
        if count > 1:
            where = room.slug if room else "all rooms"
            self.ask(f"redact {count} messages of {options['sender']} in {where}", options)
        return moderation.redact_by(
            key, since=since, by=self.actor(options), room=room, reason=options["reason"]
        )


def _messages(room: Room, seqs: Sequence[int]) -> list[Message]:
    """The messages of those numbers. Raises ``CommandError`` where one is not there."""
    log = Message.objects.using(conf.current().database).select_related("room")
    posts = log.filter(room=room, kind=Message.Kind.POST, seq__gt=room.pruned)
    found: list[Message] = []
    for first in range(0, len(seqs), SEQS_AT_ONCE):
        found += posts.filter(seq__in=seqs[first : first + SEQS_AT_ONCE]).order_by("seq")
    missing = sorted(set(seqs) - {message.seq for message in found})
    if missing:
        raise CommandError(f"In {room.slug} there is no message {', '.join(map(str, missing))}.")
    return found
