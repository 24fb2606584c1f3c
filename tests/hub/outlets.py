"""Outlets, what they send into, and what they call back."""

from __future__ import annotations

import asyncio
from typing import Any

from chat.hub.outgoing import Outgoing, text_frame
from chat.hub.pressure import Producer
from chat.hub.sending import Outlet, Send

CLOSE = {"type": "websocket.close", "code": 4002}


def frame(text: object) -> Outgoing:
    """Return a text frame."""
    return text_frame(str(text))


class Ends:
    """An outlet, and how often it called back."""

    def __init__(self, send: Send, *, most: int = 2**20) -> None:
        self.freed = self.failed = self.cuts = 0
        self.outlet = Outlet(send, most=most, freed=self._freed, failed=self._failed, cut=self._cut)

    def _freed(self) -> None:
        self.freed += 1

    def _failed(self) -> None:
        self.failed += 1

    def _cut(self) -> None:
        self.cuts += 1


class Transport:
    """As Twisted's, which reads or does not."""

    reads = True

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Read no more."""
        self.reads = False

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Read again."""
        self.reads = True


class Connection:
    """As daphne's protocol: it takes all, and has a producer, at first the HTTP channel."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.producer: Any = "the HTTP channel"
        self.transport = Transport()

    def registerProducer(  # noqa: N802 - Twisted's name
        self, producer: Producer, streaming: bool
    ) -> None:
        """Have somebody told how full it is."""
        assert self.producer is None, "there may be one alone"
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:  # noqa: N802 - Twisted's name
        """Have nobody told any more."""
        self.producer = None

    @property
    def texts(self) -> list[str]:
        """The text frames that were sent."""
        return [message["text"] for message in self.sent if "text" in message]


class Stream:
    """As an asyncio transport."""

    def __init__(self) -> None:
        self.held = 0
        self.closing = self.aborted = False

    def get_write_buffer_size(self) -> int:
        """Say what the client has not taken."""
        return self.held

    def is_closing(self) -> bool:
        """Say whether it is over."""
        return self.closing or self.aborted

    def abort(self) -> None:
        """End at once."""
        self.aborted = True


class Protocol:
    """As uvicorn's, of which each ``send`` is a method."""

    def __init__(self) -> None:
        self.transport = Stream()
        self.sent: list[Outgoing] = []
        self.writable = asyncio.Event()
        self.writable.set()
        self.refuses = False

    async def send(self, message: Outgoing) -> None:
        """Send, once the connection can take more."""
        await self.writable.wait()
        if self.refuses:
            raise RuntimeError("after sending 'websocket.close'")
        self.sent.append(message)


class Server:
    """As daphne's, of whose method each ``send`` is a partial."""

    async def handle_reply(self, connection: Connection, message: Outgoing) -> None:
        """Send."""
        connection.sent.append(message)
