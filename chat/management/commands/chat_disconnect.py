"""``manage.py chat_disconnect``: end sessions now."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, ClassVar

from django.core.management.base import CommandError

from chat import conf, moderation
from chat.management.base import ActCommand, add_reason
from chat.management.naming import named, room_named, target
from chat.management.sessions import chosen
from chat.models import Connection


class Command(ActCommand):
    """Disconnect sessions."""

    help = (
        "Ends sessions at once, on whatever process they are. Their clients do not come back by "
        "themselves, but nothing keeps people from connecting anew: that takes chat_ban. Exit "
        "status 1 where no session is like that. With --json: an object with disconnected, how "
        "many there were."
    )
    examples: ClassVar = (
        "chat_disconnect anna",
        "chat_disconnect 203.0.113.0/24 --yes",
        "chat_disconnect --room main --yes",
        'chat_disconnect --all --reason "moving to another machine" --yes',
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say whose."""
        super().add_arguments(parser)
        add_reason(parser)
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument(
            "target",
            nargs="?",
            type=named,
            metavar="TARGET",
            help="a user's name, u:7, guest:1234, an address or a range of them",
        )
        whose.add_argument(
            "--session", type=named, metavar="ID", help="this one: chat_sessions --json has it"
        )
        whose.add_argument("--room", type=named, help="everybody in this room")
        whose.add_argument("--all", action="store_true", help="everybody")

    def handle(self, *args: Any, **options: Any) -> None:
        """Disconnect them, and say how many there were."""
        found = _chosen(options)
        if not found:
            raise CommandError("No session is like that.")
        if len(found) > 1:
            self.ask(f"disconnect {len(found)} sessions", options)
        count = moderation.disconnect(found, by=self.actor(options), reason=options["reason"])
        if options["json"]:
            self.print_json({"disconnected": count})
        else:
            self.stdout.write(f"Disconnected sessions: {count}")


def _chosen(options: dict[str, Any]) -> list[Connection]:
    # Those of silent processes, too: one that only hangs ends them when it goes on.
    everybody = Connection.objects.using(conf.current().database)
    if options["target"] is not None:
        return chosen(everybody, target=target(options["target"]))
    if options["room"] is not None:
        return chosen(everybody, room=room_named(options["room"]))
    return [one for one in chosen(everybody) if options["all"] or one.session == options["session"]]
