"""The chat without WebSockets, on real servers: the same promises."""

import asyncio
import json
import os
import signal
from contextlib import AsyncExitStack

import pytest

from tests.integration.histories import Heard
from tests.integration.memory import GROWN_MOST, resident
from tests.integration.people import Visits, new_guest
from tests.integration.raw import TINY_BUFFER
from tests.integration.regulars import crowd, heard
from tests.integration.settings import overriding
from tests.integration.streams import Listener, Stream, listener, post, stream
from tests.servers import Serve, ServerKind, SiteServer

WINDOW = 64
MEGABYTE = 2**20


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def kind(request: pytest.FixtureRequest) -> ServerKind:
    """Each kind of server."""
    kind: ServerKind = request.param
    return kind


@pytest.fixture(scope="module")
def server(serve_module: Serve, kind: ServerKind) -> SiteServer:
    """A site with the middleware of one, whitenoise's synchronous one among it."""
    server = serve_module(kind, env=overriding(POSTS_PER_SECOND=0))
    server.manage(
        "shell",
        "-c",
        "from chat.models import Room\n"
        "Room.objects.get_or_create(slug='secret', defaults={'kind': 'private'})",
    )
    return server


def witnessed(who: Listener) -> list[Heard]:
    """Return what a listener has heard, as histories have it."""
    return [heard(entry) for entry in who.entries]


async def test_stream_and_socket_hear_and_see_each_other(
    server: SiteServer, visit: Visits, room: str
) -> None:
    bob = new_guest()
    client = await visit.json(server, room)
    async with stream(server, room, "name=Bob", cookie=bob.cookie) as listening:
        assert (await listening.joined())["online"] == 2
        sender = {"id": bob.uid, "name": "Bob"}
        await client.find(lambda e: sender in e.get("joined", ()), "presence of Bob")
        seq = (await client.post(room, "by socket"))["seq"]
        status, (ack,) = await post(
            server, room, {"text": "by post", "id": "a", "name": "Bob"}, cookie=bob.cookie
        )
        assert (status, ack["seq"]) == (200, seq + 1)
        await client.reach(room, seq + 1)
        await listening.until(lambda: seq + 1 in listening.seqs, "both messages")
        assert listening.log == client.logs[room].entries
        assert listening.log[-1]["sender"] == sender
        assert listening.last_id == f"{client.logs[room].epoch}:{seq + 1}"
        _, (rooms,) = await post(server, room, {"type": "rooms", "seen": {room: 0}})
        (line,) = [line for line in rooms["rooms"] if line["room"] == room]
        assert (line["online"], line["unread"]) == (2, 2)
        assert sender in line["members"]
    # A connection that is dropped is noticed, and makes itself felt.
    await client.online(room, {client.sender["id"]})


async def test_same_id_counts_once_over_both_transports(
    server: SiteServer, visit: Visits, room: str
) -> None:
    bob = new_guest()
    client = await visit.json(server, room, who=bob)
    ack = await client.post(room, "hello", id="a")
    status, (again,) = await post(server, room, {"text": "hello", "id": "a"}, cookie=bob.cookie)
    assert (status, again["seq"], again["duplicate"]) == (200, ack["seq"], True)


async def test_refusals_have_a_status(server: SiteServer, room: str) -> None:
    refused = await Stream.open(server, "secret")
    assert (refused.status, json.loads(refused.body)["code"]) == (404, "unknown_room")
    refused.close()
    status, (error,) = await post(server, "secret", {"text": "x", "id": "1"})
    assert (status, error["code"]) == (404, "unknown_room")
    status, page = await post(server, room, {"text": "x", "id": "1"}, token="")
    assert status == 403
    assert b"CSRF" in page


async def test_streams_that_end_lose_and_repeat_nothing(server: SiteServer, room: str) -> None:
    async with (
        crowd(room, [server], each=3) as talkers,
        listener(room, server, query="seconds=0.3") as who,
    ):
        while who.streams < 5:
            await talkers.talk(10)
        history = await talkers.history()
        await who.reach(talkers.regulars[0].acks[-1]["seq"])
        assert who.start is not None
        history.heard("listener", who.start, witnessed(who))
        assert history.faults() == []
        assert who.complete >= 4
        assert who.codes == []


async def test_streams_of_a_server_that_is_killed_lose_and_repeat_nothing(
    serve: Serve, kind: ServerKind, room: str
) -> None:
    server = serve(kind, env=overriding(POSTS_PER_SECOND=0))
    async with crowd(room, [server], each=2) as talkers, listener(room, server) as who:
        async with talkers.talking():
            for _ in range(2):
                await talkers.more(30)
                server.kill()
                await asyncio.to_thread(server.start)
            await talkers.more(30, within=30)
        history = await talkers.history()
        await who.reach(talkers.regulars[0].acks[-1]["seq"])
        assert who.start is not None
        history.heard("listener", who.start, witnessed(who))
        assert history.faults() == []


async def test_position_of_another_history_is_told_so(server: SiteServer, room: str) -> None:
    await post(server, room, {"type": "rooms"})
    async with stream(server, room, "after=other:5") as listening:
        assert (await listening.joined())["recovered"] is False


async def test_draining_server_says_so_and_lets_nobody_in(
    serve: Serve, kind: ServerKind, room: str
) -> None:
    server = serve(kind, env=overriding(DRAIN_SECONDS=30))
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(stream(server, room)) for _ in range(50)]
        for listening in streams:
            await listening.joined()
        os.kill(server.pid, signal.SIGTERM)
        await streams[0].end()
        late = await Stream.open(server, room)
        assert (late.status, late.headers["retry-after"]) == (503, "1")
        late.close()
        for listening in streams:
            await listening.end()
        assert {listening.code for listening in streams} == {4000}
        assert all(listening.complete for listening in streams)


async def test_memory_does_not_grow_with_what_streams_do_not_read(
    serve_module: Serve, kind: ServerKind, room: str
) -> None:
    server = serve_module(
        kind, env=overriding(WINDOW=WINDOW, WINDOW_BYTES=65_536, POSTS_PER_SECOND=0)
    )
    async with AsyncExitStack() as stack, crowd(room, [server], each=4) as talkers:
        await talkers.talk(50, size=4000)  # what a server has need of anyway
        before = resident(server.pid)
        for _ in range(20):
            unread = stream(server, room, "history=0", buffer=TINY_BUFFER)
            await stack.enter_async_context(unread)
        await talkers.talk(300, size=4000)
        grown = resident(server.pid) - before
        assert grown < GROWN_MOST, f"{grown / MEGABYTE:.0f} MB"
