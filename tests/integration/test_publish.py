"""What ``chat.api.publish`` says in ``manage.py shell``, a process of its own, as people see it."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from tests.integration.clients import JsonClient
from tests.integration.people import Visits
from tests.integration.settings import overriding
from tests.servers import Serve, SiteServer
from tests.services import RedisServer

# Between two looks of a process at its rooms there are 5 s: what comes sooner, it was told.
SELDOM = 20.0
TOLD_SECONDS = 4.0

HEARTBEAT = 6.0
"""Of the site without Redis: its processes look four times in it."""

PRELUDE = """
from django.db import transaction
from chat.api import publish
room = {room}
"""

ROLLED_BACK = """
try:
    with transaction.atomic():
        publish(room, "rolled back", id="x")
        raise KeyError
except KeyError:
    pass
publish(room, "end")
"""

COMMITTED = """
with transaction.atomic():
    publish(room, "one", id="1")
    try:
        with transaction.atomic():
            publish(room, "inner, rolled back")
            raise KeyError
    except KeyError:
        pass
    publish(room, "two", id="2")
publish(room, "end")
"""

BY_A_USER = """
from django.contrib.auth import get_user_model
user = get_user_model().objects.create_user("olga")
publish(room, "from a user", user)
publish(room, "from a name", "Till 3")
print("user:", user.pk)
"""


@pytest.fixture(scope="module")
def servers(serve_module: Serve) -> Iterator[list[SiteServer]]:
    """Two daphne processes with a Redis."""
    with RedisServer() as redis:
        env = {"REDIS_URL": redis.url, **overriding(HEARTBEAT=SELDOM)}
        servers = [serve_module(env=env), serve_module(env=env)]
        yield servers
        for server in servers:
            server.stop()


@pytest.fixture
async def readers(servers: list[SiteServer], visit: Visits, room: str) -> list[JsonClient]:
    """Somebody on each process, in a room."""
    return [await visit.json(server, room) for server in servers]


async def shell(server: SiteServer, room: str, code: str) -> str:
    """Run ``code`` where ``publish``, ``transaction`` and ``room`` are known; what it printed."""
    code = PRELUDE.format(room=json.dumps(room)) + code
    return await asyncio.to_thread(server.manage, "shell", "-c", code)


async def test_one_line_in_main_is_seen_once_on_both_processes(
    servers: list[SiteServer], visit: Visits
) -> None:
    readers = [await visit.json(server, "main") for server in servers]
    line = await visit.terminal(servers[1])
    command = "from chat.api import publish; publish('main', 'hi', id='x')"
    await asyncio.to_thread(servers[0].manage, "shell", "-c", command)
    for reader in readers:
        event = await reader.said("main", "hi", within=TOLD_SECONDS)
        assert event["id"] == "x"
        assert event["sender"] == {"id": "s:System", "name": "System"}
    await line.line("System: hi", within=TOLD_SECONDS)
    await readers[1].post("main", "end")
    for reader in readers:
        await reader.said("main", "end", within=TOLD_SECONDS)
        assert reader.texts("main") == ["hi", "end"]
    await line.line(f"[UID: {readers[1].sender['id']}]: end", within=TOLD_SECONDS)
    assert line.lines.count("System: hi") == 1


async def test_the_same_id_is_one_message(
    servers: list[SiteServer], readers: list[JsonClient], room: str
) -> None:
    await shell(servers[0], room, "publish(room, 'hi', id='x'); publish(room, 'hi', id='x')")
    for reader in readers:
        await reader.said(room, "hi", within=TOLD_SECONDS)
    again = """
with transaction.atomic():
    publish(room, "hi", id="x")
publish(room, "hi again", id="y")
"""
    await shell(servers[1], room, again)
    for reader in readers:
        await reader.said(room, "hi again", within=TOLD_SECONDS)
        assert reader.texts(room) == ["hi", "hi again"]


async def test_what_is_rolled_back_is_never_seen(
    servers: list[SiteServer], readers: list[JsonClient], visit: Visits, room: str
) -> None:
    await shell(servers[0], room, ROLLED_BACK)
    for reader in readers:
        await reader.said(room, "end", within=TOLD_SECONDS)
        assert reader.texts(room) == ["end"]
    # Nothing was kept of it: its id is free.
    await shell(servers[0], room, "publish(room, 'at last', id='x')")
    for reader in readers:
        await reader.said(room, "at last", within=TOLD_SECONDS)
        assert reader.texts(room) == ["end", "at last"]
    late = await visit.json(servers[1], room)
    assert late.texts(room) == ["end", "at last"]


async def test_what_is_committed_is_seen_once_and_in_order(
    servers: list[SiteServer], readers: list[JsonClient], room: str
) -> None:
    await shell(servers[0], room, COMMITTED)
    for reader in readers:
        await reader.said(room, "end", within=TOLD_SECONDS)
        assert reader.texts(room) == ["one", "two", "end"]


async def test_users_and_names_are_senders(
    servers: list[SiteServer], readers: list[JsonClient], room: str
) -> None:
    printed = await shell(servers[0], room, BY_A_USER)
    key = printed.strip().rpartition("user: ")[2]
    for reader in readers:
        user = await reader.said(room, "from a user", within=TOLD_SECONDS)
        assert user["sender"] == {"id": key, "name": "olga"}
        name = await reader.said(room, "from a name", within=TOLD_SECONDS)
        assert name["sender"] == {"id": "s:Till 3", "name": "Till 3"}


async def test_without_redis_it_is_seen_within_a_heartbeat(
    serve: Serve, visit: Visits, room: str
) -> None:
    env = overriding(HEARTBEAT=HEARTBEAT)
    servers = [serve(env=env), serve(env=env)]
    readers = [await visit.json(server, room) for server in servers]
    await shell(servers[0], room, "publish(room, 'hi', id='x'); publish(room, 'hi', id='x')")
    async with asyncio.timeout(HEARTBEAT):
        for reader in readers:
            await reader.said(room, "hi")
    await shell(servers[0], room, ROLLED_BACK.replace('"x"', '"z"'))
    async with asyncio.timeout(HEARTBEAT):
        for reader in readers:
            await reader.said(room, "end")
    await shell(servers[0], room, COMMITTED.replace('"end"', '"and end"'))
    for reader in readers:
        await reader.said(room, "and end", within=HEARTBEAT)
        assert reader.texts(room) == ["hi", "end", "one", "two", "and end"]
