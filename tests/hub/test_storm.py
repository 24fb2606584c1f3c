"""Everybody comes back at once: how much of that reaches the database."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.backends.utils import CursorWrapper

from chat import store
from chat.hub.guard import Guard
from chat.identity import Identity
from chat.protocol.events import Sender
from tests.hub.clients import Wired, off_loop
from tests.hub.conftest import MakeHub
from tests.hub.rooms import draft
from tests.hub.roster import enrolled

SESSIONS = 5000
POSITIONS = 10

# The room, its tail, the roles of those who are signed in, what a beat asks meanwhile, the rows of
# the sessions, and one read for each of the positions that is not in the tail.
HANDFUL = 40


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts every statement that this process sends to its database, by its first word."""
    counted: Counter[str] = Counter()
    execute: Callable[..., Any] = CursorWrapper.execute
    execute_many: Callable[..., Any] = CursorWrapper.executemany

    def count(cursor: CursorWrapper, sql: str, params: Any = None) -> Any:
        counted[sql.split(None, 1)[0]] += 1
        return execute(cursor, sql, params)

    def count_many(cursor: CursorWrapper, sql: str, params: Any) -> Any:
        counted[sql.split(None, 1)[0]] += 1
        return execute_many(cursor, sql, params)

    monkeypatch.setattr(CursorWrapper, "execute", count)
    monkeypatch.setattr(CursorWrapper, "executemany", count_many)
    return counted


async def test_five_thousand_who_resume_at_once_are_a_handful_of_queries(
    make_hub: MakeHub, statements: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await off_loop(store.append, [draft(number) for number in range(1, 601)])
    epoch = (await off_loop(store.heads, ["main"]))["main"].epoch
    users = await off_loop(
        User.objects.bulk_create, [User(username=f"user {n}") for n in range(SESSIONS // 2)]
    )
    signed_in = [
        Identity(key=f"u:{user.pk}", sender=Sender(str(user.pk), user.username), user_pk=user.pk)
        for user in users
    ]
    # Its looks at everybody are as many as there is time for.
    monkeypatch.setattr(Guard, "_beat", 3600.0)
    hub = make_hub()
    await enrolled(hub)
    # Every other is a guest.
    sessions = [Wired(hub, who=who) for user in signed_in for who in (user, None)]
    statements.clear()
    for number, wired in enumerate(sessions):
        # Half of them miss more than the tail holds.
        after = 600 - (number % POSITIONS + 1) * 55
        wired.say({"type": "join", "room": "main", "after": {"epoch": epoch, "seq": after}})
    async with asyncio.timeout(120):
        for wired in sessions:
            while not any('"seq":600,' in text for text in reversed(wired.socket.texts)):
                await asyncio.sleep(0.05)
    reads = statements["SELECT"]
    print(f"{SESSIONS} resumes: {dict(statements)}")
    assert reads < HANDFUL
    for number, wired in enumerate(sessions):
        assert wired.told("joined")[0]["recovered"] is True
        assert wired.seqs == list(range(600 - (number % POSITIONS + 1) * 55 + 1, 601))
