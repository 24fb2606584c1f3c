"""One WebSocket client: keeps its books, answers pings, posts when its own message is back."""

from __future__ import annotations

import asyncio
from time import monotonic_ns
from typing import TYPE_CHECKING, cast

from benchmarks.generator.digests import Aside, Digest
from benchmarks.generator.frames import CLOSE, PONG, client_frame

if TYPE_CHECKING:
    from benchmarks.generator.crowd import Crowd


class Client(asyncio.Protocol):
    """One session of the crowd's room.

    `received`, `checksum`, `seq`, `disorder` are its books; the crowd compares them with what was
    posted.
    """

    __slots__ = (
        "_buffer",
        "_crowd",
        "_open",
        "_transport",
        "checksum",
        "disorder",
        "ended",
        "entered",
        "index",
        "posting",
        "received",
        "sampled",
        "seq",
    )

    def __init__(self, crowd: Crowd, index: int, sampled: bool) -> None:
        self._crowd = crowd
        self._buffer = b""
        self._open = False
        self._transport: asyncio.WriteTransport | None = None
        self.index = index
        self.sampled = sampled
        self.posting = False
        self.received = 0
        self.checksum = 0
        self.seq = 0
        self.disorder = 0
        self.entered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the WebSocket."""
        self._transport = cast(asyncio.WriteTransport, transport)
        self._transport.write(self._crowd.request())

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the session is over, unless a close frame already said why."""
        self._end(f"connection lost ({exc})" if exc else "connection lost")

    def data_received(self, data: bytes) -> None:
        """Keep the books: the generator's hot path."""
        # Most often this is what the socket before has just received, so that is compared first.
        crowd = self._crowd
        digest = crowd.latest
        if digest.raw != data or self._buffer:
            digest = self._look_up(data)
        count = digest.deliveries
        if count:
            self.received += count
            self.checksum += digest.checksum
            if digest.first:
                if digest.first != self.seq + 1 or digest.breaks:
                    self.disorder += 1
                self.seq = digest.last
            if self.sampled and crowd.sampling:
                now = monotonic_ns()
                crowd.latencies.extend([now - sent for sent in digest.sent])
            if self.posting:
                own = digest.owners.get(self.index)
                if own:
                    crowd.came_back(self, own)
        if digest.aside is not None:
            self._heed(digest.aside)

    def _look_up(self, data: bytes) -> Digest:
        if not self._buffer:
            known = self._crowd.digests.find(data)
            if known is not None:
                self._crowd.latest = known
                return known
        return self._read(self._buffer + data)

    def _read(self, data: bytes) -> Digest:
        if not self._open:
            head, blank, rest = data.partition(b"\r\n\r\n")
            if not blank:
                self._buffer = data
                return Digest()
            self._upgraded(head)
            data = rest
        digest, self._buffer = self._crowd.digests.read(data)
        return digest

    def _upgraded(self, head: bytes) -> None:
        if b" 101 " not in head.split(b"\r\n", 1)[0] + b" ":
            self._end(f"refused: {head.splitlines()[0].decode('latin-1')}")
            return
        self._open = True
        for command in self._crowd.dialect.hello:
            self.send(command)
        if not self._crowd.dialect.joins:
            self._enter()

    def _heed(self, aside: Aside) -> None:
        crowd = self._crowd
        if aside.head is not None:
            self.seq = max(self.seq, aside.head)
            self._enter()
        crowd.acked += aside.acked
        crowd.acked_seq = max(crowd.acked_seq, aside.acked_seq)
        crowd.duplicates += aside.duplicates
        crowd.errors.extend(aside.errors)
        if aside.ping and self._transport is not None:
            self._transport.write(crowd.pong_frame(self.seq))
        for payload in aside.transport_pings:
            self.send(payload, PONG)
        if aside.closed is not None:
            self._end(f"closed with {aside.closed}")

    def _enter(self) -> None:
        if not self.entered.done():
            self.entered.set_result(None)

    def _end(self, reason: str) -> None:
        if self.ended is None:
            self.ended = reason
            self._crowd.left(self)
        if not self.entered.done():
            self.entered.set_exception(ConnectionError(f"session {self.index}: {self.ended}"))

    def send(self, payload: bytes, *opcode: int) -> None:
        """Send one frame, a text frame unless an opcode is given."""
        self.write(client_frame(payload, self._crowd.random, *opcode))

    def write(self, frames: bytes) -> None:
        """Send frames that are already made."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frames)

    def close(self) -> None:
        """Leave with a close frame and do not wait for the answer."""
        if self._transport is not None and self.ended is None:
            self.ended = "left"
            self.send((1000).to_bytes(2, "big"), CLOSE)
            self._transport.close()
