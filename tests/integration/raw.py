"""A WebSocket client that sends whatever bytes it is told to, and reads only when it is told to."""

import asyncio
import contextlib
import json
import secrets
import socket
import struct
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from tests.integration.connection import PATIENCE
from tests.integration.people import Door
from tests.integration.shapes import LOGGED, Event, check

TINY_BUFFER = 2048
"""Bytes of receive buffer; the system doubles it, or takes its own least."""


def frame(
    payload: bytes | str,
    *,
    opcode: int = Opcode.TEXT,
    fin: bool = True,
    reserved: int = 0,
    masked: bool = True,
    claims: int | None = None,
) -> bytes:
    """One frame as a client sends it, or as none may; ``claims`` is the length it says it has."""
    data = payload.encode() if isinstance(payload, str) else payload
    length = len(data) if claims is None else claims
    head = bytes([fin << 7 | reserved << 4 | opcode])
    mask_bit = masked << 7
    if length < 126:
        head += bytes([mask_bit | length])
    elif length < 65_536:
        head += struct.pack("!BH", mask_bit | 126, length)
    else:
        head += struct.pack("!BQ", mask_bit | 127, length)
    if not masked:
        return head + data
    mask = secrets.token_bytes(4)
    key = int.from_bytes((mask * (len(data) // 4 + 1))[: len(data)], "big")
    hidden = (int.from_bytes(data, "big") ^ key).to_bytes(len(data), "big")
    return head + mask + hidden


class RawClient:
    """A session over a bare socket, JSON or a terminal. What is not read stays with the server."""

    def __init__(self, connection: socket.socket, protocol: ClientProtocol) -> None:
        self.events: list[Event] = []
        """Everything that was read, in order, by a JSON session."""
        self.lines: list[str] = []
        """The same by a terminal."""
        self.over = False
        """Whether the server has ended the connection, as far as was read."""
        self._socket = connection
        self._protocol = protocol

    @classmethod
    async def connect(
        cls, server: Door, *, buffer: int | None = None, terminal: bool = False
    ) -> Self:
        """Open a session, with ``buffer`` bytes for what comes in where that is given."""
        loop = asyncio.get_running_loop()
        connection = socket.socket()
        connection.setblocking(False)
        if buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            # As on a network: loopback's segments of 64 kB would not fit into the window, and come
            # only when the sender's timer says so, which is seconds when it has waited for long.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        await loop.sock_connect(connection, ("127.0.0.1", urlsplit(server.ws_url).port))
        subprotocols = None if terminal else [Subprotocol("chat.v1.json")]
        protocol = ClientProtocol(
            parse_uri(server.ws_url), subprotocols=subprotocols, max_size=None
        )
        protocol.send_request(protocol.connect())
        client = cls(connection, protocol)
        await client.until(lambda: protocol.state is State.OPEN, "handshake")
        if not terminal:
            await client.until(lambda: client.events, "welcome")
        return client

    async def send(self, data: bytes) -> None:
        """Send bytes as they are. Raises ``OSError`` where the connection is gone."""
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def say(self, kind: str, **fields: Any) -> None:
        """Send one command."""
        await self.send(frame(json.dumps({"type": kind, **fields})))

    async def until(self, found: Callable[[], Any], what: str, *, within: float = PATIENCE) -> None:
        """Read on until ``found()`` is true. Raises ``AssertionError`` if it never is."""
        try:
            async with asyncio.timeout(within):
                await self._answer()
                while not found():
                    assert not self.over, f"ended with {self.code}, waiting for {what}"
                    await self._read()
        except TimeoutError:
            raise AssertionError(
                f"no {what} within {within} s; {self.events[-3:]!s:.2000}"
            ) from None

    def has_joined(self) -> bool:
        """Whether it was told so, whatever came since."""
        return any(event["type"] == "joined" for event in self.events)

    async def end(self, *, within: float = PATIENCE) -> int | None:
        """Read on until the connection has ended; its close code, None where it was dropped."""
        await self.until(lambda: self.over, "end", within=within)
        return self.code

    @property
    def code(self) -> int | None:
        """The server's close code, as far as was read."""
        received = self._protocol.close_rcvd
        return received.code if received else None

    def close(self) -> None:
        """Be gone."""
        self._socket.close()

    async def sip(self, a_second: int, enough: Callable[[], Any]) -> None:
        """Read so many bytes a second, and say how far one is when asked, until ``enough()``."""
        asked = 0
        while not self.over and not enough():
            await self._read(a_second // 10)
            pings = sum(event["type"] == "ping" for event in self.events)
            if pings > asked:
                asked = pings
                seen = {e["room"]: e["seq"] for e in self.events if e["type"] in LOGGED}
                with contextlib.suppress(OSError):
                    await self.say("pong", seen=seen)
            await asyncio.sleep(0.1)

    async def _read(self, most: int = 65_536) -> None:
        try:
            data = await asyncio.get_running_loop().sock_recv(self._socket, most)
        except OSError:
            data = b""
        if data:
            self._protocol.receive_data(data)
        else:
            self.over = True
            self._protocol.receive_eof()
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._note(bytes(event.data).decode())
        await self._answer()

    def _note(self, text: str) -> None:
        if self._protocol.subprotocol is None:
            self.lines.append(text)
            return
        for told in json.loads(text):
            check(told)
            self.events.append(told)

    async def _answer(self) -> None:
        """Send what the protocol itself answers: to pings and closes."""
        for data in self._protocol.data_to_send():
            if data and not self.over:
                try:
                    await self.send(data)
                except OSError:
                    return  # the end is noted where it is read

    def log(self, room: str) -> list[Event]:
        """What was read of the log of a room."""
        return [e for e in self.events if e["type"] in LOGGED and e["room"] == room]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
