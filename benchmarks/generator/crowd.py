"""A room full of clients: connects them, posts in a closed loop, checks every socket's books."""

from __future__ import annotations

import asyncio
import base64
from array import array
from collections import Counter
from random import Random
from time import monotonic, monotonic_ns

from benchmarks.generator.client import Client
from benchmarks.generator.dialects import Dialect, text_of
from benchmarks.generator.digests import Digest, Digests
from benchmarks.generator.frames import client_frame, handshake

# Well below any listen backlog, so that connecting measures the server and not dropped SYNs.
_CONNECTING_AT_ONCE = 32

# Latency is sampled on about this many sockets, spread evenly over the order of joining: most
# servers send in that order, so the first and the last must both be in.
_SAMPLED = 40

_POSTERS = 40


class Crowd:
    """Every session of one room of one server.

    Measures read `delivered`, `posted` and `latencies`: nanoseconds, on the sampled sockets, while
    `sampling`.
    """

    def __init__(
        self, dialect: Dialect, host: str, port: int, path: str, text_bytes: int, seed: int
    ) -> None:
        self.dialect = dialect
        self.random = Random(seed)
        self.digests = Digests(dialect.decode)
        self.clients: list[Client] = []
        self.latest = Digest()
        self.posted = 0
        self.acked = 0
        self.acked_seq = 0
        self.duplicates = 0
        self.errors: list[str] = []
        self.sampling = False
        self.latencies: array[int] = array("q")
        self._address = (host, port)
        self._path = path
        self._text_bytes = text_bytes
        self._padding = "".join(self.random.choices("etaoin shrdlu", k=text_bytes))
        self._serials = 0
        self._posting = False
        self._closing = False
        self._pong: tuple[int, bytes] = (-1, b"")

    @property
    def delivered(self) -> int:
        """How many messages have come to all sessions together."""
        return sum(client.received for client in self.clients)

    def request(self) -> bytes:
        """Return the bytes that open a WebSocket here."""
        nonce = base64.b64encode(self.random.randbytes(16)).decode("ascii")
        return handshake(*self._address, self._path, self.dialect.subprotocol, nonce)

    async def connect(self, count: int, of: int) -> None:
        """Add `count` sessions, each in the room when this returns. `of` is how many there will be.

        Raises ConnectionError when the server refuses or loses one.
        """
        gate = asyncio.Semaphore(_CONNECTING_AT_ONCE)
        stride = max(1, of // _SAMPLED)

        async def enter(client: Client) -> None:
            loop = asyncio.get_running_loop()
            async with gate:
                await loop.create_connection(lambda: client, *self._address)
                await client.entered

        start = len(self.clients)
        fresh = [
            Client(self, i, i % stride == 0 or i == of - 1) for i in range(start, start + count)
        ]
        self.clients.extend(fresh)
        entering = [asyncio.create_task(enter(client)) for client in fresh]
        try:
            await asyncio.gather(*entering)
        finally:
            for task in entering:
                task.cancel()

    def start_posting(self, in_flight: int) -> None:
        """Have up to 40 posters keep `in_flight` posts on their way, all together."""
        posters = min(in_flight, _POSTERS, len(self.clients))
        stride = len(self.clients) // posters
        self._posting = True
        for turn in range(posters):
            poster = self.clients[turn * stride]
            poster.posting = True
            self._post(poster, in_flight // posters + (turn < in_flight % posters))

    def stop_posting(self) -> None:
        """Post nothing new; what is on its way still arrives."""
        self._posting = False

    def came_back(self, poster: Client, count: int) -> None:
        """Take note that `count` of the poster's own messages have come back to it."""
        if self._posting:
            self._post(poster, count)

    def _post(self, poster: Client, count: int) -> None:
        frames = []
        for _ in range(count):
            self._serials += 1
            text = text_of(self._serials, poster.index, monotonic_ns(), self._padding)
            command = self.dialect.post(text[: self._text_bytes], self._serials)
            frames.append(client_frame(command, self.random))
        self.posted += count
        poster.write(b"".join(frames))

    def pong_frame(self, seq: int) -> bytes:
        """Return the answer to a ping. Many sockets answer with one `seq`, so it is made once."""
        if self._pong[0] != seq:
            self._pong = (seq, client_frame(self.dialect.pong(seq), self.random))
        return self._pong[1]

    def left(self, client: Client) -> None:
        """Take note that a session has ended."""
        if not self._closing:
            self.errors.append(f"session {client.index}: {client.ended}")

    async def quiesce(self, patience: float) -> bool:
        """Wait until every post has come to every session; say whether it did.

        Gives up when `patience` seconds pass without anything arriving. Waits a moment more at the
        end, so that something that comes once too often is seen as well.
        """
        seen, since = -1, monotonic()
        while not (self.delivered >= self.posted * len(self.clients) and self._all_acked()):
            if self.delivered + self.acked != seen:
                seen, since = self.delivered + self.acked, monotonic()
            elif monotonic() - since > patience:
                return False
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        return True

    def _all_acked(self) -> bool:
        return not self.dialect.joins or self.acked >= self.posted

    def problems(self) -> list[str]:
        """Return what is wrong in the sessions' books, compared with what was posted."""
        expected_sum = self._serials * (self._serials + 1) // 2
        found: Counter[str] = Counter(self.errors[:20])
        if len(self.errors) > 20:
            found["(more errors)"] = len(self.errors) - 20
        for client in self.clients:
            missing = self.posted - client.received
            if missing > 0:
                found["sessions with deliveries missing"] += 1
                found["deliveries missing"] += missing
            elif missing < 0:
                found["sessions with deliveries too many"] += 1
                found["deliveries too many"] -= missing
            elif client.checksum != expected_sum:
                found["sessions with the right number of wrong deliveries"] += 1
            if client.disorder:
                found["sessions that saw a sequence number out of order"] += 1
            if self.dialect.joins and client.seq != self.acked_seq and self.posted:
                found["sessions whose last sequence number is not the head"] += 1
        if self.dialect.joins and self.acked != self.posted:
            found["acks missing or too many"] = abs(self.posted - self.acked)
        if self.duplicates:
            found["first posts acknowledged as duplicates"] = self.duplicates
        return [f"{what}: {count}" for what, count in found.items()]

    def close(self) -> None:
        """End every session."""
        self._closing = True
        for client in self.clients:
            client.close()
