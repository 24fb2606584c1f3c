"""One room in this process: its order, its tail, and the fan-out to the sessions in it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from chat.conf import Config
from chat.hub.backfill import Backfill
from chat.hub.fanout import Fanout
from chat.hub.outgoing import text_frame
from chat.hub.reel import PING, batch_of, lines_of
from chat.hub.seat import Hint, Seat
from chat.hub.sequence import Order
from chat.hub.tail import Tail
from chat.hub.window import PARTS
from chat.models import Room as Record
from chat.protocol import frames
from chat.protocol.commands import Position
from chat.protocol.errors import Unavailable
from chat.store import Counts, Entry, Opened, policy_of

logger = logging.getLogger("chat")

# The most entries that are read at a time: to heal a room, and for one session that catches up.
HEAL_PAGE = 1000
CATCH_UP_PAGE = 512


class Room:
    """The live side of one room.

    Invariant: ``tail`` ends at ``order.head``, and so does what the fan-out was given (``sent``).
    """

    def __init__(
        self,
        opened: Opened,
        config: Config,
        *,
        read: Callable[[Record, int, int], Awaitable[list[Entry]]],
        head: Callable[[Record], Awaitable[int]],
        counts: Counts | None = None,
    ) -> None:
        self.config = config
        self.record = opened.room
        self._policy = policy_of(self.record)
        self.counts = counts or Counts()
        """Those of the whole process."""
        self.fanout = Fanout(config, self.record.head, self.counts, overtaken=self._serve_overtaken)
        self.order = Order(self.record.head)
        self.tail = Tail(opened.tail, end=self.record.head, most=config.tail)
        self.backfill = Backfill(lambda after, upto: read(self.record, after, upto))
        self._read = read
        self._head = head
        self.seats: dict[Seat, None] = {}
        self.reviews = 0
        """How often the rights of those who sit here were decided anew."""
        self._mender: asyncio.Task[None] | None = None
        self._server: asyncio.Task[None] | None = None
        self._behind: dict[Seat, None] = {}
        """Those whom the fan-out has left behind, to be served from the log."""

    @property
    def slug(self) -> str:
        """The room's name."""
        return self.record.slug

    @property
    def sent(self) -> int:
        """The last seq that every live seat has been sent, or is just being sent."""
        return self.fanout.sent

    def same_policy(self, policy: Sequence[object]) -> bool:
        """Whether those values of ``POLICY`` are what our row says."""
        return policy == self._policy

    def go_by(self, record: Record) -> None:
        """The room's row is this now. What was pruned is to be gone from memory, too."""
        if record.pruned > self.record.pruned:
            self.tail.prune(record.pruned)
            self.backfill.forget(1)
        self.record = record
        self._policy = policy_of(record)

    # What comes in

    def accept(self, entries: Sequence[Entry]) -> None:
        """Take committed, consecutive entries, from this process's writer or from the bus."""
        self._pass_on(self.order.offer(entries))
        if self.order.behind:
            self._mend_soon()

    def expect(self, head: int) -> None:
        """The log goes up to ``head``: get what is missing, unless it is on its way."""
        self.order.expected = max(self.order.expected, head)
        if self.order.behind:
            self._mend_soon()

    def hint(self, hint: Hint) -> None:
        """Tell everybody who is live."""
        self.fanout.hint(hint)

    def _pass_on(self, ready: list[Entry]) -> None:
        if not ready:
            return
        self.tail.extend(ready)
        for entry in ready:
            if entry.target:
                self.backfill.forget(entry.target)
        self.fanout.add(ready)

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
            self.counts.healed += len(ready)
            self._pass_on(ready)
            if self.order.behind:
                await self.fanout.has_sent()  # reading is faster than sending it to all

    async def reach(self, seq: int) -> bool:
        """Whether the log goes up to ``seq``; if so, everybody here is sent that far.

        Raises ``Unavailable``.
        """
        if seq > self.sent:
            self.order.expected = max(self.order.expected, await self._head(self.record))
            await self.heal()
        return seq <= self.sent

    async def recovers(self, after: Position) -> bool:
        """Whether a resume after that position can be served in full. Raises ``Unavailable``."""
        if after.epoch != self.record.epoch or after.seq < self.record.pruned:
            return False
        if not await self.reach(after.seq):
            return False
        missed = self.sent - after.seq
        if missed > self.config.resume_limit:
            return False
        return not missed or bool(await self.span(after.seq, self.sent))

    # Who is in it

    def sit(self, seat: Seat) -> None:
        """Give a session its place; it is served once it has caught up."""
        self.seats[seat] = None

    def rise(self, seat: Seat) -> None:
        """Take a session out."""
        self.seats.pop(seat, None)
        self.fanout.set_live(seat, live=False)

    async def span(self, after: int, upto: int) -> list[Entry]:
        """The entries with ``after < seq <= upto``, from memory or else the log.

        None where it no longer has all of them. Raises ``Unavailable``.
        """
        entries = self.tail.after(after, upto)
        if entries is None:
            entries = await self.backfill.after(after, upto)
        # Pages that were read before and after a pruning may have a hole between them.
        whole = entries and entries[0].seq == after + 1 and entries[-1].seq == after + len(entries)
        return entries if whole else []

    async def catch_up(self, seat: Seat) -> None:
        """Send ``seat`` what it has not been sent, then make it live.

        Returns early when the client can take no more; whoever notices that it can again calls
        anew. Raises ``Unavailable``.
        """
        if seat.serving or seat.live:
            return
        seat.serving = True
        try:
            while seat in self.seats and seat.position < self.sent:
                room_left = self._room_left(seat)
                if not room_left:
                    seat.stall(asyncio.get_running_loop().time())
                    return
                upto = min(self.sent, seat.position + room_left)
                entries = await self.span(seat.position, upto)
                if seat not in self.seats:
                    return  # it left while we read
                if not entries:
                    # The log no longer has it: the client comes back and is told so.
                    seat.listener.too_slow()
                    return
                if not self._push_entries(seat, entries):
                    seat.stall(asyncio.get_running_loop().time())
                    return
            # No await since the last look at ``sent``: nothing can come between.
            if seat in self.seats:
                self.fanout.set_live(seat, live=True)
        finally:
            seat.serving = False

    def _room_left(self, seat: Seat) -> int:
        """How many events ``seat`` may be sent before it confirms others."""
        if seat.terminal:
            return CATCH_UP_PAGE
        left = self.config.window - (seat.position - seat.seen)
        return max(0, min(left, CATCH_UP_PAGE))

    def _push_entries(self, seat: Seat, entries: Sequence[Entry]) -> bool:
        """Send entries from the log; false when the session cannot take them all now."""
        while entries:
            count = batch_of(entries, self.config)
            part, entries = entries[:count], entries[count:]
            if not self._push_part(seat, part):
                return False
            seat.position = part[-1].seq
            seat.stalled_at = None
        return True

    def _push_part(self, seat: Seat, part: Sequence[Entry]) -> bool:
        if seat.terminal:
            return seat.push_lines(lines_of(part))
        texts = [entry.text for entry in part]
        ping = part[-1].seq - seat.pinged >= self.config.window // PARTS
        if ping:
            texts.append(PING)
        if not seat.listener.push_log(text_frame(frames.frame(texts))):
            return False
        if ping:
            seat.pinged = part[-1].seq
        return True

    def _serve_overtaken(self, seats: Iterable[Seat]) -> None:
        self._behind.update(dict.fromkeys(seats))
        if self._behind and (self._server is None or self._server.done()):
            self._server = asyncio.get_running_loop().create_task(self._catch_them_up())

    async def _catch_them_up(self) -> None:
        while self._behind:
            seat = next(iter(self._behind))
            del self._behind[seat]
            with contextlib.suppress(Unavailable):  # the hub's beat does it later
                await self.catch_up(seat)
            await asyncio.sleep(0)

    def stragglers(self) -> list[Seat]:
        """The seats that are not live and that nobody is serving."""
        if len(self.fanout) == len(self.seats):
            return []
        return [seat for seat in self.seats if not seat.live and not seat.serving]

    async def stop(self) -> None:
        """End the room's tasks."""
        for task in (self._mender, self._server):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self.fanout.stop()
