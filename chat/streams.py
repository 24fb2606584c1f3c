"""A session over HTTP: its frames as server-sent events, where WebSockets do not get through.

What the hub knows of is a session like any other, with its limits, its presence and its end. Its
frames wait in a short queue until the response takes them; a ping among them is answered once the
server has taken it.

A stream hears nothing from its client, so that its length is the credit: it ends when a window's
worth was sent, and whoever comes back says by ``Last-Event-ID`` what has arrived. That bounds what
a server such as daphne, which buffers without limit, holds for a client that does not read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import msgspec
from asgiref.sync import sync_to_async
from django.db import connections

from chat.hub import visiting
from chat.hub.dialects import STREAM
from chat.hub.hub import Hub
from chat.hub.outgoing import Outgoing
from chat.hub.reel import FRAMES_IN_A_ROW, PING
from chat.identity import Identity
from chat.protocol import commands, frames

# Frames that wait for the response. More than the fan-out sends in a row, or a busy room would
# block every stream in each turn; each is about 64 KiB at most, and a row 256.
WAITING_MOST = 2 * FRAMES_IN_A_ROW

# Shorter than CHAT["PRESENCE_LINGER"]: who comes back after the end of a stream was never away.
RETRY_MILLISECONDS = 500

# A server with backpressure that has not taken a part for so long has a client that does not read.
# By then the hub has closed the session; this ends the request.
STUCK_SECONDS = 30.0

_JOINED = '"type":"joined"'


class _Part(NamedTuple):
    """One message of the stream. ``seq`` is the client's position in the room once it has it."""

    text: str
    seq: int | None = None
    starts: bool = False
    pinged: bool = False


class Stream:
    """A session in one room, and the content of the response that serves it."""

    def __init__(
        self, hub: Hub, who: Identity, address: str, *, seconds: float, client: str = ""
    ) -> None:
        self._hub = hub
        self._until = hub.loop.time() + seconds
        self._parts: asyncio.Queue[_Part] = asyncio.Queue(WAITING_MOST)
        self._session = hub.connect(who, STREAM, address, self._send, client=client)
        self._room = ""
        self._seen = self._events = self._size = 0

    async def join(self, command: commands.Join) -> None:
        """Enter the room. Raises a ``Problem``; then the stream is over."""
        self._room = command.room
        try:
            self._session.begin()
            await visiting.join(self._session, command)
        except BaseException:
            self._session.gone()
            raise

    async def _send(self, message: Outgoing) -> None:
        """What the session sends by; waits while too much waits for the response."""
        await self._parts.put(self._part(message))

    def _part(self, message: Outgoing) -> _Part:
        if message["type"] == "websocket.close":
            return _Part(f'event: close\ndata: {{"code": {message["code"]}}}\n\n')
        text = message["text"]
        seat = self._session.seats.get(self._room)
        seq = frames.last_seq(text)
        starts = _JOINED in text
        if starts and seat is not None:
            seq = seat.position
        head = "" if seq is None or seat is None else f"id: {seat.room.record.epoch}:{seq}\n"
        return _Part(f"{head}data: {text}\n\n", seq, starts, pinged=PING in text)

    def close(self) -> None:
        """The response is over: Django calls this, in a thread."""
        self._hub.loop.call_soon_threadsafe(self._session.gone)

    async def __aiter__(self) -> AsyncIterator[str]:
        """The stream. The session ends with it.

        One that is never sent is closed by the hub: its pings are not answered.
        """
        try:
            # Middleware may have asked the database in this request's thread, which lasts as long
            # as the stream does; its connection need not.
            await sync_to_async(connections.close_all)()
            yield f"retry: {RETRY_MILLISECONDS}\n\n"
            while not self._over and (parts := await self._waiting()):
                with self._cut_off_when_stuck():
                    yield "".join(part.text for part in parts)
                self._sent(parts)
        finally:
            self._session.gone()

    @contextmanager
    def _cut_off_when_stuck(self) -> Iterator[None]:
        """End session and request where the server does not take what is yielded."""
        task = asyncio.current_task()
        assert task is not None, "a response is sent by a task"

        def cut_off() -> None:
            # Django 6 closes neither the response nor this generator where it is cancelled.
            self._session.gone()
            task.cancel()

        stuck = self._hub.loop.call_later(STUCK_SECONDS, cut_off)
        try:
            yield
        finally:
            stuck.cancel()

    async def _waiting(self) -> list[_Part]:
        """What waits, at least one part; none when the time is up."""
        try:
            async with asyncio.timeout_at(self._until):
                found = [await self._parts.get()]
        except TimeoutError:
            return []
        while not self._parts.empty():
            found.append(self._parts.get_nowait())
        return found

    def _sent(self, parts: Sequence[_Part]) -> None:
        """The server has taken ``parts``: count them, and answer a ping among them."""
        for part in parts:
            if part.seq is not None:
                self._events += 0 if part.starts else part.seq - self._seen
                self._seen = part.seq
            self._size += len(part.text)
        if any(part.pinged for part in parts):
            pong = commands.Pong(seen={self._room: self._seen})
            self._session.receive(msgspec.json.encode(pong).decode())

    @property
    def _over(self) -> bool:
        """Whether a window's worth was sent, the time is up, or nothing more will come."""
        config = self._hub.config
        return (
            self._events >= config.window
            or self._size >= config.window_bytes
            or self._hub.loop.time() >= self._until
            or (self._session.closed and self._parts.empty())
        )
