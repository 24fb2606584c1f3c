"""From a room's events to frames, and from frames to every session in it.

Batches when busy, never when idle: what comes while a round is being sent goes out together in the
next one. There is no timer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from chat.conf import Config
from chat.hub import histogram
from chat.hub.seat import Hint, Line, Seat
from chat.hub.sending import Outgoing
from chat.hub.window import PARTS, Window
from chat.protocol import events, frames, terminal
from chat.store import Counts, Entry

logger = logging.getLogger("chat")

# Sends between two looks at the rest of the loop: some 5 ms of daphne's time.
SENDS_AT_ONCE = 256

# Frames that go to one socket in a row. Asyncio's and Twisted's transports write them with fewer
# system calls than one after each turn of all sockets: at one event per frame and 200 sessions, 16
# in a row gave 2.5 times the deliveries of 1 on daphne and 1.5 times on uvicorn. More would let
# sessions wait too long for each other.
FRAMES_IN_A_ROW = 16

# Between two looks at how far a busy room has come, for one who waits for it.
REACH_SECONDS = 0.01

PING = frames.encode(events.Ping())


class Frame(NamedTuple):
    """What everybody is sent at one time; ``last`` is the seq of its last logged event."""

    message: Outgoing
    lines: list[Line]
    last: int


class Fanout:
    """The sending side of one room.

    Invariant: a live seat has been sent every event up to ``sent``, in order, once, but for the
    round that is being sent.
    """

    def __init__(self, config: Config, head: int, counts: Counts | None = None) -> None:
        self._config = config
        self._counts = counts or Counts()
        self.sent = head
        self.live: dict[Seat, None] = {}
        self._live_terminals = 0
        self._window = Window(events=config.window, size=config.window_bytes, seq=head)
        self._entries: list[Entry] = []
        self._hints: list[Hint] = []
        self._added: deque[tuple[int, float]] = deque()
        """The last seq of each batch that is being sent, and when it was added."""
        self._flusher: asyncio.Task[None] | None = None

    def add(self, entries: Sequence[Entry]) -> None:
        """Send ``entries``, which follow what was added before."""
        self._entries += entries
        self._added.append((entries[-1].seq, time.perf_counter()))
        self._flush_soon()

    def hint(self, hint: Hint) -> None:
        """Tell everybody who is live, with the next frame."""
        self._hints.append(hint)
        self._flush_soon()

    def set_live(self, seat: Seat, *, live: bool) -> None:
        """Serve ``seat`` from now on, or pass it by."""
        if live == seat.live:
            return
        seat.live = live
        if live:
            self.live[seat] = None
        else:
            del self.live[seat]
        if seat.listener.terminal:
            self._live_terminals += 1 if live else -1

    async def reach(self, seq: int) -> None:
        """Wait until what was added is sent up to ``seq``, however much comes after it."""
        while self.sent < seq and self._flusher is not None:
            await asyncio.wait([self._flusher], timeout=REACH_SECONDS)

    async def settled(self) -> None:
        """Wait until there is nothing more to send."""
        while self._flusher is not None:
            await asyncio.wait([self._flusher])

    async def stop(self) -> None:
        """Send no more."""
        if self._flusher is not None:
            self._flusher.cancel()
            await asyncio.wait([self._flusher])

    def _flush_soon(self) -> None:
        if self._flusher is None:
            self._flusher = asyncio.get_running_loop().create_task(self._flush())
            self._flusher.add_done_callback(self._flushed)

    async def _flush(self) -> None:
        while self._entries or self._hints:
            sent = self.sent
            await self._send(self._next_round())
            if self.sent > sent:
                self._count(self.sent - sent)

    def _count(self, events: int) -> None:
        """Note what a round was: once for all who were sent it."""
        self._counts.deliveries += events * len(self.live)
        now = time.perf_counter()
        while self._added and self._added[0][0] <= self.sent:
            _, added_at = self._added.popleft()
            histogram.note(self._counts.fanouts, now - added_at)

    def _flushed(self, flusher: asyncio.Task[None]) -> None:
        self._flusher = None
        if flusher.cancelled():
            return
        if flusher.exception() is not None:
            # A fault of ours. What was lost with its round, each gets from the log.
            logger.error("a room could not be served", exc_info=flusher.exception())
            for seat in tuple(self.live):
                if seat.position < self.sent:
                    self._hold(seat)
        if self._entries or self._hints:
            self._flush_soon()  # they came as it ended

    def _next_round(self) -> list[Frame]:
        found: list[Frame] = []
        while len(found) < FRAMES_IN_A_ROW and (self._entries or self._hints):
            found.append(self._next_frame())
        return found

    def _next_frame(self) -> Frame:
        count, size = batch_of(self._entries, self._config)
        entries, self._entries = self._entries[:count], self._entries[count:]
        hints, self._hints = self._hints, []
        texts = [entry.text for entry in entries]
        texts += (hint.text for hint in hints)
        if entries:
            self.sent = entries[-1].seq
            if self._window.sent(self.sent, size):
                texts.append(PING)
                self._hold_slow()
        message: Outgoing = {"type": "websocket.send", "text": frames.frame(texts)}
        lines = lines_of(entries, hints) if self._live_terminals else []
        return Frame(message, lines, self.sent)

    async def _send(self, sent: Sequence[Frame]) -> None:
        """The hot path: one push for every session and frame.

        A seat that goes live after this has begun was served up to ``sent`` by its catching up.
        """
        pushes, lines = 0, sum(len(frame.lines) for frame in sent)
        for seat in tuple(self.live):
            if not seat.live:
                continue
            push = seat.listener.push
            for frame in sent:
                if not (push(frame.message) if not seat.terminal else seat.push_lines(frame.lines)):
                    self._hold(seat)
                    break
                seat.position = frame.last
            pushes += lines if seat.terminal else len(sent)
            if pushes >= SENDS_AT_ONCE:
                pushes = 0
                await asyncio.sleep(0)
        # What was read meanwhile is stored and joins the next round.
        await asyncio.sleep(0)

    def _hold_slow(self) -> None:
        for seat in tuple(self.live):
            if not seat.terminal and self._window.exceeded(seat.seen):
                self._hold(seat)

    def _hold(self, seat: Seat) -> None:
        """Send ``seat`` nothing until it takes more; what it misses, it gets from the log."""
        self.set_live(seat, live=False)
        seat.stall(asyncio.get_running_loop().time())


def batch_of(entries: Sequence[Entry], config: Config) -> tuple[int, int]:
    """How many of ``entries`` share the next frame, and their size.

    In characters, not bytes: near enough for a bound, and free. No more than there may be between
    two pings, or clients would be behind before they are asked how far they are.
    """
    most_events = min(config.batch_events, config.window // PARTS)
    most_bytes = min(config.batch_bytes, config.window_bytes // PARTS)
    count, size = 0, 0
    for entry in entries[:most_events]:
        if count and size + len(entry.text) > most_bytes:
            break
        size += len(entry.text)
        count += 1
    return count, size


def lines_of(entries: Iterable[Entry], hints: Iterable[Hint] = ()) -> list[Line]:
    """What terminals are shown of them."""
    shown = [
        Line(text)
        for entry in entries
        for text in terminal.lines(frames.decode_logged(entry.text), entry.actor)
    ]
    return shown + [line for hint in hints for line in hint.lines]
