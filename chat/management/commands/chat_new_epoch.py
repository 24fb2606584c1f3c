"""``manage.py chat_new_epoch``: tell clients honestly that a room's history is another one."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chat import api


class Command(BaseCommand):
    """Give rooms a new epoch."""

    help = (
        "Gives rooms a new epoch, so that clients start over instead of resuming. Run it after "
        "the database was restored from a backup: clients may have seen messages that are gone "
        "now, and whose numbers will be given to others."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the rooms."""
        parser.add_argument("rooms", nargs="*", metavar="room", help="default: every room")

    def handle(self, *args: Any, **options: Any) -> None:
        """Change the epochs and say which."""
        try:
            changed = api.new_epoch(options["rooms"] or None)
        except api.UnknownRoom as problem:
            raise CommandError(problem.detail) from None
        for slug, epoch in changed.items():
            self.stdout.write(f"{slug}: {epoch}")
