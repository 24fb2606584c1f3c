"""A connection that comes back by itself, with servers that do what a test wants."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any

import pytest
from django.core.management.color import no_style
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from chat.management.tail import client as clients
from chat.management.tail.client import Client
from chat.management.tail.conversation import Conversation, Ended
from chat.management.tail.showing import ForPeople
from tests.fakes import PATIENCE

Script = Callable[["Peer"], Awaitable[None]]


class Paper:
    """A terminal that prints into a list, and has its lines typed beforehand."""

    def __init__(self, lines: Sequence[str] = ()) -> None:
        self.printed: list[str] = []
        self._typed = list(lines)

    def print(self, line: str) -> None:
        self.printed.append(line)

    def typing(self) -> AbstractContextManager[AsyncIterator[str]]:
        return nullcontext(self._lines())

    async def _lines(self) -> AsyncIterator[str]:
        for line in self._typed:
            yield line


class Peer:
    """The server's end of one connection."""

    def __init__(self, socket: ServerConnection, number: int) -> None:
        self.socket = socket
        self.number = number
        """Which connection of the test's this is, from 0."""

    async def say(self, *events: dict[str, Any]) -> None:
        await self.socket.send(json.dumps(events))

    async def welcome(self) -> None:
        await self.say(
            {
                "type": "welcome",
                "version": 1,
                "session": "s",
                "sender": {"id": "1", "name": "Guest 1"},
                "heartbeat": 20,
                "limits": {"text": 4000, "frame": 65536, "posts_per_second": 10, "window": 8192},
            }
        )

    async def hear(self, kind: str) -> dict[str, Any]:
        """Wait for a command of that type."""
        while True:
            said = json.loads(await self.socket.recv())
            for command in said if isinstance(said, list) else [said]:
                if command["type"] == kind:
                    return dict(command)

    async def let_in(self, head: int = 0, *, recovered: bool | None = None) -> dict[str, Any]:
        """Welcome the client and let it join; how it asked."""
        await self.welcome()
        join = await self.hear("join")
        fields = {"epoch": "e", "head": head, "recovered": recovered, "online": 1, "members": []}
        await self.say({"type": "joined", "room": "main", "title": "main", "ref": "join"} | fields)
        return join

    async def store(self, seq: int) -> dict[str, Any]:
        """Take a post and acknowledge it."""
        post = await self.hear("post")
        await self.say({"type": "ack", "room": "main", "id": post["id"], "seq": seq})
        return post


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[str]:
    """The address of a server that follows ``script`` in each connection."""
    numbers = iter(range(1000))

    async def handle(socket: ServerConnection) -> None:
        await script(Peer(socket, next(numbers)))
        await socket.wait_closed()

    protocols = [Subprotocol("chat.v1.json")]
    async with serve(handle, "127.0.0.1", 0, subprotocols=protocols, close_timeout=1) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/ws"


def client(url: str, *lines: str, conversation: Conversation | None = None) -> Client:
    return Client(
        url,
        conversation or Conversation("main", history=20),
        cookie="chat_guest=x",
        showing=ForPeople(no_style()),
        terminal=Paper(lines),
    )


def printed(tail: Client) -> list[str]:
    paper = tail._terminal
    assert isinstance(paper, Paper), "as these tests make it"
    return paper.printed


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_WAIT", "LONGEST_WAIT", "DEPLOY_WAIT"):
        monkeypatch.setattr(clients, name, 0.01)


async def talk(tail: Client) -> None:
    async with asyncio.timeout(PATIENCE):
        await tail.talk()


async def test_lines_are_stored_before_it_leaves() -> None:
    stored: list[str] = []

    async def script(peer: Peer) -> None:
        await peer.let_in()
        stored.extend([(await peer.store(seq))["text"] for seq in (1, 2)])

    async with serving(script) as url:
        tail = client(url, "one", "two")
        await talk(tail)
    assert stored == ["one", "two"]
    assert not tail.conversation.lines


@pytest.mark.parametrize("code", [1000, 1011, 4000, 4001, 4003])
async def test_line_that_was_under_way_goes_out_again_over_the_next_connection(code: int) -> None:
    posts: list[dict[str, Any]] = []

    async def script(peer: Peer) -> None:
        join = await peer.let_in(recovered=True if peer.number else None)
        if peer.number:
            assert join["after"] == {"epoch": "e", "seq": 0}
            posts.append(await peer.store(1))
        else:
            posts.append(await peer.hear("post"))
            await peer.socket.close(code)

    async with serving(script) as url:
        tail = client(url, "one")
        await talk(tail)
    assert posts[0] == posts[1]
    assert "* the connection is lost: coming back …" in printed(tail)


async def test_line_that_has_to_wait_goes_out_again() -> None:
    posts: list[dict[str, Any]] = []

    async def script(peer: Peer) -> None:
        await peer.let_in()
        posts.append(await peer.hear("post"))
        error = {"type": "error", "code": "rate_limited", "detail": "", "id": posts[0]["id"]}
        await peer.say({**error, "retry_after": 0.01})
        posts.append(await peer.store(1))

    async with serving(script) as url:
        await talk(client(url, "one"))
    assert posts[0] == posts[1]


async def test_what_is_not_stored_in_time_is_left_behind_and_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clients, "LAST_LINES", 0.01)

    async def script(peer: Peer) -> None:
        await peer.let_in()

    async with serving(script) as url:
        tail = client(url, "one")
        await talk(tail)
    assert [line.text for line in tail.conversation.lines] == ["one"]


@pytest.mark.parametrize(
    ("code", "told"),
    [(4501, "signed in"), (4503, "removed or banned"), (4509, "longer"), (4500, "code 4500")],
)
async def test_code_that_forbids_to_come_back_ends_it(code: int, told: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.socket.close(code)

    async with serving(script) as url:
        with pytest.raises(Ended, match=told):
            await talk(client(url))
        with pytest.raises(Ended, match=told):
            await client(url).look()


@pytest.mark.parametrize("frame", ["hello", b"\0", '[{"type": "unheard"}]'])
async def test_server_that_speaks_otherwise_ends_it(frame: str | bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.socket.send(frame)

    async with serving(script) as url:
        with pytest.raises(Ended, match="does not understand"):
            await talk(client(url))


async def test_server_without_the_protocol_is_told_by_its_address() -> None:
    async def handle(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with serve(handle, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/ws"
        with pytest.raises(Ended, match=rf"{url} does not speak chat\.v1\.json"):
            await talk(client(url))


async def test_server_that_refuses_is_told_with_its_status() -> None:
    def refuse(socket: ServerConnection, request: Any) -> Any:
        return socket.respond(403, "")

    async def handle(socket: ServerConnection) -> None:
        raise AssertionError("nobody is let in")

    async with serve(handle, "127.0.0.1", 0, process_request=refuse) as server:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/ws"
        with pytest.raises(Ended, match="HTTP 403"):
            await talk(client(url))


async def test_server_that_is_away_ends_what_had_not_begun_and_nothing_else() -> None:
    async def script(peer: Peer) -> None:
        await peer.let_in()

    async with serving(script) as url:
        tail = client(url)
        listening = asyncio.create_task(tail._stay())
        async with asyncio.timeout(PATIENCE):
            await tail._until(lambda: tail.conversation.joined)
    with pytest.raises(Ended, match="Is the server running"):
        await talk(client(url))
    async with asyncio.timeout(PATIENCE):
        while printed(tail).count("* the connection is lost: coming back …") < 3:
            await asyncio.sleep(0.001)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_look_shows_the_last_messages() -> None:
    async def script(peer: Peer) -> None:
        await peer.welcome()
        asked = await peer.hear("history")
        assert asked["limit"] == 20
        message = {"type": "message", "room": "main", "seq": 3, "id": "i", "text": "hello"}
        message |= {"sender": {"id": "7", "name": "bob"}, "at": "2026-11-28T12:00:00.000Z"}
        await peer.say({"type": "history", "room": "main", "messages": [message], "more": True})

    async with serving(script) as url:
        tail = client(url)
        await tail.look()
    assert printed(tail)[-1] == "12:00 bob: hello"


async def test_look_at_what_one_may_not_see_ends_it() -> None:
    async def script(peer: Peer) -> None:
        await peer.hear("history")
        await peer.say({"type": "error", "code": "unknown_room", "detail": "there is no such room"})

    async with serving(script) as url:
        with pytest.raises(Ended, match="main: there is no such room"):
            await client(url).look()
