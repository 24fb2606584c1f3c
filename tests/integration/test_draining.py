"""Deploys: a process that is told to stop leaves politely, and its clients lose nothing."""

import asyncio
import http.client
import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing

import pytest

from tests.chaos.relay import Relay
from tests.integration.clients import JsonClient
from tests.integration.people import Visits
from tests.integration.raw import TINY_BUFFER, RawClient
from tests.integration.regulars import crowd
from tests.integration.settings import overriding
from tests.servers import Serve, ServerKind, SiteServer
from tests.services import RedisServer

DRAIN_SECONDS = 2.0
LONGER_SECONDS = 30.0
"""Where something is to happen between the end of the first session and that of the process."""

GOING_AWAY = 4000


@pytest.fixture(params=["daphne", "uvicorn"])
def kind(request: pytest.FixtureRequest) -> ServerKind:
    kind: ServerKind = request.param
    return kind


def terminate(server: SiteServer) -> None:
    os.kill(server.pid, signal.SIGTERM)


def readiness(server: SiteServer) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", "/healthcheck/ready")
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


async def first_to_end(clients: Sequence[JsonClient]) -> None:
    """Wait until one of them was sent away, whichever came first."""
    ends = [asyncio.create_task(client.closed()) for client in clients]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for end in ends:
        end.cancel()
    await asyncio.gather(*ends, return_exceptions=True)


async def until(condition: Callable[[], bool], what: str, within: float = 15.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not {what} within {within} s"
        await asyncio.sleep(0.02)


async def test_sessions_are_told_to_come_back_and_the_process_is_gone_in_time(
    serve: Serve, kind: ServerKind, visit: Visits, room: str
) -> None:
    server = serve(kind, env=overriding(DRAIN_SECONDS=LONGER_SECONDS))
    clients = await visit.jsons(server, room, 50)
    assert readiness(server)[0] == 200

    started = time.monotonic()
    terminate(server)
    await first_to_end(clients)
    status, answer = await asyncio.to_thread(readiness, server)
    assert (status, answer["status"]) == (503, "unready")
    assert {await client.closed() for client in clients} == {GOING_AWAY}
    # Not all at once, or they would all be back at once.
    assert time.monotonic() - started > LONGER_SECONDS / 8
    await until(lambda: not server.running, "gone", LONGER_SECONDS + 5)


async def test_nobody_is_let_in_while_draining(
    serve: Serve, kind: ServerKind, visit: Visits, room: str
) -> None:
    server = serve(kind, env=overriding(DRAIN_SECONDS=LONGER_SECONDS))
    clients = await visit.jsons(server, room, 50)
    terminate(server)
    await first_to_end(clients)
    late = await JsonClient.connect(server.ws_url)
    assert await late.closed() == GOING_AWAY


async def test_a_rolling_restart_of_two_processes_behind_one_address_loses_nothing(
    serve: Serve, kind: ServerKind, redis_server: RedisServer, visit: Visits, room: str
) -> None:
    env = overriding(DRAIN_SECONDS=2.0, POSTS_PER_SECOND=0) | {"REDIS_URL": redis_server.url}
    servers = [serve(kind, env=env), serve(kind, env=env)]
    with Relay(*(server.port for server in servers)) as address:
        async with crowd(room, [address], each=5) as people:
            async with people.talking():
                await people.more(40)
                for server in servers:
                    await asyncio.to_thread(server.restart)
                    await people.more(40)
            history = await people.history()
    assert history.faults() == []
    # Each process has sent some of them away, if only those who came from the other.
    codes = [code for regular in people.regulars for code in regular.codes]
    assert codes.count(GOING_AWAY) >= len(servers)


async def test_after_a_restore_clients_start_over_honestly(
    serve: Serve, visit: Visits, room: str
) -> None:
    server = serve()
    connected = await visit.json(server, room)
    away = await visit.json(server, room)
    await connected.post(room, "before")
    await away.said(room, "before")
    position = away.position(room)
    await away.close()

    told = len(connected.events)
    assert room in await asyncio.to_thread(server.manage, "chat_new_epoch", room)

    joined = await connected.event("joined", told, room=room)
    assert joined["recovered"] is False
    assert joined["epoch"] != position["epoch"]
    back = await visit.json(server)
    assert (await back.join(room, after=position))["recovered"] is False
    assert back.texts(room) == ["before"]
    await connected.post(room, "after")
    await back.said(room, "after")


async def test_process_is_gone_in_time_where_a_client_takes_nothing_more(
    serve: Serve, kind: ServerKind, visit: Visits, room: str
) -> None:
    env = overriding(DRAIN_SECONDS=DRAIN_SECONDS, POSTS_PER_SECOND=0)
    server = serve(kind, env=env)
    talker = await visit.json(server, room)
    stuck = await RawClient.connect(server, buffer=TINY_BUFFER)
    try:
        await stuck.say("join", room=room, history=0)
        await stuck.until(stuck.has_joined, "joined")
        for number in range(100):  # more than the systems between them take
            await talker.post(room, f"{number} {'x' * 3900}")
        for _ in range(100):
            await stuck.say("history", room=room, before=101, limit=100)
        await talker.post(room, "it was heard by then")
        terminate(server)
        await until(lambda: not server.running, "gone", DRAIN_SECONDS + 8)
    finally:
        stuck.close()


async def test_process_is_gone_in_time_while_a_post_waits_for_the_database(
    serve: Serve, kind: ServerKind, visit: Visits, room: str
) -> None:
    server = serve(kind, env=overriding(DRAIN_SECONDS=DRAIN_SECONDS))
    anna = await visit.json(server, room)
    database = server.env["DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await anna.send("post", room=room, text="it waits", id="1")
        await anna.ask("leave", room=room)  # which is carried out after it
        terminate(server)
        await until(lambda: not server.running, "gone", DRAIN_SECONDS + 8)
    assert "drained not in time" in server.log
