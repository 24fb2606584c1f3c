"""Drafts, threads that store them, and what those wait for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

from chat import store
from chat.models import Message, Room
from chat.protocol import events, frames
from chat.store import DeleteDraft, EditDraft, Entry, Outcome, PostDraft, Stored

T = TypeVar("T")

ANN, BOB = "u:1", "g:2"


def post(
    number: object,
    room: str = "main",
    *,
    sender: str = ANN,
    epoch: str | None = None,
    slowed: bool = False,
) -> PostDraft:
    """Return a post whose id and text are made of ``number``."""
    return PostDraft(
        room=room,
        sender_key=sender,
        sender_name=sender.upper(),
        id=f"id {number}",
        text=f"text {number}",
        epoch=epoch,
        slowed=slowed,
    )


def edit(
    seq: int, text: str = "new", room: str = "main", *, sender: str = ANN, moderator: bool = False
) -> EditDraft:
    """Return an edit."""
    return EditDraft(
        room=room,
        sender_key=sender,
        sender_name=sender.upper(),
        seq=seq,
        text=text,
        moderator=moderator,
    )


def delete(
    seq: int, room: str = "main", *, sender: str = ANN, moderator: bool = False
) -> DeleteDraft:
    """Return a deletion."""
    return DeleteDraft(
        room=room, sender_key=sender, sender_name=sender.upper(), seq=seq, moderator=moderator
    )


def stored(outcomes: Iterable[Outcome]) -> list[Stored]:
    """Return ``outcomes``, none of which is a problem."""
    found = []
    for outcome in outcomes:
        assert isinstance(outcome, Stored), outcome
        found.append(outcome)
    return found


def seqs(outcomes: Iterable[Outcome]) -> list[int]:
    """Return the seqs of what was stored."""
    return [outcome.seq for outcome in stored(outcomes)]


def say(count: int, room: str = "main") -> None:
    """Store that many posts."""
    stored(store.append([post(number, room) for number in range(1, count + 1)]))


def live_room(database: str, slug: str = "main") -> Room:
    """Return a room's row as it now is."""
    return Room.objects.using(database).get(slug=slug)


def rows(database: str, slug: str = "main") -> list[Message]:
    """Return a room's log."""
    return list(Message.objects.using(database).filter(room__slug=slug).order_by("seq"))


def event(entry: Entry | None) -> events.Logged:
    """Return what an entry says."""
    assert entry is not None
    return frames.decode_logged(entry.text)


def in_threads(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Make ``calls`` at once, each in a thread with a connection of its own; their answers."""

    def call(function: Callable[[], T]) -> T:
        try:
            return function()
        finally:
            connections.close_all()

    calls = list(calls)
    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(call, calls))


# Who works on another database of the same server is another test's.
WAITING_FOR_A_LOCK = """
SELECT pid FROM pg_locks WHERE NOT granted AND pid IN (
    SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database()
)
"""


def wait_for_a_lock(database: str) -> None:
    """Wait until some other connection waits for a lock."""
    deadline = time.monotonic() + 10
    with connections[database].cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(WAITING_FOR_A_LOCK)
            if cursor.fetchone() is not None:
                return
    raise AssertionError("nobody waits for a lock")
