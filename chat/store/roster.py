"""Which processes serve whom: what presence across processes is read from."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db import transaction
from django.db.models import F
from msgspec import Struct

from chat import conf
from chat.models import Connection, Node


class SessionRow(Struct, frozen=True):
    """One live session of a process."""

    session: str
    sender_key: str
    sender_name: str
    rooms: list[str]


class Roster(Struct, frozen=True):
    """A process as its row says: its heartbeat count and the revision of its connections."""

    node: int
    beats: int
    revision: int


def enroll(name: str) -> int:
    """Make the row of this process; its number."""
    return Node.objects.using(conf.current().database).create(name=name).pk


def revise(node: int, revision: int, changed: Sequence[SessionRow], gone: Collection[str]) -> bool:
    """Write what changed among a node's sessions; false where the node was buried meanwhile."""
    database = conf.current().database
    with transaction.atomic(using=database):
        if not Node.objects.using(database).filter(pk=node).update(revision=revision):
            return False
        connections = Connection.objects.using(database)
        if gone:
            connections.filter(node=node, session__in=list(gone)).delete()
        connections.bulk_create(
            [
                Connection(
                    node_id=node,
                    session=row.session,
                    sender_key=row.sender_key,
                    sender_name=row.sender_name,
                    rooms=row.rooms,
                )
                for row in changed
            ],
            update_conflicts=True,
            unique_fields=["session"],
            update_fields=["sender_name", "rooms"],
        )
    return True


def beat(node: int) -> list[Roster] | None:
    """Say that ``node`` lives; how all nodes stand. ``None`` where it was buried meanwhile."""
    nodes = Node.objects.using(conf.current().database)
    if not nodes.filter(pk=node).update(beats=F("beats") + 1):
        return None
    return [Roster(*row) for row in nodes.values_list("pk", "beats", "revision")]


def connections_of(node: int) -> list[SessionRow]:
    """The sessions of one node."""
    rows = Connection.objects.using(conf.current().database).filter(node=node)
    return [
        SessionRow(*row)
        for row in rows.values_list("session", "sender_key", "sender_name", "rooms")
    ]


def bury(nodes: Collection[int]) -> None:
    """Take away nodes whose heartbeat has stopped, and their connections with them."""
    Node.objects.using(conf.current().database).filter(pk__in=list(nodes)).delete()


def withdraw(node: int) -> None:
    """Take this process's row away as it leaves."""
    bury([node])
