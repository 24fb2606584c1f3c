"""The database fails: what cannot be stored is refused, and nothing needs a restart afterwards."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from tests.chaos.conftest import PLANS
from tests.chaos.deployment import Deployment
from tests.integration.clients import JsonClient, Refused
from tests.integration.people import Visits

Trouble = Callable[[Deployment, str], AbstractAsyncContextManager[None]]

# More than is left in the pages that a database has already.
LONG = "x" * 4000


@asynccontextmanager
async def stopped(site: Deployment, room: str) -> AsyncIterator[None]:
    """PostgreSQL is not there."""
    assert site.postgres is not None
    await asyncio.to_thread(site.postgres.stop)
    yield
    await asyncio.to_thread(site.postgres.start)


@asynccontextmanager
async def full(site: Deployment, room: str) -> AsyncIterator[None]:
    """PostgreSQL finds the disk full whenever a message is to be stored."""
    with psycopg.connect(site.database, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"
        )
        connection.execute(
            "CREATE TRIGGER full_disk BEFORE INSERT ON chat_message EXECUTE FUNCTION full_disk()"
        )
        yield
        connection.execute("DROP FUNCTION full_disk CASCADE")


@asynccontextmanager
async def locked(site: Deployment, room: str) -> AsyncIterator[None]:
    """Somebody holds the room's row for longer than PostgreSQL lets others wait."""
    name = site.database.rpartition("/")[2]
    with psycopg.connect(site.database, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE \"{name}\" SET lock_timeout = '300ms'".encode())
        # It holds for connections that are made from now on.
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND pid <> pg_backend_pid()",
            [name],
        )
        with connection.transaction():
            connection.execute("SELECT * FROM chat_room WHERE slug = %s FOR UPDATE", [room])
            yield
        connection.execute(f'ALTER DATABASE "{name}" RESET lock_timeout'.encode())


@asynccontextmanager
async def full_sqlite(site: Deployment, room: str) -> AsyncIterator[None]:
    """SQLite may not let its file grow any more."""
    for process in site.processes:
        process.arm("disk_full")
    yield
    for process in site.processes:
        process.disarm()


@asynccontextmanager
async def locked_sqlite(site: Deployment, room: str) -> AsyncIterator[None]:
    """Somebody holds SQLite's one lock for longer than others wait."""
    path = Path(site.database.removeprefix("sqlite:///"))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.execute("ROLLBACK")
    connection.close()


POSTGRES, UVICORN, SQLITE = PLANS


async def refused(client: JsonClient, room: str) -> list[str]:
    """Post until it is answered ``unavailable``, three times; what had been stored before."""
    stored, refusals = [], 0
    for number in range(200):
        text = f"{number} {LONG}"[:4000]
        reply = await client.ask_anyway("post", room=room, text=text, id=str(number))
        assert reply["id"] == str(number)
        if reply["type"] == "ack":
            stored.append(text)
            continue
        assert reply["code"] == "unavailable"
        refusals += 1
        if refusals == 3:
            return stored
    raise AssertionError("nothing was refused")


@pytest.mark.parametrize(
    ("site", "trouble"),
    [
        pytest.param(plan, trouble, id=f"{trouble.__name__}, {plan}")
        for plan, trouble in (
            (POSTGRES, stopped),
            (UVICORN, stopped),
            (POSTGRES, full),
            (UVICORN, full),
            (POSTGRES, locked),
            (UVICORN, locked),
            (SQLITE, full_sqlite),
            (SQLITE, locked_sqlite),
        )
    ],
    indirect=["site"],
)
async def test_what_cannot_be_stored_is_refused_and_all_goes_on_afterwards(
    site: Deployment, trouble: Trouble, visit: Visits, room: str
) -> None:
    anna, bert = [await visit.json(door, room) for door in site.doors]
    await anna.post(room, "before")
    async with trouble(site, room):
        stored = await refused(anna, room)
    await again(lambda: anna.post(room, "after", id="after"))
    await bert.said(room, "after")
    # The same connections, and nothing of what was refused.
    for client in (anna, bert):
        assert client.texts(room) == ["before", *stored, "after"]
    await again(lambda: bert.post(room, "answer", id="answer"))
    await anna.said(room, "answer")


async def again(post: Callable[[], Awaitable[object]]) -> None:
    """Do it until the database is there. Raises what else is wrong."""
    async with asyncio.timeout(60):
        while True:
            try:
                await post()
            except Refused as problem:
                if problem.code != "unavailable":
                    raise
                await asyncio.sleep(0.1)
            else:
                return


@pytest.mark.parametrize("site", [POSTGRES, UVICORN], indirect=True, ids=str)
async def test_everything_that_asks_the_database_says_that_it_is_away(
    site: Deployment, visit: Visits, room: str
) -> None:
    anna = await visit.json(site.doors[0], room)
    await anna.post(room, "before")
    async with stopped(site, room):
        for command in (
            {"kind": "post", "room": room, "text": "x", "id": "1"},
            {"kind": "edit", "room": room, "seq": 1, "text": "y"},
            {"kind": "delete", "room": room, "seq": 1},
            {"kind": "history", "room": room, "before": 2},
            {"kind": "rooms"},
            {"kind": "join", "room": f"{room}-new"},
        ):
            assert (await anna.refusal(**command))["code"] == "unavailable", command
        # What is in memory is served: who comes in need not wait for the database.
        bert = await visit.json(site.doors[0], room)
        assert bert.texts(room) == ["before"]
    await again(lambda: anna.ask("edit", room=room, seq=1, text="after"))
    await bert.event("edited", room=room, target=1, text="after")
