"""Rows of the log, by the plainest statements there are; for what each post passes through.

``bulk_create`` makes a model of each row and prepares each of its fields: that was more than half
of what storing a post cost. What is inserted here has been checked long before.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from django.db import connections

from chat.models import Message

Once = tuple[int, str, str]
"""What there is at most one row of: a room's key, a sender's key and a client's own id."""

ONCE = ("room", "sender_key", "client_id")
"""The fields in which it is."""

# What PostgreSQL calls the types of the fields, to know them in JSON.
_TYPES = {
    "room": "bigint",
    "seq": "bigint",
    "kind": "text",
    "target": "bigint",
    "sender_key": "text",
    "sender_name": "text",
    "client_id": "text",
    "text": "text",
}

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
    if not rows:
        return
    connection = connections[database]
    moment = connection.ops.adapt_datetimefield_value(at)
    columns = _columns(database, (*Row._fields, "at"))
    begin = f"INSERT INTO {_table(database)} ({', '.join(columns)})"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            given = _recordset(Row._fields, len(rows))
            objects = json.dumps([row._asdict() for row in rows])
            statement = f"{begin} SELECT given.*, %s FROM {given}"  # noqa: S608 - names of the model's
            cursor.execute(statement, [moment, objects])
            return
        most = PARAMETERS_MOST // len(columns)
        marks = f"({', '.join(['%s'] * len(columns))})"
        for first in range(0, len(rows), most):
            some = rows[first : first + most]
            values = [value for row in some for value in (*row, moment)]
            cursor.execute(f"{begin} VALUES {', '.join([marks] * len(some))}", values)


def find(wanted: Collection[Once], *, database: str) -> dict[Once, int]:
    """The seqs of those that are there.

    A join, for which both databases look each one up in the index. Three ``IN``, one for each
    column, look for every sender with every id; of triples, ``IN`` makes SQLite read the whole log.
    """
    found: dict[Once, int] = {}
    if not wanted:
        return found
    keys = list(wanted)
    connection = connections[database]
    table = _table(database)
    columns = [f"{table}.{column}" for column in _columns(database, ONCE)]
    same = " AND ".join(
        f"{column} = given.{name}" for column, name in zip(columns, ONCE, strict=True)
    )
    joined = f"JOIN {table} ON {same}"
    chosen = f"SELECT {', '.join(columns)}, {table}.seq"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            given = _recordset(ONCE, len(keys))
            objects = json.dumps([dict(zip(ONCE, key, strict=True)) for key in keys])
            cursor.execute(f"{chosen} FROM {given} {joined}", [objects])
            return {(at, by, own): seq for at, by, own, seq in cursor}
        for first in range(0, len(keys), AT_ONCE):
            some = keys[first : first + AT_ONCE]
            marks = ", ".join(["(%s, %s, %s)"] * len(some))
            cursor.execute(
                f"WITH given({', '.join(ONCE)}) AS (VALUES {marks}) {chosen} FROM given {joined}",
                list(chain.from_iterable(some)),
            )
            found.update({(at, by, own): seq for at, by, own, seq in cursor})
    return found


def _recordset(names: Sequence[str], count: int) -> str:
    """PostgreSQL's table ``given`` of one parameter, which has those fields of the model.

    With a parameter for each value, psycopg and the database take the statement apart: of 320
    posts at once each cost 54 µs in Python and 44 µs in PostgreSQL, and costs 15 µs and 31 µs so.
    Without a limit the planner takes it for a hundred rows.
    """
    typed = ", ".join(f"{name} {_TYPES[name]}" for name in names)
    return f"(SELECT * FROM json_to_recordset(%s::json) AS x({typed}) LIMIT {count}) AS given"  # noqa: S608 - names of the model's


def _table(database: str) -> str:
    return connections[database].ops.quote_name(Message._meta.db_table)


def _columns(database: str, names: Sequence[str]) -> list[str]:
    quote = connections[database].ops.quote_name
    return [quote(Message._meta.get_field(name).column) for name in names]  # type: ignore[union-attr, arg-type]  # fields of its own, each with a column
