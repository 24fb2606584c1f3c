"""``manage.py chat_sessions``: who is connected, from where, to what."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, ClassVar

from django.core.management.base import CommandError

from chat import store
from chat.management.base import ChatCommand, in_words
from chat.management.naming import named, room_named, target
from chat.management.sessions import chosen
from chat.models import Connection


class Command(ChatCommand):
    """List sessions."""

    help = (
        "Lists the sessions that are open now, oldest first, on all processes that were heard of "
        "within two heartbeats. Exit status 1 where no session is what was asked for. With --json: "
        "an array of objects with session, key (a user's u:7, a guest's g:1234), name, address, "
        "rooms, since, heard_at, lag (events of its rooms that it has not confirmed), dialect, "
        "client, process."
    )
    examples: ClassVar = (
        "chat_sessions",
        "chat_sessions --room main --guests",
        "chat_sessions --user anna --json | jq -r '.[].address'",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say which."""
        super().add_arguments(parser)
        parser.add_argument("--room", type=named, help="those in this room")
        who = parser.add_mutually_exclusive_group()
        who.add_argument(
            "--user",
            type=named,
            metavar="WHO",
            help="those of a user's name, u:7, guest:1234, an address or a range of them",
        )
        who.add_argument("--guests", action="store_true", help="those who are not signed in")
        parser.add_argument("--process", type=named, help="those on the process of this name")

    def handle(self, *args: Any, **options: Any) -> None:
        """List them."""
        found = _chosen(options)
        if options["json"]:
            self.print_json([_object(connection) for connection in found])
        elif found:
            self.print_table(
                ("WHO", "ADDRESS", "ROOMS", "SINCE", "DIALECT", "CLIENT", "PROCESS"),
                map(_row, found),
            )
        asked = options["room"] or options["user"] or options["guests"] or options["process"]
        if asked and not found:
            raise CommandError("No session is like that.")
        if not found and not options["json"]:
            self.stdout.write("Nobody is connected.")


def _row(connection: Connection) -> tuple[object, ...]:
    return (
        f"{connection.sender_name} ({connection.sender_key})",
        connection.address,
        " ".join(connection.rooms),
        in_words(connection.since),
        connection.dialect,
        connection.client[:40],
        connection.node.name,
    )


def _chosen(options: dict[str, Any]) -> list[Connection]:
    process, guests = options["process"], options["guests"]
    found = chosen(
        store.connected(),
        target=target(options["user"]) if options["user"] is not None else None,
        room=room_named(options["room"]) if options["room"] is not None else None,
    )
    return [
        connection
        for connection in found
        if (not process or connection.node.name == process)
        and (not guests or connection.sender_key.startswith("g:"))
    ]


def _object(connection: Connection) -> dict[str, Any]:
    return {
        "session": connection.session,
        "key": connection.sender_key,
        "name": connection.sender_name,
        "address": connection.address,
        "rooms": connection.rooms,
        "since": connection.since,
        "heard_at": connection.heard_at,
        "lag": connection.lag,
        "dialect": connection.dialect,
        "client": connection.client,
        "process": connection.node.name,
    }
