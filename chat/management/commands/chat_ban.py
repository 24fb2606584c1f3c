"""``manage.py chat_ban``: keep somebody out, or silent; let them in again; list who is."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any, ClassVar

from django.core.management.base import CommandError
from django.db.models import Q, QuerySet
from django.utils import timezone

from chat import conf, moderation
from chat.management.base import ActCommand, add_reason, in_words
from chat.management.naming import from_now, named, room_named, target
from chat.models import Ban, Room
from chat.moderation import Target


class Command(ActCommand):
    """Ban, mute, and take it back."""

    help = (
        "Keeps a user, a guest or a range of addresses out of a room or of the whole site, or with "
        "--mute lets them read and no longer post; from now on, also where they are connected. "
        "Another ban of the same is replaced. Exit status 1 where there is nothing to lift. With "
        "--json: an array of objects with kind (ban or mute), key, name, network, room (empty: the "
        "whole site), until, reason, since: what was imposed, lifted or, with --list, is in force."
    )
    examples: ClassVar = (
        'chat_ban anna --until 3d --reason "advertising"',
        "chat_ban guest:1360679230 --room main --mute --until 2h",
        "chat_ban 203.0.113.0/24 --until 2030-01-31T18:00 --yes",
        "chat_ban anna --lift",
        "chat_ban --list",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say whom, where and until when."""
        super().add_arguments(parser)
        add_reason(parser)
        parser.add_argument(
            "target",
            nargs="?",
            type=named,
            metavar="TARGET",
            help="a user's name, u:7, guest:1234, an address or a range of them",
        )
        parser.add_argument("--room", type=named, help="in this room (default: the whole site)")
        parser.add_argument("--mute", action="store_true", help="may read, but not post")
        parser.add_argument(
            "--until",
            type=from_now,
            metavar="WHEN",
            help="90m, 2h, 3d or 1w from now, or a moment such as 2027-01-31T18:00 "
            "(default: until it is lifted)",
        )
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--lift", action="store_true", help="take the ban, or the mute, back")
        how.add_argument("--list", action="store_true", help="list who is banned or muted")

    def handle(self, *args: Any, **options: Any) -> None:
        """Impose, lift or list."""
        whom = target(options["target"]) if options["target"] is not None else None
        room = room_named(options["room"]) if options["room"] is not None else None
        if options["list"]:
            kind = Ban.Kind.MUTE if options["mute"] else None
            self._print(_in_force(whom, room, kind), options)
        elif whom is None:
            raise CommandError("Say whom, or --list.", returncode=2)
        elif options["lift"]:
            self._print(self._lift(whom, room, options), options, lifted=True)
        else:
            self._print([self._impose(whom, room, options)], options)

    def _impose(self, whom: Target, room: Room | None, options: dict[str, Any]) -> Ban:
        act = moderation.mute if options["mute"] else moderation.ban
        if whom.network and ip_network(whom.network).num_addresses > 1:
            count = ip_network(whom.network).num_addresses
            self.ask(f"{act.__name__} the {count} addresses of {whom.network}", options)
        return act(
            whom,
            by=self.actor(options),
            room=room,
            until=options["until"],
            reason=options["reason"],
        )

    def _lift(self, whom: Target, room: Room | None, options: dict[str, Any]) -> list[Ban]:
        kind = Ban.Kind.MUTE if options["mute"] else Ban.Kind.BAN
        found = [ban for ban in _in_force(whom, room, kind) if room or ban.room is None]
        if not found:
            where = f"in {room.slug}" if room else "on the whole site"
            raise CommandError(
                f"There is no {kind} of {options['target']} {where}. chat_ban --list has what is."
            )
        for ban in found:
            moderation.lift(ban, by=self.actor(options), reason=options["reason"])
        return found

    def _print(
        self, found: Iterable[Ban], options: dict[str, Any], *, lifted: bool = False
    ) -> None:
        bans = list(found)
        if options["json"]:
            self.print_json([_object(ban) for ban in bans])
        elif bans:
            rows = [_row(ban, lifted=lifted) for ban in bans]
            self.print_table(("WHAT", "WHOM", "WHERE", "UNTIL", "SINCE", "REASON"), rows)
        else:
            self.stdout.write("Nobody is like that.")


def _in_force(whom: Target | None, room: Room | None, kind: Ban.Kind | None) -> QuerySet[Ban]:
    """The bans that hold now; of one target, in one room, of one kind where those are given."""
    found = Ban.objects.using(conf.current().database).select_related("room")
    found = found.filter(Q(until=None) | Q(until__gt=timezone.now()))
    if whom is not None:
        found = found.filter(sender_key=whom.key, network=whom.network)
    if room is not None:
        found = found.filter(room=room)
    return found if kind is None else found.filter(kind=kind)


def _row(ban: Ban, *, lifted: bool) -> tuple[object, ...]:
    whom = f"{ban.sender_name} ({ban.sender_key})" if ban.sender_key else ban.network
    return (
        ban.kind,
        whom,
        ban.room.slug if ban.room else "the site",
        "lifted now" if lifted else in_words(ban.until) or "for good",
        in_words(ban.created_at),
        ban.reason,
    )


def _object(ban: Ban) -> dict[str, Any]:
    return {
        "kind": ban.kind,
        "key": ban.sender_key,
        "name": ban.sender_name,
        "network": ban.network,
        "room": ban.room.slug if ban.room else "",
        "until": ban.until,
        "reason": ban.reason,
        "since": ban.created_at,
    }
