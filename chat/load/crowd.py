"""Rooms full of clients: connects them, posts, checks every socket's books."""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from random import Random
from time import monotonic, monotonic_ns

from chat.load.client import Client, Pace
from chat.load.dialects import Dialect, text_of
from chat.load.digests import Digest, Digests
from chat.load.frames import client_frame, handshake
from chat.load.room import Room

CONNECTING_AT_ONCE = 32
"""Well below any listen backlog, so that connecting measures the server and not dropped SYNs."""

POSTERS = 40

# Latency is sampled on so many sockets, spread evenly over the order of joining: most servers send
# in that order, so the first and the last must both be in.
_SAMPLED = 40

_KINDS = 20

_PATIENCE = 60.0
_LEAVING_PATIENCE = 5.0


def spread(count: int, of: int) -> list[int]:
    """Return `count` of the indices below `of`, spread evenly."""
    return [turn * of // count for turn in range(count)]


def kind_of(error: str) -> str:
    """Return an error without whose it is, so that thousands of one kind are one."""
    return re.sub(r"^session \d+: ", "", error)


@dataclass(frozen=True, slots=True)
class Arrival:
    """How long one session took from knocking to being in its room, or why it is not."""

    seconds: float
    failure: str | None = None


class Crowd:
    """Every session, spread evenly over rooms and over the processes at `addresses`.

    Measures read `delivered`, `posted`, and while `sampling`, in nanoseconds, `latencies` on the
    sampled sockets and `ack_latencies` on all. In `path`, `{room}` stands for the room's name.
    """

    def __init__(
        self,
        dialect: Dialect,
        addresses: Sequence[tuple[str, int]],
        path: str,
        *,
        rooms: Sequence[str] = ("bench",),
        text_bytes: int = 80,
        seed: int = 1,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.dialect = dialect
        self.random = Random(seed)
        self.digests = Digests(dialect.decode)
        self.rooms = [Room(name) for name in rooms]
        self.clients: list[Client] = []
        self.latest = Digest()
        self.duplicates = 0
        self.errors: list[str] = []
        self.posts_per_second: float | None = None
        """What the server said each session may post; 0: as much as it likes."""
        self.sampling = False
        self.latencies: array[int] = array("q")
        self.ack_latencies: array[int] = array("q")
        self.on_lost: Callable[[Client], None] | None = None
        """Takes the clients whose connection ends; without, that is an error."""
        self.cookies: dict[int, str] = {}
        """What the sessions with these indices bring along, `name=value`."""
        self._addresses = addresses
        self._path = path
        self._tls = tls
        self._text_bytes = text_bytes
        self._padding = "".join(self.random.choices("etaoin shrdlu", k=text_bytes))
        self._posting = False
        self._closing = False

    @property
    def delivered(self) -> int:
        """How many messages have come to all sessions together."""
        return sum(room.delivered for room in self.rooms)

    @property
    def posted(self) -> int:
        """How many messages were posted."""
        return sum(room.posted for room in self.rooms)

    @property
    def acked(self) -> int:
        """How many posts were acknowledged."""
        return sum(room.acked for room in self.rooms)

    def _address(self, client: Client) -> tuple[str, int]:
        return self._addresses[client.index % len(self._addresses)]

    def request(self, client: Client) -> bytes:
        """Return the bytes that open the client's WebSocket."""
        nonce = base64.b64encode(self.random.randbytes(16)).decode("ascii")
        path = self._path.replace("{room}", client.room.name)
        return handshake(
            self._address(client),
            path,
            self.dialect.subprotocol,
            nonce,
            cookie=self.cookies.get(client.index, ""),
            secure=self._tls is not None,
        )

    async def arrive(self, count: int, of: int, at_once: int = CONNECTING_AT_ONCE) -> list[Arrival]:
        """Add `count` sessions, `at_once` at a time, and say how each fared.

        `of` is how many there will be.
        """
        gate = asyncio.Semaphore(at_once)

        async def arrival(client: Client) -> Arrival:
            async with gate:
                began = monotonic()
                try:
                    async with asyncio.timeout(_PATIENCE):
                        await self.connect_one(client)
                except (OSError, TimeoutError) as error:
                    return Arrival(monotonic() - began, str(error) or type(error).__name__)
                return Arrival(monotonic() - began)

        start = len(self.clients)
        fresh = []
        for index in range(start, start + count):
            room = self.rooms[index * len(self.rooms) // of]
            client = Client(self, room, index)
            room.clients.append(client)
            fresh.append(client)
        self.clients.extend(fresh)
        self._choose_sampled()
        return await asyncio.gather(*[arrival(client) for client in fresh])

    def _choose_sampled(self) -> None:
        """Have latency sampled evenly over all there are, the first and the last included."""
        count, last = min(_SAMPLED, len(self.clients)), len(self.clients) - 1
        chosen = {turn * last // max(1, count - 1) for turn in range(count)}
        for client in self.clients:
            client.sampled = client.index in chosen

    async def connect(self, count: int, of: int) -> None:
        """Add `count` sessions, each in its room when this returns.

        Raises ConnectionError when the server refuses or loses one.
        """
        for arrival in await self.arrive(count, of):
            if arrival.failure is not None:
                raise ConnectionError(arrival.failure)

    async def connect_one(self, client: Client) -> None:
        """Connect a client, or connect it again, until it is in its room."""
        await asyncio.get_running_loop().create_connection(
            lambda: client, *self._address(client), ssl=self._tls
        )
        await client.entered

    def posters(self, most: int = POSTERS) -> list[Client]:
        """Return at most so many clients, spread evenly over rooms, processes and time of coming.

        Room after room has its turn, so that no room has a second poster before each has one.
        """
        places = [(turn, room) for room in self.rooms for turn in range(len(room.clients))]
        places.sort(key=lambda place: place[0])
        shares = Counter(room for _, room in places[:most])
        processes, chosen = len(self._addresses), []
        for number, room in enumerate(self.rooms):
            # Process by process, and in each room another one first.
            clients = sorted(room.clients, key=lambda each: (each.index - number) % processes)
            chosen.append([clients[index] for index in spread(shares[room], len(clients))])
        return [client for turn in zip_longest(*chosen) for client in turn if client is not None]

    def start_posting(self, in_flight: int, pace: Pace = "own") -> None:
        """Have up to 40 posters keep `in_flight` posts on their way, all together.

        Each posts again when its own message has come to it, or when it is acknowledged.
        """
        posters = self.posters(min(in_flight, POSTERS))
        self._posting = True
        for turn, poster in enumerate(posters):
            poster.pace = pace
            share = in_flight // len(posters) + (turn < in_flight % len(posters))
            self.post(poster, [monotonic_ns()] * share)

    def stop_posting(self) -> None:
        """Post nothing new; what is on its way still arrives."""
        self._posting = False

    def came_back(self, poster: Client, count: int) -> None:
        """Take note that `count` of the poster's own messages have come back to it."""
        if self._posting:
            self.post(poster, [monotonic_ns()] * count)

    def post(self, poster: Client, sent: Sequence[int]) -> None:
        """Post one message for each moment in `sent`, from which its latency counts."""
        frames = []
        room = poster.room
        for moment in sent:
            room.posted += 1
            text = text_of(room.posted, poster.index, moment, self._padding)
            command = self.dialect.post(room.name, text[: self._text_bytes], room.posted)
            if self.dialect.logs:
                poster.unacked[room.posted] = (moment, command)
            frames.append(client_frame(command, self.random))
        poster.write(b"".join(frames))

    def left(self, client: Client) -> None:
        """Take note that a session has ended."""
        if self._closing or client.stuck:
            return
        if self.on_lost is not None:
            self.on_lost(client)
        else:
            self.errors.append(f"session {client.index}: {client.ended}")

    async def quiesce(self, patience: float) -> bool:
        """Wait until every post has come to every session; say whether it did.

        Gives up when `patience` seconds pass without anything arriving. Waits a moment more at the
        end, so that something that comes once too often is seen as well.
        """
        seen, since = -1, monotonic()
        while not self.complete():
            if self.delivered + self.acked != seen:
                seen, since = self.delivered + self.acked, monotonic()
            elif monotonic() - since > patience:
                return False
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        return True

    def complete(self) -> bool:
        """Say whether everything posted has come to everybody, and is acknowledged."""
        acked = not self.dialect.logs or self.acked >= self.posted
        return acked and all(room.delivered >= room.expected for room in self.rooms)

    def problems(self, resent: int = 0) -> list[str]:
        """Return what is wrong in the sessions' books, compared with what was posted.

        At most `resent` posts may have been told that they were stored already.
        """
        kinds = Counter(kind_of(error) for error in self.errors)
        found: Counter[str] = Counter(dict(kinds.most_common(_KINDS)))
        if len(kinds) > _KINDS:
            found["(errors of other kinds)"] = kinds.total() - found.total()
        for room in self.rooms:
            found.update(room.problems(self.dialect.logs))
        if self.duplicates > resent:
            found["first posts acknowledged as duplicates"] = self.duplicates - resent
        return [f"{what}: {count}" for what, count in found.items()]

    async def leave(self) -> None:
        """End every session, and return when their connections are no more."""
        self._closing = True
        for client in self.clients:
            client.close()
        end = monotonic() + _LEAVING_PATIENCE
        while any(client.connected for client in self.clients):
            if monotonic() > end:
                # What the server does not read cannot be sent before it is left.
                for client in self.clients:
                    client.abort()
            await asyncio.sleep(0.01)
