"""``manage.py chat_rooms``: what rooms there are, and what goes on in them."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, ClassVar

from django.db.models import OuterRef, Subquery
from msgspec import Struct, field

from chat import conf, store
from chat.management.base import ChatCommand, in_words
from chat.models import Message, Room


class Presence(Struct):
    """Who is in one room, and which processes serve them."""

    people: set[str] = field(default_factory=set)
    processes: set[str] = field(default_factory=set)


class Command(ChatCommand):
    """List rooms."""

    help = (
        "Lists the rooms with what holds in them, how many are there now, the last seq (HEAD), and "
        "when something was last said. With --json: an array of objects with room, title, kind, "
        "guests (what they may do: none, read, post), slow_mode, max_length, locked, archived, "
        "retention_days, people, head, epoch, last_at, processes."
    )
    examples: ClassVar = (
        "chat_rooms",
        "chat_rooms --all",
        "chat_rooms --json | jq -r '.[] | select(.people > 100).room'",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say which."""
        super().add_arguments(parser)
        parser.add_argument("--all", action="store_true", help="archived rooms too")

    def handle(self, *args: Any, **options: Any) -> None:
        """List them."""
        rooms = Room.objects.using(conf.current().database)
        if not options["all"]:
            rooms = rooms.filter(archived=False)
        last = Message.objects.using(rooms.db).filter(room=OuterRef("pk"), seq=OuterRef("head"))
        presences = _presences()
        found = [
            (room, presences[room.slug])
            for room in rooms.annotate(last_at=Subquery(last.values("at")[:1]))
        ]
        if options["json"]:
            self.print_json([_object(room, presence) for room, presence in found])
        else:
            self.print_table(
                ("ROOM", "KIND", "POLICY", "PEOPLE", "HEAD", "LAST", "PROCESSES"),
                (_row(room, presence) for room, presence in found),
            )


def _row(room: Any, presence: Presence) -> tuple[object, ...]:
    return (
        room.slug,
        room.kind,
        ", ".join(_policy(room)),
        len(presence.people),
        room.head,
        in_words(room.last_at),
        " ".join(sorted(presence.processes)),
    )


def _presences() -> defaultdict[str, Presence]:
    """Who is where, by room."""
    found: defaultdict[str, Presence] = defaultdict(Presence)
    connections = store.connected().values_list("sender_key", "rooms", "node__name")
    for key, rooms, process in connections:
        for room in rooms:
            found[room].people.add(key)
            found[room].processes.add(process)
    return found


def _policy(room: Room) -> Iterator[str]:
    """What holds in a room, in words."""
    if room.archived:
        yield "archived"
    if room.locked:
        yield "locked"
    if room.kind == Room.Kind.PUBLIC:
        yield f"guests: {room.guests or conf.current().guests}"
    if room.slow_mode:
        yield f"every {room.slow_mode} s"
    if room.max_length:
        yield f"{room.max_length} characters"
    if room.retention_days:
        yield f"kept {room.retention_days} days"


def _object(room: Any, presence: Presence) -> dict[str, Any]:
    return {
        "room": room.slug,
        "title": room.title,
        "kind": room.kind,
        "guests": room.guests or conf.current().guests,
        "slow_mode": room.slow_mode,
        "max_length": room.max_length,
        "locked": room.locked,
        "archived": room.archived,
        "retention_days": room.retention_days,
        "people": len(presence.people),
        "head": room.head,
        "epoch": room.epoch,
        "last_at": room.last_at,
        "processes": sorted(presence.processes),
    }
