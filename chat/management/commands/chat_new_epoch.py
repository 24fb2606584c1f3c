"""``manage.py chat_new_epoch``: tell clients honestly that a room's history is another one."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, ClassVar

from django.core.management.base import CommandError

from chat import moderation
from chat.management.base import ActCommand, add_reason
from chat.management.naming import named, rooms_named
from chat.protocol.errors import UnknownRoom


class Command(ActCommand):
    """Give rooms a new epoch."""

    help = (
        "Gives rooms a new epoch, so that clients start over instead of resuming. Run it after "
        "the database was restored from a backup: clients may have seen messages that are gone "
        "now, and whose numbers will be given to others. With --json: an array of objects with "
        "room and epoch."
    )
    examples: ClassVar = (
        "chat_new_epoch --yes",
        'chat_new_epoch main orders --reason "restored from last night" --yes',
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the rooms."""
        super().add_arguments(parser)
        add_reason(parser)
        parser.add_argument(
            "rooms", nargs="*", type=named, metavar="ROOM", help="default: every room"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Change the epochs and say which."""
        rooms = rooms_named(options["rooms"])
        if len(rooms) > 1:
            self.ask(f"have everybody in {len(rooms)} rooms start over", options)
        try:
            changed = moderation.new_epochs(
                options["rooms"] or None, by=self.actor(options), reason=options["reason"]
            )
        except UnknownRoom as problem:  # it went meanwhile
            raise CommandError(problem.detail) from None
        if options["json"]:
            self.print_json([{"room": slug, "epoch": epoch} for slug, epoch in changed.items()])
        else:
            self.print_table(("ROOM", "EPOCH"), changed.items())
