"""Why the server closes connections, on both servers."""

import asyncio
import contextlib
import json

import pytest

from tests.integration.clients import JsonClient, TerminalClient
from tests.integration.connection import Client, Ended
from tests.integration.people import Visits, new_guest
from tests.integration.settings import overriding
from tests.servers import Serve, ServerKind, SiteServer

HEARTBEAT = 2.0


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def kind(request: pytest.FixtureRequest) -> ServerKind:
    """Each kind of server."""
    kind: ServerKind = request.param
    return kind


@pytest.fixture(scope="module")
def server(serve_module: Serve, kind: ServerKind) -> SiteServer:
    """A site with a short heartbeat, and two connections for each guest."""
    return serve_module(kind, env=overriding(HEARTBEAT=HEARTBEAT, SESSIONS_PER_USER=2))


@pytest.fixture
def dialect(request: pytest.FixtureRequest) -> type[Client]:
    """A client of the dialect that a test is about."""
    client: type[Client] = request.param
    return client


both = pytest.mark.parametrize("dialect", [JsonClient, TerminalClient], indirect=True)


@both
async def test_binary_frame(server: SiteServer, visit: Visits, dialect: type[Client]) -> None:
    witness = await visit.json(server)
    async with await dialect.connect(server.ws_url) as client:
        await client.socket.send(b'{"type":"rooms"}')
        assert await client.closed() == 4500
    await witness.ask("rooms")


async def test_repeated_bad_frames(server: SiteServer, visit: Visits) -> None:
    client = await visit.json(server)

    async def talk_nonsense() -> None:
        for _ in range(100):
            since = len(client.events)
            await client.send_text("not JSON")
            await client.event("error", since, code="bad_frame")

    with pytest.raises(Ended):
        await talk_nonsense()
    assert await client.closed() == 4500
    errors = [event for event in client.events if event["type"] == "error"]
    assert len(errors) > 3, "a few are forgiven"


async def test_flooding(server: SiteServer, visit: Visits) -> None:
    client = await visit.json(server)
    frame = json.dumps([{"type": "leave", "room": "main"}] * 100)
    with contextlib.suppress(Ended):
        for _ in range(100):
            await client.send_text(frame)
    assert await client.closed() == 4500


@both
async def test_frame_too_big(server: SiteServer, visit: Visits, dialect: type[Client]) -> None:
    witness = await visit.json(server)
    for text in ("x" * 65_537, "é" * 32_769):
        async with await dialect.connect(server.ws_url) as client:
            await client.send_text(text)
            assert await client.closed() == 4509
    await witness.ask("rooms")


async def test_frame_just_not_too_big(server: SiteServer, visit: Visits) -> None:
    client = await visit.json(server)
    command = json.dumps({"type": "rooms", "ref": 1, "padding": ""})
    await client.send_text(command[:-2] + "x" * (65_536 - len(command)) + '"}')
    await client.event("rooms", ref=1)


@both
async def test_too_many_connections_of_one_guest(
    server: SiteServer, visit: Visits, dialect: type[Client]
) -> None:
    guest = new_guest()
    tabs = [await visit.json(server, who=guest) for _ in range(2)]
    async with await dialect.connect(server.ws_url, cookie=guest.cookie) as third:
        assert await third.closed() == 4003
    await tabs[0].ask("rooms")
    await visit.json(server, who=new_guest())


async def test_silent_client_is_pinged_and_then_closed(server: SiteServer, visit: Visits) -> None:
    talkative = await visit.json(server, "main")
    silent = await visit.json(server, "main")
    silent.answers = False
    await silent.event("ping", within=5 * HEARTBEAT)
    assert await silent.closed() == 4001
    pings = [event for event in silent.events if event["type"] == "ping"]
    assert len(pings) >= 2
    await talkative.ask("rooms")
    pings = [event for event in talkative.events if event["type"] == "ping"]
    assert len(pings) >= 2


async def test_terminal_need_not_answer(server: SiteServer, visit: Visits) -> None:
    terminal = await visit.terminal(server)
    witness = await visit.json(server)
    for _ in range(4):
        await witness.event("ping", len(witness.events), within=5 * HEARTBEAT)
    assert terminal.open
    assert not [line for line in terminal.lines if "ping" in line]


@both
async def test_guests_where_one_has_to_sign_in(
    serve_module: Serve, kind: ServerKind, dialect: type[Client]
) -> None:
    server = serve_module(kind, env={"CHAT_GUESTS": "none"})
    async with await dialect.connect(server.ws_url) as client:
        assert await client.closed() == 4501


@both
async def test_too_many_connections_from_one_address(
    serve_module: Serve, kind: ServerKind, dialect: type[Client]
) -> None:
    server = serve_module(kind, env={"CHAT_SESSIONS_PER_ADDRESS": "2"})
    async with (
        await dialect.connect(server.ws_url),
        await JsonClient.connect(server.ws_url) as second,
        await dialect.connect(server.ws_url) as third,
    ):
        assert await third.closed() == 4003
        await second.ask("rooms")
        await second.close()
        async with asyncio.timeout(60):
            # As soon as the server has noticed, there is room for another.
            while True:
                async with await JsonClient.connect(server.ws_url) as another:
                    try:
                        await another.event("welcome")
                        break
                    except Ended:
                        assert another.close_code == 4003
