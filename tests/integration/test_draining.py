"""Deploys: a process that is told to stop leaves politely, and its clients lose nothing."""

import asyncio
import http.client
import json
import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.integration.clients import JsonClient, Refused
from tests.integration.connection import Ended
from tests.integration.people import Visits, new_guest
from tests.integration.settings import overriding
from tests.servers import Serve, ServerKind, SiteServer
from tests.services import RedisServer

DRAIN_SECONDS = 2.0


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


async def until(condition: Callable[[], bool], what: str, within: float = 15.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not {what} within {within} s"
        await asyncio.sleep(0.02)


async def test_sessions_are_told_to_come_back_and_the_process_is_gone_in_time(
    serve: Serve, kind: ServerKind, visit: Visits, room: str
) -> None:
    server = serve(kind, env=overriding(DRAIN_SECONDS=DRAIN_SECONDS))
    clients = await visit.jsons(server, room, 20)
    assert readiness(server)[0] == 200

    terminate(server)
    started = time.monotonic()
    codes = {await client.closed() for client in clients[:1]}
    status, answer = await asyncio.to_thread(readiness, server)
    assert (status, answer["status"]) == (503, "unready")
    ended = []
    for client in clients[1:]:
        codes.add(await client.closed())
        ended.append(time.monotonic() - started)
    assert codes == {4000}
    # Not all at once, or they would all be back at once.
    assert ended[-1] > DRAIN_SECONDS / 8
    await until(lambda: not server.running, "gone", DRAIN_SECONDS + 5)


async def test_nobody_is_let_in_while_draining(
    serve: Serve, kind: ServerKind, visit: Visits, room: str
) -> None:
    server = serve(kind, env=overriding(DRAIN_SECONDS=DRAIN_SECONDS))
    clients = await visit.jsons(server, room, 20)
    terminate(server)
    assert await clients[0].closed() == 4000
    late = await JsonClient.connect(server.ws_url)
    assert await late.closed() == 4000


async def test_a_rolling_restart_of_two_processes_loses_nothing(
    serve: Serve, redis_server: RedisServer, visit: Visits, room: str
) -> None:
    env = overriding(DRAIN_SECONDS=2.0, POSTS_PER_SECOND=0) | {"REDIS_URL": redis_server.url}
    servers = [serve(env=env), serve(env=env)]
    posted: list[str] = []
    listening, stop, silent = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def talk(number: int) -> None:
        """Post; on a close come back elsewhere and send again what was not acknowledged."""
        at, count, who = number, 0, new_guest()
        client = await visit.json(servers[at % 2], room, who=who)
        while not stop.is_set():
            text = f"{number}-{count}"
            try:
                await client.post(room, text, id=text)
            except (Ended, OSError):
                while True:
                    at += 1
                    try:
                        client = await visit.json(servers[at % 2], room, who=who)
                        break
                    except (Ended, OSError):
                        await asyncio.sleep(0.05)
                continue
            except Refused:
                continue
            posted.append(text)
            count += 1
            await asyncio.sleep(0.01)

    async def listen() -> list[str]:
        """Resume wherever there is a process, and note every message once."""
        seen: list[str] = []
        client = await visit.json(servers[0], room)
        position = client.position(room)
        at = 0
        listening.set()
        while True:
            try:
                client = await visit.json(servers[at % 2])
                joined = await client.join(room, after=position)
                assert joined["recovered"] is True
                while client.open and not (
                    silent.is_set() and set(posted) <= {*seen, *client.texts(room)}
                ):
                    await asyncio.sleep(0.02)
                seen += client.texts(room)
                position = client.position(room)
                if client.open:
                    return seen
            except (Ended, OSError):
                pass
            at += 1
            await asyncio.sleep(0.05)

    listener = asyncio.create_task(listen())
    await listening.wait()
    talkers = [asyncio.create_task(talk(number)) for number in range(4)]
    try:
        await until(lambda: len(posted) > 40, "talking")
        for server in servers:
            before = len(posted)
            await asyncio.to_thread(server.restart)
            await until(lambda before=before: len(posted) > before + 40, "talking again")  # type: ignore[misc]
    finally:
        stop.set()
    await asyncio.gather(*talkers)
    silent.set()
    seen = await asyncio.wait_for(listener, 30)
    assert len(seen) == len(set(seen))
    assert set(posted) <= set(seen)


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
