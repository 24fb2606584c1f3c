"""Clients in the tests' own process: what they say, and everything they are told."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Coroutine, Mapping
from http.cookies import SimpleCookie
from typing import Any, NamedTuple, ParamSpec, TypeVar

from channels.layers import InMemoryChannelLayer, channel_layers
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client as Browser

from chat import identity
from chat.hub import hub as hubs
from chat.hub.dialects import JSON, TERMINAL
from chat.hub.hub import Hub
from chat.identity import Identity
from chat.protocol import SUBPROTOCOL
from chat.protocol.frames import COMMANDS_PER_FRAME
from chat.routing import websocket_application
from tests.fakes import PATIENCE, Socket, soon

ORIGIN = "http://testserver"

OPEN_SITE = {
    "GUESTS": "post",
    "ROOM_CREATION": "anyone",
    "POSTS_PER_SECOND": 0,
    "PRESENCE_LINGER": 0,
    "GAP_WAIT": 0,
}
"""``settings.CHAT`` of a site where everybody may do everything."""

P = ParamSpec("P")
T = TypeVar("T")


def memory_layer() -> InMemoryChannelLayer:
    """Return the layer that the hubs of this process share."""
    layer = channel_layers["default"]
    assert isinstance(layer, InMemoryChannelLayer)
    return layer


async def off_loop(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call ``function``, which uses the database, in a thread that keeps no connection."""

    def call() -> T:
        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()

    return await asyncio.to_thread(call)


class Account(NamedTuple):
    """A user who has signed in to the site, and the cookies that say so."""

    user: User
    cookies: dict[str, str]


async def sign_up(name: str, **fields: Any) -> Account:
    """Make a user and sign them in."""

    def make() -> Account:
        user = User.objects.create_user(name, password="secret", **fields)
        browser = Browser()
        browser.force_login(user)
        cookie = settings.SESSION_COOKIE_NAME
        return Account(user, {cookie: browser.cookies[cookie].value})

    return await off_loop(make)


class Closed(Exception):
    """The server has closed the connection with ``code``."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Connection:
    """One WebSocket to the chat, below any dialect."""

    def __init__(
        self,
        path: str = "/ws",
        *,
        subprotocols: tuple[str, ...] = (),
        origin: str | None = ORIGIN,
        cookies: Mapping[str, str] | None = None,
        address: str = "192.0.2.1",
        agent: str = "",
        user: Any = None,
        application: Any = websocket_application,
    ) -> None:
        headers = [] if origin is None else [(b"origin", origin.encode())]
        if agent:
            headers.append((b"user-agent", agent.encode()))
        if cookies:
            pairs = "; ".join(f"{name}={value}" for name, value in cookies.items())
            headers.append((b"cookie", pairs.encode()))
        self.communicator = WebsocketCommunicator(
            application, path, headers=headers, subprotocols=list(subprotocols)
        )
        scope: Any = self.communicator.scope
        self.scope = scope
        scope["client"] = [address, 12345]
        if user is not None:
            scope["user"] = user
        self.accepted = False
        self.subprotocol: str | None = None
        self.cookies: SimpleCookie = SimpleCookie()
        """What the answer to the handshake sets."""
        self.code: int | None = None

    async def open(self) -> None:
        """Shake hands, and learn whether one is let in."""
        await self.communicator.send_input({"type": "websocket.connect"})
        answer = await self.communicator.receive_output(timeout=PATIENCE)
        self.accepted = answer["type"] == "websocket.accept"
        self.subprotocol = answer.get("subprotocol")
        for name, value in answer.get("headers", ()):
            assert name == b"set-cookie"
            self.cookies.load(value.decode())

    async def send_text(self, text: str) -> None:
        """Send a text frame."""
        await self.communicator.send_input({"type": "websocket.receive", "text": text})

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary frame."""
        await self.communicator.send_input({"type": "websocket.receive", "bytes": data})

    async def receive(self) -> str:
        """Wait for the next text frame. Raises ``Closed``."""
        if self.code is not None:
            raise Closed(self.code)
        message = await self.communicator.receive_output(timeout=PATIENCE)
        if message["type"] == "websocket.close":
            self.code = message["code"]
            raise Closed(message["code"])
        return str(message["text"])

    async def closed(self) -> int:
        """Wait until the server closes; its code. What comes before is passed over."""
        try:
            while True:
                await self.receive()
        except Closed as closed:
            return closed.code

    async def close(self) -> None:
        """Let the connection end, as its server would say."""
        if not self.communicator.future.done():
            await self.communicator.disconnect(code=self.code or 1001, timeout=PATIENCE)


class JsonClient(Connection):
    """A session that speaks JSON."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, subprotocols=(SUBPROTOCOL,), **kwargs)
        self.events: list[dict[str, Any]] = []
        """Everything, in order."""
        self._unseen: list[dict[str, Any]] = []
        self._refs = itertools.count(1)

    async def send(self, *commands: dict[str, Any]) -> None:
        """Send one command, or many in one frame."""
        await self.send_text(json.dumps(commands[0] if len(commands) == 1 else commands))

    async def hear(self) -> None:
        """Wait for the next frame. Raises ``Closed``."""
        found = json.loads(await self.receive())
        self.events += found
        self._unseen += found

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for an event that was not returned before."""
        while True:
            for event in self._unseen:
                if wanted(event):
                    self._unseen.remove(event)
                    return event
            await self.hear()

    async def event(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Wait for an event of a type, with these fields, that was not returned before."""
        return await self.until(
            lambda event: (
                event["type"] == kind
                and all(event.get(name) == value for name, value in fields.items())
            )
        )

    async def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send one command and wait for its direct reply."""
        ref = next(self._refs)
        await self.send({"type": kind, "ref": ref, **fields})
        return await self.until(lambda event: event.get("ref") == ref)

    async def join(self, room: str = "main", **fields: Any) -> dict[str, Any]:
        """Join a room."""
        reply = await self.ask("join", room=room, **fields)
        assert reply["type"] == "joined", reply
        return reply

    async def post(self, text: str, room: str = "main", **fields: Any) -> dict[str, Any]:
        """Post a message; its reply."""
        fields.setdefault("id", f"id-{next(self._refs)}")
        return await self.ask("post", room=room, text=text, **fields)

    async def talk(self, count: int, room: str = "main") -> None:
        """Post ``m1``, ``m2``, … until all of them are stored."""
        posts = [
            {"type": "post", "room": room, "text": f"m{number}", "id": f"m{number}"}
            for number in range(1, count + 1)
        ]
        for first in range(0, count, COMMANDS_PER_FRAME):
            await self.send(*posts[first : first + COMMANDS_PER_FRAME])
        for post in posts:
            await self.event("ack", id=post["id"])

    async def refusal(self, kind: str, **fields: Any) -> str:
        """Send one command that is answered with an error, whose code is returned."""
        reply = await self.ask(kind, **fields)
        assert reply["type"] == "error", reply
        return str(reply["code"])

    async def answered(self) -> None:
        """Wait until everything that was sent so far is answered."""
        assert await self.refusal("leave", room="-nowhere-") == "not_joined"

    def log(self, room: str = "main") -> list[dict[str, Any]]:
        """The logged events of a room it was sent, in order."""
        kinds = ("message", "edited", "deleted")
        return [e for e in self.events if e["type"] in kinds and e["room"] == room]

    def seqs(self, room: str = "main") -> list[int]:
        """Their seqs."""
        return [event["seq"] for event in self.log(room)]


class TerminalClient(Connection):
    """A session that speaks lines."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines: list[str] = []

    async def say(self, line: str) -> None:
        """Send a line."""
        await self.send_text(line)

    async def line(self) -> str:
        """Wait for the next line."""
        self.lines.append(await self.receive())
        return self.lines[-1]

    async def until(self, wanted: str) -> None:
        """Wait for a line, passing over others."""
        while await self.line() != wanted:
            pass


def post(number: int, room: str = "main", text: str = "hi") -> dict[str, Any]:
    """Return a post."""
    return {"type": "post", "room": room, "text": text, "id": f"p{number}", "ref": number}


class Wired:
    """A session on a fake socket, in a hub: the current one, or another of the same loop."""

    def __init__(
        self, hub: Hub | None = None, *, who: Identity | None = None, terminal: bool = False
    ) -> None:
        self.socket = Socket()
        self.hub = hub or hubs.current()
        dialect = TERMINAL if terminal else JSON
        self.session = self.hub.connect(
            who or identity.new_guest(), dialect, "192.0.2.1", self.socket.send
        )
        self.session.begin()

    def say(self, *commands: dict[str, Any]) -> None:
        """Let the client send one frame."""
        self.session.receive(json.dumps(commands))

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of a type that went out."""
        return [event for event in self.socket.events if event["type"] == kind]

    @property
    def seqs(self) -> list[int]:
        """The seqs of the logged events that went out."""
        kinds = ("message", "edited", "deleted")
        return [event["seq"] for event in self.socket.events if event["type"] in kinds]

    async def join(self, room: str = "main", **fields: Any) -> dict[str, Any]:
        """Join a room; what it was answered."""
        before = len(self.told("joined"))
        self.say({"type": "join", "room": room, **fields})
        await soon(lambda: len(self.told("joined")) > before)
        return self.told("joined")[before]


Connect = Callable[..., Coroutine[Any, Any, JsonClient]]
ConnectTerminal = Callable[..., Coroutine[Any, Any, TerminalClient]]
