"""Which processes serve whom: what presence across processes is read from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func, QuerySet, Value
from django.db.models.functions import Coalesce, Now
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone
from msgspec import Struct, field, structs

from chat import __version__, conf
from chat.models import Connection, Node
from chat.store.figures import SILENT_HEARTBEATS, Report

# Within the parameters that a query on SQLite may have.
SESSIONS_AT_ONCE = 500


class Whereabouts(Struct, frozen=True):
    """What presence needs to know of a session."""

    session: str
    sender_key: str
    sender_name: str
    rooms: list[str]
    dialect: str = ""


class SessionRow(Whereabouts, frozen=True):
    """One live session of a process. ``heard_at`` and ``lag`` are told while somebody looks."""

    since: datetime = field(default_factory=timezone.now)
    address: str = ""
    client: str = ""
    heard_at: datetime | None = None
    lag: int | None = None


class Person(Struct, frozen=True):
    """A session in a room, and the process that serves it."""

    session: str
    sender_key: str
    sender_name: str
    node: int
    node_name: str
    since: datetime


class Roster(Struct, frozen=True):
    """A process as its row says: its heartbeat count and the revision of its connections.

    ``asked`` counts how often somebody looked at those closely.
    """

    node: int
    beats: int
    revision: int
    asked: int = 0


def enroll(name: str) -> int:
    """Make the row of this process; its number."""
    nodes = Node.objects.using(conf.current().database)
    return nodes.create(name=name, version=__version__).pk


def revise(node: int, revision: int, changed: Sequence[SessionRow], gone: Collection[str]) -> bool:
    """Write what changed among a node's sessions; false where the node was buried meanwhile."""
    database = conf.current().database
    with transaction.atomic(using=database):
        if not Node.objects.using(database).filter(pk=node).update(revision=revision):
            return False
        sessions = list(gone)
        for first in range(0, len(sessions), SESSIONS_AT_ONCE):
            some = sessions[first : first + SESSIONS_AT_ONCE]
            Connection.objects.using(database).filter(node=node, session__in=some).delete()
        _put(node, changed, ("sender_name", "rooms"))
    return True


def note_signs(node: int, rows: Sequence[SessionRow]) -> bool:
    """Write when sessions were last heard, and how they lag; false where the node was buried."""
    database = conf.current().database
    with transaction.atomic(using=database):
        # Locked: a node must not be buried before its sessions are written.
        if not Node.objects.using(database).select_for_update().filter(pk=node).exists():
            return False
        _put(node, rows, ("heard_at", "lag"))
    return True


def _put(node: int, rows: Sequence[SessionRow], changed: Collection[str]) -> None:
    """Write rows that may be there already; of those that are, what ``changed`` names."""
    Connection.objects.using(conf.current().database).bulk_create(
        [Connection(node_id=node, **structs.asdict(row)) for row in rows],
        update_conflicts=True,
        unique_fields=["session"],
        update_fields=changed,
    )


def processes() -> int:
    """How many there are, as far as the roster knows."""
    return Node.objects.using(conf.current().database).count()


def ask_all() -> None:
    """Have every process tell of its sessions for a while, from its next beat on."""
    Node.objects.using(conf.current().database).update(asked=F("asked") + 1)


def connected() -> QuerySet[Connection]:
    """The sessions of all processes but those that are silent, which are likely to be dead.

    Others take those off the roster; where there is no other, nobody does.
    """
    database = conf.current().database
    oldest = Now() - timedelta(seconds=SILENT_HEARTBEATS * conf.current().heartbeat)
    # One that has just begun has not said anything yet.
    nodes = Node.objects.using(database).alias(heard=Coalesce("figures_at", "started_at"))
    return Connection.objects.using(database).filter(node__in=nodes.filter(heard__gte=oldest))


def in_room(slug: str) -> Func:
    """The condition that a connection is in the room of that name."""
    return _Has(F("rooms"), Value(slug))


class _Has(Func):
    """Whether a list in JSON has a text among its items, as each database puts it."""

    output_field = BooleanField()
    template = "(%(expressions)s)"
    arg_joiner = " ? "

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, Any]:
        """SQLite has no operator for it, but makes a table of such a list."""
        return self.as_sql(
            compiler,
            connection,
            template="EXISTS (SELECT 1 FROM json_each(%(expressions)s)",
            arg_joiner=") WHERE value = ",
            **extra,
        )


def beat(node: int, report: Report) -> list[Roster] | None:
    """Say that ``node`` lives, and what it does; how all nodes stand.

    ``None`` where it was buried meanwhile.
    """
    nodes = Node.objects.using(conf.current().database)
    figures = msgspec.to_builtins(report, str_keys=True)
    if not nodes.filter(pk=node).update(beats=F("beats") + 1, figures=figures, figures_at=Now()):
        return None
    return [Roster(*row) for row in nodes.values_list("pk", "beats", "revision", "asked")]


def connections_of(node: int) -> list[Whereabouts]:
    """The sessions of one node, and where they are."""
    rows = Connection.objects.using(conf.current().database).filter(node=node)
    return [
        Whereabouts(*row)
        for row in rows.values_list("session", "sender_key", "sender_name", "rooms", "dialect")
    ]


def people_in(slug: str, most: int) -> tuple[list[Person], int]:
    """Up to ``most`` sessions in a room, whose people came first, and how many there are.

    Reads all connections: they are no more than there are sessions.
    """
    rows = connected().filter(in_room(slug))
    fields = ("session", "sender_key", "sender_name", "node_id", "node__name", "since")
    found = [Person(*row) for row in rows.order_by("since", "pk").values_list(*fields)[:most]]
    return found, len(found) if len(found) < most else rows.count()


def occupied(slug: str, *, but: int | None) -> bool:
    """Whether anybody is in a room, by the rows of all processes except ``but``."""
    rows = Connection.objects.using(conf.current().database).filter(in_room(slug))
    return rows.exclude(node=but).exists()


def audience(rooms: Collection[str] | None) -> int:
    """How many sessions are in one of ``rooms`` (``None``: connected at all), in every process."""
    connections = connected()
    if rooms is None:
        return connections.count()
    if len(rooms) == 1:
        return connections.filter(in_room(*rooms)).count()
    wanted = set(rooms)
    # Not by a condition for each room, of which a query on SQLite takes less than a thousand.
    return sum(
        not wanted.isdisjoint(slugs) for slugs in connections.values_list("rooms", flat=True)
    )


def bury(nodes: Collection[int]) -> None:
    """Take away nodes whose heartbeat has stopped, and their connections with them."""
    Node.objects.using(conf.current().database).filter(pk__in=list(nodes)).delete()


def withdraw(node: int) -> None:
    """Take this process's row away as it leaves."""
    bury([node])
