"""Rows of the log, by the plainest statements there are; for what each post passes through.

``bulk_create`` makes a model of each row and prepares each of its fields: that was more than half
of what storing a post cost. What is inserted here has been checked long before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from django.db import connections

from chat.models import Message

Once = tuple[int, str, str]
"""What there is at most one row of: a room's key, a sender's key and a client's own id."""

# SQLite may have been built with a limit of 999 parameters to a statement.
PARAMETERS_MOST = 999
AT_ONCE = PARAMETERS_MOST // 3


class Row(NamedTuple):
    """A row as it is inserted: fields of ``Message`` by name, relations by key."""

    room: int
    seq: int
    kind: str
    target: int | None
    sender_key: str
    sender_name: str
    client_id: str | None
    text: str


def insert(rows: Sequence[Row], at: datetime, *, database: str) -> None:
    """Insert rows that all came into being ``at`` that time, in their order."""
    connection = connections[database]
    moment = connection.ops.adapt_datetimefield_value(at)
    columns = _columns(database, (*Row._fields, "at"))
    most = PARAMETERS_MOST // len(columns)
    marks = f"({', '.join(['%s'] * len(columns))})"
    begin = f"INSERT INTO {_table(database)} ({', '.join(columns)}) VALUES "  # noqa: S608 - names of the model's
    with connection.cursor() as cursor:
        for first in range(0, len(rows), most):
            some = rows[first : first + most]
            values = [value for row in some for value in (*row, moment)]
            cursor.execute(begin + ", ".join([marks] * len(some)), values)


def find(wanted: Collection[Once], *, database: str) -> dict[Once, int]:
    """The seqs of those that are there.

    A join, for which both databases look each one up in the index. Three ``IN``, one for each
    column, look for every sender with every id; of triples, ``IN`` makes SQLite read the whole log.
    """
    found: dict[Once, int] = {}
    keys = list(wanted)
    room, sender, client = _columns(database, ("room", "sender_key", "client_id"))
    with connections[database].cursor() as cursor:
        for first in range(0, len(keys), AT_ONCE):
            some = keys[first : first + AT_ONCE]
            marks = ", ".join(["(%s, %s, %s)"] * len(some))
            cursor.execute(
                f"WITH wanted(room, sender, client) AS (VALUES {marks}) "  # noqa: S608 - names of the model's
                f"SELECT {room}, {sender}, {client}, seq FROM wanted JOIN {_table(database)} "
                f"ON {room} = room AND {sender} = sender AND {client} = client",
                list(chain.from_iterable(some)),
            )
            found.update({(at, by, own): seq for at, by, own, seq in cursor})
    return found


def _table(database: str) -> str:
    return connections[database].ops.quote_name(Message._meta.db_table)


def _columns(database: str, names: Sequence[str]) -> list[str]:
    quote = connections[database].ops.quote_name
    return [quote(Message._meta.get_field(name).column) for name in names]  # type: ignore[union-attr, arg-type]  # fields of its own, each with a column
