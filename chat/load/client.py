"""One WebSocket client: keeps its books, answers pings, posts when its own message is back."""

from __future__ import annotations

import asyncio
import socket
from time import monotonic_ns
from typing import TYPE_CHECKING, Literal, cast

from chat.load.digests import Aside, Digest
from chat.load.frames import CLOSE, PONG, client_frame

if TYPE_CHECKING:
    from chat.load.crowd import Crowd
    from chat.load.room import Room

_STUCK_BUFFER = 4096

Pace = Literal["own", "ack"]


class Client(asyncio.Protocol):
    """One session in one room.

    `received`, `checksum`, `seq`, `disorder` are its books; its room compares them with what was
    posted. They go on when it comes `back` on another connection.
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
        "epoch",
        "index",
        "pace",
        "received",
        "room",
        "sampled",
        "seq",
        "since",
        "stuck",
        "unacked",
    )

    def __init__(self, crowd: Crowd, room: Room, index: int) -> None:
        self._crowd = crowd
        self.room = room
        self.index = index
        self.sampled = False
        """Whether its deliveries are timed."""
        self.stuck = False
        self.pace: Pace | None = None
        """What makes it post again: that its own message has come, or an acknowledgement."""
        self.since = room.posted
        """The last serial number of before it came, while nobody was posting."""
        self.received = 0
        self.checksum = 0
        self.seq = 0
        self.epoch = ""
        self.disorder = 0
        self.unacked: dict[int, tuple[int, bytes]] = {}
        """When each post that is not acknowledged was sent, and its command."""
        self.back()

    def back(self) -> None:
        """Begin anew with the connection, and with nothing else."""
        self._buffer = b""
        self._open = False
        self._transport: asyncio.WriteTransport | None = None
        self.entered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the WebSocket."""
        self._transport = cast(asyncio.WriteTransport, transport)
        self._transport.write(self._crowd.request(self))

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the session is over, unless a close frame already said why."""
        self._transport = None
        self._end(f"connection lost ({exc})" if exc else "connection lost")

    def data_received(self, data: bytes) -> None:
        """Keep the books: the generator's hot path."""
        # Most often this is what the socket before has just received, so that is compared first.
        crowd = self._crowd
        digest = crowd.latest
        if digest.raw != data or self._buffer:
            digest = self._look_up(data)
        aside = digest.aside
        if aside is not None and aside.entered:
            self._enter(aside)
        if digest.first:
            if digest.first != self.seq + 1 or digest.breaks:
                self.disorder += 1
            self.seq = digest.last
        if digest.deliveries:
            self.received += digest.deliveries
            self.checksum += digest.checksum
            if self.sampled and crowd.sampling:
                now = monotonic_ns()
                crowd.latencies.extend([now - sent for sent in digest.sent])
            if self.pace == "own":
                own = digest.owners.get(self.index)
                if own:
                    crowd.came_back(self, own)
        if aside is not None:
            self._heed(aside)

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
            if not self._upgraded(head):
                return Digest()
            data = rest
        digest, self._buffer = self._crowd.digests.read(data)
        return digest

    def _upgraded(self, head: bytes) -> bool:
        if b" 101 " not in head.split(b"\r\n", 1)[0] + b" ":
            self._end(f"refused: {head.splitlines()[0].decode('latin-1')}")
            if self._transport is not None:
                self._transport.close()
            return False
        self._open = True
        dialect = self._crowd.dialect
        for command in dialect.hello(self.room.name, self.epoch, self.seq):
            self.send(command)
        if not dialect.joins:
            self._let_in()
        return True

    def _enter(self, aside: Aside) -> None:
        if aside.recovered is None:
            self.seq = max(self.seq, aside.head)
        elif not aside.recovered:
            self._crowd.errors.append(f"session {self.index}: could not resume")
        self.epoch = aside.epoch
        self._let_in()

    def _heed(self, aside: Aside) -> None:
        crowd = self._crowd
        if aside.posts_per_second is not None:
            crowd.posts_per_second = aside.posts_per_second
        if aside.acks:
            self._acknowledged(aside.acks)
        crowd.duplicates += aside.duplicates
        crowd.errors.extend(aside.errors)
        if aside.errors:
            self._keep_out(aside.errors[0])
        if aside.ping:
            self.write(self.room.pong_frame(crowd.dialect, self.seq, crowd.random))
        for payload in aside.transport_pings:
            self.send(payload, PONG)
        if aside.closed is not None:
            self._end(f"closed with {aside.closed}")

    def _acknowledged(self, acks: list[tuple[int, int]]) -> None:
        crowd, room = self._crowd, self.room
        now = monotonic_ns()
        for serial, seq in acks:
            room.acked += 1
            room.acked_seq = max(room.acked_seq, seq)
            sent, _ = self.unacked.pop(serial, (now, b""))
            if crowd.sampling:
                crowd.ack_latencies.append(now - sent)
        if self.pace == "ack":
            crowd.came_back(self, len(acks))

    def _let_in(self) -> None:
        if not self.entered.done():
            self.entered.set_result(None)

    def _end(self, reason: str) -> None:
        if self.ended is None:
            self.ended = reason
            self._crowd.left(self)
        self._keep_out(self.ended)

    def _keep_out(self, reason: str) -> None:
        if not self.entered.done():
            self.entered.set_exception(ConnectionError(f"session {self.index}: {reason}"))
            # Whoever waits is told; that nobody may be waiting is no fault.
            self.entered.exception()

    @property
    def port(self) -> int:
        """Its own port, which tells its connection from others to the same server."""
        assert self._transport is not None, "it is connected"
        return int(self._transport.get_extra_info("sockname")[1])

    def stop_reading(self) -> None:
        """Take nothing from the socket any more: its books no longer count."""
        assert self._transport is not None, "it is connected"
        self.stuck = True
        cast(asyncio.Transport, self._transport).pause_reading()
        # The kernel would go on taking megabytes for it.
        plain = self._transport.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _STUCK_BUFFER)

    def send(self, payload: bytes, *opcode: int) -> None:
        """Send one frame, a text frame unless an opcode is given."""
        self.write(client_frame(payload, self._crowd.random, *opcode))

    def resend(self) -> None:
        """Send again what is not acknowledged, under the same serial numbers."""
        for _, command in self.unacked.values():
            self.send(command)

    def write(self, frames: bytes) -> None:
        """Send frames that are already made."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frames)

    @property
    def connected(self) -> bool:
        """Whether there is a connection, in whatever state."""
        return self._transport is not None

    def close(self) -> None:
        """Leave with a close frame and do not wait for the answer."""
        if self._transport is None:
            return
        if self.ended is None:
            self.ended = "left"
            self.send((1000).to_bytes(2, "big"), CLOSE)
        self._transport.close()

    def abort(self) -> None:
        """Leave at once, whatever has not been sent."""
        if self._transport is not None:
            self._transport.abort()
