"""One room in this process: its order, its tail, and the fan-out to the sessions in it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from chat.conf import Config
from chat.hub.backfill import Backfill
from chat.hub.limits import SlowMode
from chat.hub.seat import Hint, Line, Seat
from chat.hub.sending import Outgoing
from chat.hub.sequence import Order
from chat.hub.tail import Tail
from chat.hub.window import Window
from chat.models import Room as Record
from chat.protocol import events, frames, terminal
from chat.protocol.errors import Unavailable
from chat.store import Entry, Opened

logger = logging.getLogger("chat")

# Sends between two looks at the rest of the loop: some 5 ms of daphne's time.
SENDS_AT_ONCE = 256

# The most entries one heal reads before it passes them on.
HEAL_PAGE = 1000

POLICY = (
    "pk",
    "epoch",
    "title",
    "kind",
    "guests",
    "slow_mode",
    "max_length",
    "archived",
)
"""The fields of a room's row that its sessions depend on."""

PING = frames.encode(events.Ping())


class Room:
    """The live side of one room.

    Invariant: a live seat has been sent every event up to ``sent``, in order, once; ``tail`` ends
    at ``order.head``, and ``sent <= order.head`` while the flusher works.
    """

    def __init__(
        self,
        opened: Opened,
        config: Config,
        *,
        read: Callable[[Record, int, int], Awaitable[list[Entry]]],
        head: Callable[[Record], Awaitable[int]],
    ) -> None:
        self.config = config
        self.record = opened.room
        self.sent = self.record.head
        self.order = Order(self.record.head)
        self.tail = Tail(opened.tail, end=self.record.head, most=config.tail)
        self.window = self._new_window()
        self.backfill = Backfill(lambda after, upto: read(self.record, after, upto))
        self._read = read
        self._head = head
        self.seats: dict[Seat, None] = {}
        self.live: dict[Seat, None] = {}
        self._live_terminals = 0
        self.slow_mode = SlowMode()
        self.healed = 0
        """Events that came from the log because the bus lost them."""
        self._entries: list[Entry] = []
        self._hints: list[Hint] = []
        self._flusher: asyncio.Task[None] | None = None
        self._mender: asyncio.Task[None] | None = None

    @property
    def slug(self) -> str:
        """The room's name."""
        return self.record.slug

    def same_policy(self, record: Record) -> bool:
        """Whether ``record`` says the same as ours but for its head."""
        return all(getattr(record, name) == getattr(self.record, name) for name in POLICY)

    # What comes in

    def accept(self, epoch: str, entries: Sequence[Entry]) -> None:
        """Take committed, consecutive entries, from this process's writer or from the bus."""
        if epoch != self.record.epoch:
            # Somebody gave the room a new epoch: the next look at the heads finds out.
            return
        self._pass_on(self.order.offer(entries))
        if self.order.behind:
            self._mend_soon()

    def expect(self, head: int) -> None:
        """The log goes up to ``head``: get what is missing, unless it is on its way."""
        self.order.expected = max(self.order.expected, head)
        if self.order.behind:
            self._mend_soon()

    def hint(self, hint: Hint) -> None:
        """Tell everybody who is live, with the next frame."""
        self._hints.append(hint)
        self._flush_soon()

    def _pass_on(self, ready: list[Entry]) -> None:
        if not ready:
            return
        self.tail.extend(ready)
        for entry in ready:
            if entry.target:
                self.backfill.forget(entry.target)
        self._entries += ready
        self._flush_soon()

    # What was lost

    def _mend_soon(self) -> None:
        if self._mender is None or self._mender.done():
            self._mender = asyncio.get_running_loop().create_task(self._mend())

    async def _mend(self) -> None:
        """Read from the log what did not come within the wait."""
        await asyncio.sleep(self.config.gap_wait)
        try:
            await self.heal()
        except Unavailable:
            return  # the next look at the heads tries again

    async def heal(self) -> None:
        """Read from the log everything up to the highest seq known. Raises ``Unavailable``."""
        while self.order.behind:
            head = self.order.head
            upto = min(self.order.expected, head + HEAL_PAGE)
            missing = await self._read(self.record, head, upto)
            if not missing or missing[0].seq > self.order.head + 1:
                # The log does not have it: a restored database. The heads say so by their epoch.
                logger.error("%s: the log has no entry %d", self.slug, self.order.head + 1)
                self.order.expected = self.order.head
                return
            ready = self.order.offer(missing)
            self.healed += len(ready)
            self._pass_on(ready)

    async def reach(self, seq: int) -> bool:
        """Whether the log goes up to ``seq``; if so, everybody here has been sent that far.

        Raises ``Unavailable``.
        """
        if seq > self.sent:
            self.order.expected = max(self.order.expected, await self._head(self.record))
            await self.heal()
            if seq > self.order.head:
                return False
            while self._flusher is not None and seq > self.sent:
                await asyncio.wait([self._flusher])
        return True

    # What goes out

    def _flush_soon(self) -> None:
        if self._flusher is None:
            self._flusher = asyncio.get_running_loop().create_task(self._flush())

    async def _flush(self) -> None:
        """Send what waits, at once; what comes meanwhile shares the next frame."""
        try:
            while self._entries or self._hints:
                await self._send(*self._next_frame())
        finally:
            self._flusher = None

    def _next_frame(self) -> tuple[list[Entry], list[Hint]]:
        entries, size = 0, 0
        for entry in self._entries[: self.config.batch_events]:
            size += len(entry.text)
            if entries and size > self.config.batch_bytes:
                break
            entries += 1
        taken, self._entries = self._entries[:entries], self._entries[entries:]
        hints, self._hints = self._hints, []
        return taken, hints

    async def _send(self, entries: list[Entry], hints: list[Hint]) -> None:
        texts = [entry.text for entry in entries]
        texts += (hint.text for hint in hints)
        if entries:
            self.sent = entries[-1].seq
            # Characters, not bytes: near enough for a bound, and free.
            if self.window.sent(self.sent, sum(map(len, texts))):
                texts.append(PING)
                self._close_slow()
        frame: Outgoing = {"type": "websocket.send", "text": frames.frame(texts)}
        lines = _lines(entries, hints) if self._live_terminals else []
        # The loop below is the hot path: one push for every session and frame. A seat that went
        # live after this line was served up to ``sent`` by its catching up.
        sends = 0
        for seat in tuple(self.live):
            if not seat.live:
                continue
            if not seat.listener.terminal:
                taken = seat.listener.push(frame)
            else:
                taken = _push_lines(seat, lines)
            if taken:
                seat.position = self.sent
            else:
                self.set_live(seat, live=False)
            sends += 1
            if sends % SENDS_AT_ONCE == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0)

    # Who is in it

    def sit(self, seat: Seat) -> None:
        """Give a session its place; it is served once it has caught up."""
        self.seats[seat] = None

    def rise(self, seat: Seat) -> None:
        """Take a session out."""
        self.seats.pop(seat, None)
        self.set_live(seat, live=False)

    def set_live(self, seat: Seat, *, live: bool) -> None:
        """Let the fan-out serve ``seat``, or pass it by."""
        if live == seat.live:
            return
        seat.live = live
        if live:
            self.live[seat] = None
        else:
            del self.live[seat]
        if seat.listener.terminal:
            self._live_terminals += 1 if live else -1

    async def span(self, after: int, upto: int) -> list[Entry]:
        """The entries with ``after < seq <= upto``, from memory or else the log.

        Raises ``Unavailable``.
        """
        entries = self.tail.after(after, upto)
        return entries if entries is not None else await self.backfill.after(after, upto)

    async def catch_up(self, seat: Seat) -> None:
        """Send ``seat`` what it has not been sent, then make it live.

        Returns early when the session cannot take more; whoever notices that it can again calls
        anew. Raises ``Unavailable``.
        """
        if seat.serving or seat.live:
            return
        seat.serving = True
        try:
            while seat in self.seats and seat.position < self.sent:
                entries = await self.span(seat.position, self.sent)
                if self._lost(seat, entries):
                    # It comes back, and its resume is told the truth.
                    seat.listener.too_slow()
                    return
                if not self._push_entries(seat, entries):
                    return
            # No await since the last look at ``sent``: nothing can come between.
            if seat in self.seats:
                self.set_live(seat, live=True)
        finally:
            seat.serving = False

    def _lost(self, seat: Seat, entries: Sequence[Entry]) -> bool:
        """Whether ``seat`` is too far behind, or the log no longer has what comes next."""
        behind = self.sent - seat.position
        return (
            not entries
            or entries[0].seq != seat.position + 1
            or behind > self.config.window + self.config.resume_limit
        )

    def _push_entries(self, seat: Seat, entries: Sequence[Entry]) -> bool:
        """Send entries from the log; false when the session cannot take them all now."""
        for first in range(0, len(entries), self.config.batch_events):
            part = entries[first : first + self.config.batch_events]
            if seat.listener.terminal:
                taken = _push_lines(seat, _lines(part, []))
            else:
                text = frames.frame(entry.text for entry in part)
                taken = seat.listener.push({"type": "websocket.send", "text": text})
            if not taken:
                return False
            seat.position = part[-1].seq
        return True

    def stragglers(self) -> list[Seat]:
        """The seats that are not live and that nobody is serving."""
        if len(self.live) == len(self.seats):
            return []
        return [seat for seat in self.seats if not seat.live and not seat.serving]

    # Who is too slow

    def _new_window(self) -> Window:
        return Window(
            events=self.config.window, size=self.config.window_bytes, seq=self.record.head
        )

    def _close_slow(self) -> None:
        for seat in tuple(self.live):
            if not seat.listener.terminal and self.window.exceeded(seat.seen):
                seat.listener.too_slow()

    async def stop(self) -> None:
        """End the room's tasks."""
        tasks = [task for task in (self._flusher, self._mender) if task and not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _lines(entries: Sequence[Entry], hints: Sequence[Hint]) -> list[Line]:
    """What a terminal is shown of them."""
    shown = [
        Line(text)
        for entry in entries
        for text in terminal.lines(frames.decode_logged(entry.text), entry.actor)
    ]
    return shown + [line for hint in hints for line in hint.lines]


def _push_lines(seat: Seat, lines: Sequence[Line]) -> bool:
    return seat.listener.push_all(
        [{"type": "websocket.send", "text": line.text} for line in lines if seat.wants(line)]
    )
