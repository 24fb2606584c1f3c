"""``manage.py chat_announce``: a word to a room, or to everybody who is connected."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, ClassVar

from django.core.management.base import CommandError

from chat import conf, moderation
from chat.broadcast import reaches_everybody
from chat.management.base import ActCommand, add_reason
from chat.management.naming import named, room_named


class Command(ActCommand):
    """Announce."""

    help = (
        "Says something to everybody in a room, or to everybody who is connected: as a notice, "
        "which they see once and whose text only the record keeps, or with --logged as a message "
        "of the site's, which stays. With --json: an object with sessions, how many are there to "
        "see the notice, or rooms, how many the message was said in."
    )
    examples: ClassVar = (
        'chat_announce "Closing in ten minutes" --level warning --reason "an update" --yes',
        'chat_announce "The kitchen is open" --room kitchen',
        'chat_announce "Version 2 is out" --logged --id release-2 --yes',
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say what, where and how."""
        super().add_arguments(parser)
        parser.add_argument("text", metavar="TEXT")
        parser.add_argument("--room", type=named, help="default: everybody, in whatever room")
        parser.add_argument("--level", choices=("info", "warning"), default="info")
        parser.add_argument(
            "--logged", action="store_true", help="as a message, in every room without --room"
        )
        parser.add_argument(
            "--id",
            type=named,
            help="of a message: said again under the same id it is there once",
        )
        add_reason(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Announce it, and say how many can see it."""
        text, logged, id = options["text"], options["logged"], options["id"]
        if not text.strip():
            raise CommandError("There is nothing to say: the text is empty.")
        most = conf.current().text_limit
        if len(text) > most:
            raise CommandError(f"The text has {len(text)} characters; at most {most} are allowed.")
        if id is not None and (len(id) > 64 or not logged):
            raise CommandError("--id has at most 64 characters, and needs --logged.", returncode=2)
        if not logged and not reaches_everybody():
            raise CommandError(
                "The notice would reach nobody: it goes over the channel layer, and the processes "
                "share none. Set CHANNEL_LAYERS to one of channels_redis, or say --logged."
            )
        room = room_named(options["room"]) if options["room"] is not None else None
        if room is None:
            where = "as a message in every room" if logged else "to everybody who is connected"
            self.ask(f"say this {where}", options)
        count = moderation.announce(
            text,
            by=self.actor(options),
            room=room,
            level=options["level"],
            logged=logged,
            id=id or "",
            reason=options["reason"],
        )
        what = "rooms" if logged else "sessions"
        if options["json"]:
            self.print_json({what: count})
        else:
            self.stdout.write(f"Said in {what}: {count}" if logged else f"Told {what}: {count}")
