"""A connection that comes back by itself, and carries one conversation."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import NoReturn

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Data, Subprotocol

from chat import __version__
from chat.management.tail.conversation import Conversation, Ended, Remark, Shown
from chat.management.tail.keyboard import Terminal
from chat.management.tail.showing import Showing
from chat.protocol import SUBPROTOCOL, commands, events, frames
from chat.protocol.closing import CloseCode
from chat.protocol.events import AnyEvent

# Seconds. The first wait is short, as most losses are; each failure doubles it.
FIRST_WAIT = 1.0
LONGEST_WAIT = 30.0
# After a deploy everybody comes back: this spreads them out.
DEPLOY_WAIT = 5.0
# How long one who leaves waits for the last lines to be stored.
LAST_LINES = 30.0

LINES_AHEAD = 100
"""Lines that may wait to be sent before no more are read: a file goes out as fast as it may."""

FRAME_MOST = 16 * 2**20
"""Bytes of a frame: more than any server sends, and no danger to this machine."""

_WORDS = {
    CloseCode.SIGNED_OUT: "signed out, or only those who are signed in are let in",
    CloseCode.REMOVED: "removed or banned",
    CloseCode.FRAME_TOO_BIG: "a line was longer than the server takes",
}


class Unreachable(Ended):
    """No WebSocket was opened."""


class Client:
    """One conversation, over one connection after another."""

    def __init__(
        self,
        url: str,
        conversation: Conversation,
        *,
        cookie: str,
        showing: Showing,
        terminal: Terminal,
    ) -> None:
        self.url = url
        self.conversation = conversation
        self._cookie = cookie
        self._showing = showing
        self._terminal = terminal
        self._socket: ClientConnection | None = None
        self._retrying: asyncio.Task[None] | None = None
        self._failures = 0
        self._news = asyncio.Event()

    async def look(self) -> None:
        """Show the last messages and leave. Raises ``Ended``."""
        conversation = self.conversation
        ask = commands.History(
            room=conversation.room, before=commands.SEQ_MOST, limit=conversation.history
        )
        async with self._connected() as socket:
            with suppress(ConnectionClosed):
                await socket.send(msgspec.json.encode(ask).decode())
                async for frame in socket:
                    for event in _decoded(frame):
                        if isinstance(event, events.History):
                            for message in event.messages:
                                self._show(message)
                            return
                        if isinstance(event, events.Error):
                            raise Ended(f"{conversation.room}: {event.detail}.")
            raise Ended(_words(socket.close_code))

    async def talk(self) -> None:
        """Stay until no more lines are typed and all of them are stored. Raises ``Ended``."""
        staying = asyncio.create_task(self._stay())
        typing = asyncio.create_task(self._type())
        try:
            await asyncio.wait({staying, typing}, return_when=asyncio.FIRST_COMPLETED)
            await (staying if staying.done() else typing)
        finally:
            staying.cancel()
            typing.cancel()
            await asyncio.gather(staying, typing, return_exceptions=True)

    def _show(self, shown: Shown) -> None:
        for line in self._showing.show(shown):
            self._terminal.print(line)

    # What is typed

    async def _type(self) -> None:
        conversation = self.conversation
        await self._until(lambda: conversation.joined)
        with self._terminal.typing() as lines:
            async for line in lines:
                for remark in conversation.say(line):
                    self._show(remark)
                if self._socket is None:
                    self._show(Remark("will be sent when the connection is back"))
                await self._send()
                await self._until(lambda: len(conversation.lines) < LINES_AHEAD)
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_LINES):
                await self._until(lambda: not conversation.lines)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._news.clear()
            await self._news.wait()

    # The connection

    async def _stay(self) -> NoReturn:
        while True:
            code = await self._visit()
            self._show(Remark("the connection is lost: coming back …"))
            await asyncio.sleep(self._wait(code))

    def _wait(self, code: int | None) -> float:
        """Seconds until the next try: at random, lest all come at once."""
        most = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(self._failures, 10))
        self._failures += 1
        return random.uniform(0, max(most, DEPLOY_WAIT) if code == CloseCode.GOING_AWAY else most)

    async def _visit(self) -> int | None:
        """Be connected for as long as that lasts; the code it was closed with."""
        try:
            async with self._connected() as socket:
                self._socket = socket
                with suppress(ConnectionClosed):
                    async for frame in socket:
                        await self._hear(frame)
                code = socket.close_code
        except Unreachable:
            if self.conversation.me is None:
                raise
            return None
        finally:
            self._socket = None
            self.conversation.lost()
            if self._retrying is not None:
                self._retrying.cancel()
        if code is not None and code >= CloseCode.PROTOCOL_VIOLATION:
            raise Ended(_words(code))
        return code

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[ClientConnection]:
        opening = connect(
            self.url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            additional_headers={"Cookie": self._cookie},
            user_agent_header=f"chat_tail/{__version__}",
            max_size=FRAME_MOST,
            close_timeout=2,
        )
        try:
            socket = await opening
        except InvalidStatus as error:
            status = error.response.status_code
            raise Unreachable(f"{self.url} answers with HTTP {status}: see --url.") from None
        except (OSError, InvalidHandshake) as error:
            raise Unreachable(
                f"Nobody answers at {self.url} ({error}). Is the server running? See --url."
            ) from None
        try:
            if socket.subprotocol != SUBPROTOCOL:
                raise Ended(f"{self.url} does not speak {SUBPROTOCOL}: see --url.")
            yield socket
        finally:
            await socket.close()

    async def _hear(self, frame: Data) -> None:
        conversation = self.conversation
        for event in _decoded(frame):
            for shown in conversation.hear(event):
                self._show(shown)
        if conversation.joined:
            self._failures = 0
        if conversation.retry_after is not None:
            self._retrying = asyncio.create_task(self._retry(conversation.retry_after))
            conversation.retry_after = None
        await self._send()
        self._news.set()

    async def _retry(self, wait: float) -> None:
        await asyncio.sleep(wait)
        self.conversation.go_on()
        await self._send()

    async def _send(self) -> None:
        if self._socket is not None and (taken := self.conversation.take()):
            with suppress(ConnectionClosed):  # whoever reads finds out
                await self._socket.send(msgspec.json.encode(taken).decode())


def _decoded(frame: Data) -> list[AnyEvent]:
    try:
        return frames.decode_events(frame if isinstance(frame, str) else "")
    except msgspec.DecodeError as error:
        raise Ended(f"The server said what this client does not understand: {error}.") from None


def _words(code: int | None) -> str:
    known = {int(close): words for close, words in _WORDS.items()}
    return f"The server closed the connection: {known.get(code or 0, f'code {code}')}."
