"""Stand-ins for what the app talks to: a log, listeners, sockets, a channel layer, a database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from chat import store
from chat.access import Rights
from chat.hub.outgoing import Outgoing
from chat.hub.seat import Seat
from chat.models import Room as Record
from chat.protocol import events, frames
from chat.protocol.errors import Unavailable
from chat.protocol.events import Sender
from chat.store import Entry

PATIENCE = 40.0
"""Seconds after which what does not come never will; a test that passes does not wait them."""

SLUG = "main"
EPOCH = "e1"
MEMBER = Rights(see=True, post=True, moderate=False)


async def soon(condition: Callable[[], bool]) -> None:
    """Wait until ``condition`` holds, while the loop goes on. Raises ``TimeoutError``."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.001)


async def turns(count: int = 20) -> None:
    """Let everything run that is ready to, and what that makes ready."""
    for _ in range(count):
        await asyncio.sleep(0)


# A log


def entry(seq: int, text: str = "", room: str = SLUG) -> Entry:
    """Return a message of a room's log."""
    message = events.Message(
        room=room, seq=seq, id=f"i{seq}", sender=Sender("7", "bob"), text=text or f"m{seq}", at="T"
    )
    return Entry(seq, frames.encode(message))


def entries(first: int, last: int) -> list[Entry]:
    """Return the messages ``first`` to ``last`` of a room's log."""
    return [entry(seq) for seq in range(first, last + 1)]


def edit(seq: int, target: int, text: str) -> Entry:
    """Return an edit of the message at ``target``."""
    event = events.Edited(room=SLUG, seq=seq, target=target, text=text, at="E")
    return Entry(seq, frames.encode(event), target, Sender("7", "bob"))


def delete(seq: int, target: int) -> Entry:
    """Return a deletion of the message at ``target``."""
    event = events.Deleted(room=SLUG, seq=seq, target=target, at="D")
    return Entry(seq, frames.encode(event), target, Sender("7", "bob"))


def record(head: int = 0, slug: str = SLUG) -> Record:
    """Return the row of a room, unsaved."""
    return Record(pk=1, slug=slug, epoch=EPOCH, head=head)


class Log:
    """What the database has of one room; reads can be made to wait or to fail."""

    def __init__(self, found: Sequence[Entry] = ()) -> None:
        self.entries = list(found)
        self.reads: list[tuple[int, int]] = []
        self.away = False
        self.open = asyncio.Event()
        self.open.set()

    @property
    def head(self) -> int:
        """The last seq."""
        return self.entries[-1].seq if self.entries else 0

    async def read(self, after: int, upto: int) -> list[Entry]:
        """Return the entries with ``after < seq <= upto`` as they are when it returns."""
        self.reads.append((after, upto))
        await self.open.wait()
        if self.away:
            raise Unavailable
        return [entry for entry in self.entries if after < entry.seq <= upto]

    async def read_room(self, record: Record, after: int, upto: int) -> list[Entry]:
        """``read`` with the room's row, which is always the same one here."""
        return await self.read(after, upto)

    async def read_head(self, record: Record) -> int:
        """Return the last seq."""
        if self.away:
            raise Unavailable
        return self.head


# Those who listen


class Listener:
    """A session as a room sees it: notes down what it is sent, unless its socket is blocked."""

    def __init__(self, sender_id: str = "7", *, terminal: bool = False) -> None:
        self.terminal = terminal
        self.sender_id = sender_id
        self.blocked = False
        self.messages: list[Outgoing] = []
        self.slow = 0
        self.pushed: Callable[[], None] = lambda: None
        """Called after each push: what happens in the middle of a flush."""

    def push_row(self, row: Sequence[Outgoing]) -> int:
        """Note them down, until they are refused."""
        for taken, message in enumerate(row):
            if self.blocked:
                return taken
            self.messages.append(message)
            self.pushed()
        return len(row)

    def push_log(self, message: Outgoing) -> bool:
        """The same."""
        return bool(self.push_row([message]))

    def push_all(self, messages: Sequence[Outgoing]) -> bool:
        """Note all of them down, or refuse them."""
        return self.push_row(messages) == len(messages)

    def too_slow(self) -> None:
        """Note down that the session was to be closed."""
        self.slow += 1

    @property
    def frames(self) -> list[list[events.AnyEvent]]:
        """The events it was sent, by frame."""
        return [frames.decode_events(message["text"]) for message in self.messages]

    @property
    def lines(self) -> list[str]:
        """The lines it was sent."""
        return [message["text"] for message in self.messages]

    @property
    def seqs(self) -> list[int]:
        """The seqs of the logged events it was sent."""
        return [e.seq for frame in self.frames for e in frame if isinstance(e, events.Logged)]


class Socket:
    """The sending half of a connection.

    While it is blocked each send waits, as on a server with backpressure; a broken one raises.
    """

    def __init__(self) -> None:
        self.messages: list[Outgoing] = []
        self.broken = False
        self.sent: Callable[[], None] = lambda: None
        """Called after each send: what happens in the middle of a row."""
        self._open = asyncio.Event()
        self._open.set()

    @property
    def blocked(self) -> bool:
        """Whether sends wait."""
        return not self._open.is_set()

    def block(self) -> None:
        """Let every send wait from now on."""
        self._open.clear()

    def unblock(self) -> None:
        """Let those that wait end, and no other wait."""
        self._open.set()

    async def send(self, message: Outgoing) -> None:
        """Note ``message`` down once the socket takes it."""
        while self.blocked:
            await self._open.wait()
        if self.broken:
            raise ConnectionResetError
        self.messages.append(message)
        self.sent()

    @property
    def texts(self) -> list[str]:
        """The text frames that went out."""
        return [m["text"] for m in self.messages if m["type"] == "websocket.send"]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that went out."""
        return [event for text in self.texts for event in json.loads(text)]

    @property
    def code(self) -> int | None:
        """What it was closed with, if it was."""
        codes = [m["code"] for m in self.messages if m["type"] == "websocket.close"]
        return codes[0] if codes else None


def seat_of(listener: Listener, room: Any, *, at: int = 0) -> Seat:
    """Return a seat in ``room`` that starts after ``at``, not yet taken."""
    seat = Seat(room, listener, MEMBER, sat_at=0)
    seat.seat_at(at)
    return seat


# What the hub stands on


class Threads:
    """The writer's thread, without one: calls ``function`` when the test lets it."""

    def __init__(self, function: Callable[..., list[store.Outcome]]) -> None:
        self._function = function
        self.batches: list[Sequence[store.Draft]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def write(
        self, function: Any, drafts: Sequence[store.Draft], *, again: bool
    ) -> list[store.Outcome]:
        """Stand in for ``store.append``."""
        assert function is store.append
        self.batches.append(drafts)
        await self.open.wait()
        return self._function(drafts, again=again)


class Layer:
    """A channel layer with one process on it, which can be away, and can be made to wait."""

    def __init__(self) -> None:
        self.groups: dict[str, set[str]] = {}
        self.adds: list[str] = []
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.away = False
        self.failures = 0
        self._channels = count()
        self.open = asyncio.Event()
        self.open.set()
        self._received: asyncio.Queue[dict[str, Any] | Exception] = asyncio.Queue()

    def deliver(self, message: dict[str, Any] | Exception) -> None:
        """Let ``receive`` return, or raise, ``message``."""
        self._received.put_nowait(message)

    def _check(self) -> None:
        if self.away:
            self.failures += 1
            raise ConnectionError("the layer is away")

    async def new_channel(self, prefix: str = "chat") -> str:
        """Return a name that no channel has had before."""
        self._check()
        return f"{prefix}!channel{next(self._channels)}"

    async def receive(self, channel: str) -> dict[str, Any]:
        """Return what was delivered."""
        self._check()
        message = await self._received.get()
        if isinstance(message, Exception):
            raise message
        return message

    async def group_add(self, group: str, channel: str) -> None:
        """Note the membership down."""
        self._check()
        self.adds.append(group)
        self.groups.setdefault(group, set()).add(channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """Forget the membership."""
        self._check()
        self.groups.get(group, set()).discard(channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Note ``message`` down, and deliver it where the process is in the group."""
        await self.open.wait()
        self._check()
        self.sent.append((group, message))
        if self.groups.get(group):
            self.deliver(message)

    def members(self, group: str) -> set[str]:
        """Return the channels in a group."""
        return self.groups.get(group, set())
