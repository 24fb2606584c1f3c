"""``manage.py chat_prune``: let go of old messages, as each room's retention says."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.core.management.base import CommandError
from django.utils import timezone

from chat import conf, moderation
from chat.management.base import ActCommand, add_reason, in_words
from chat.management.naming import length, named, rooms_named, whole
from chat.management.screen import ERASE_ROW
from chat.models import RETENTION_MOST, Message, Room
from chat.store import Actor

BAR = 30
"""Columns of the progress bar."""


class Command(ActCommand):
    """Prune rooms."""

    help = (
        "Removes from the beginning of rooms' logs what is older than their retention says, or "
        "than --older-than, in short transactions, so that talking goes on meanwhile. Rooms "
        "without a retention are left alone. Clients that were away for longer are told that they "
        "missed something. What clearing a very long history has left goes too, in every room. "
        "Meant to be run once a day. With --json: an array of objects with room, before, and "
        "removed (how many entries; with --dry-run, how many would be)."
    )
    examples: ClassVar = (
        "chat_prune",
        "chat_prune --dry-run",
        "chat_prune orders --older-than 90d",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say where, and what is old."""
        super().add_arguments(parser)
        parser.add_argument(
            "rooms", nargs="*", type=named, metavar="ROOM", help="default: every room"
        )
        parser.add_argument(
            "--older-than",
            type=length,
            metavar="LENGTH",
            help="2h, 90d or 52w, in place of the rooms' retention",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")
        parser.add_argument(
            "--batch",
            type=whole,
            default=1000,
            metavar="N",
            help="entries of one transaction (%(default)s)",
        )
        add_reason(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Prune them, and say how much went."""
        pruned, by = [], self.actor(options)
        for room, before in self._chosen(options):
            old = _old(room, before)
            removed = old if options["dry_run"] else self._prune(room, before, old, by, options)
            pruned.append((room.slug, before, removed))
        left = 0 if options["dry_run"] else moderation.sweep_what_is_left()
        if options["json"]:
            self.print_json(
                [
                    {"room": slug, "before": before, "removed": removed}
                    for slug, before, removed in pruned
                ]
            )
        elif pruned:
            self.print_table(
                ("ROOM", "OLDER THAN", "WOULD GO" if options["dry_run"] else "REMOVED"),
                ((slug, in_words(before), removed) for slug, before, removed in pruned),
            )
        else:
            self.stdout.write("No room has a retention.")
        if left and not options["json"]:
            self.stdout.write(f"Removed of histories that were cleared: {left}")

    def _chosen(self, options: dict[str, Any]) -> list[tuple[Room, datetime]]:
        """The rooms, and before when what they have is old."""
        rooms, now, older_than = (
            rooms_named(options["rooms"]),
            timezone.now(),
            options["older_than"],
        )
        if older_than is not None:
            if older_than > timedelta(days=RETENTION_MOST):
                raise CommandError(f"--older-than is at most {RETENTION_MOST} days.")
            if len(rooms) > 1 and not options["dry_run"]:
                self.ask(f"prune {len(rooms)} rooms", options)
            return [(room, now - older_than) for room in rooms]
        for room in rooms if options["rooms"] else ():
            if not room.retention_days:
                raise CommandError(f"{room.slug} has no retention: say --older-than.")
        return [
            (room, now - timedelta(days=min(room.retention_days, RETENTION_MOST)))
            for room in rooms
            if room.retention_days
        ]

    def _prune(
        self, room: Room, before: datetime, old: int, by: Actor, options: dict[str, Any]
    ) -> int:
        removed = 0
        for count in moderation.prune(
            room, before=before, by=by, reason=options["reason"], batch=options["batch"]
        ):
            removed += count
            self._show_progress(room, removed, max(old, removed))
        if removed and self.stderr.isatty():
            self._write_error(ERASE_ROW)
        return removed

    def _show_progress(self, room: Room, removed: int, old: int) -> None:
        if self.stderr.isatty():
            bar = "#" * (BAR * removed // old)
            self._write_error(f"{ERASE_ROW}{room.slug} [{bar:{BAR}}] {removed} of {old}")

    def _write_error(self, text: str) -> None:
        self.stderr.write(text, lambda plain: plain, ending="")
        self.stderr.flush()


def _old(room: Room, before: datetime) -> int:
    """How many entries at the beginning of the log are older than ``before``."""
    log = Message.objects.using(conf.current().database).filter(room=room, seq__gt=room.pruned)
    young = log.filter(at__gte=before).order_by("seq").values_list("seq", flat=True).first()
    return (room.head if young is None else young - 1) - room.pruned
