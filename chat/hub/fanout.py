"""From a room's events to every session in it.

Sessions have their turns one after the other, and each is sent all that came since its last. So
frames hold many events when busy and one when idle, and nobody waits until everybody else was
served: what comes in the middle goes to the next in turn. There is no timer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from itertools import count, islice

from chat.conf import Config
from chat.hub import histogram
from chat.hub.reel import Reel, Row, frames_in_a_row
from chat.hub.seat import EVER, Hint, Line, Seat
from chat.hub.window import GROUPS
from chat.store import Counts, Entry

logger = logging.getLogger("chat")

# Between two looks at the rest of the loop, and one turn longer; a commit needs a few of them. By
# the clock, as a turn is one write or 64 sends.
SECONDS_AT_ONCE = 0.001

# Who may have a turn in that time.
SEATS_AT_ONCE = 256

# What everybody has is taken off the reel when nobody is behind, or there is so much of it.
PASSED_MOST = 1024

# What is on the reel when more is stored than can be sent: those who are furthest behind are then
# served from the log. At full load, with 640 posts on their way, it is a few hundred.
LONGEST = 8192


class Fanout:
    """The sending side of one room.

    Invariant: a live seat has been sent every event up to its ``position``, in order, once. It is
    either ``_abreast``, with nothing to come, or ``_behind``, in the order of turns: by when, not
    by how far, since rows end before all is sent.
    """

    def __init__(
        self,
        config: Config,
        head: int,
        counts: Counts | None = None,
        *,
        overtaken: Callable[[list[Seat]], None] = lambda _: None,
    ) -> None:
        self._counts = counts or Counts()
        self._overtaken = overtaken
        self._reel = Reel(config, head)
        self._abreast: dict[Seat, None] = {}
        # Not a dict: taking the first of that is slow once many were taken.
        self._behind: OrderedDict[Seat, None] = OrderedDict()
        self._furthest: Seat | None = None
        """Who was furthest behind when that was last looked for, and where that was."""
        self._passed = 0
        self._added: deque[tuple[int, float]] = deque()
        """Where each batch ends that not everybody has yet, and when it was added."""
        self._flusher: asyncio.Task[None] | None = None
        self._arrivals = count()
        """Numbers those who come, so that they are pinged apart from each other."""

    @property
    def sent(self) -> int:
        """The last seq that was added: every live seat has been sent that far, or will be."""
        return self._reel.seq

    @property
    def live(self) -> list[Seat]:
        """Those who are served; first who waits for a turn."""
        return [*self._behind, *self._abreast]

    def __len__(self) -> int:
        """How many are live."""
        return len(self._behind) + len(self._abreast)

    def add(self, entries: Sequence[Entry]) -> None:
        """Send ``entries``, which follow what was added before."""
        self._reel.put(entries)
        self._added.append((self._reel.end, time.perf_counter()))
        self._send()

    def hint(self, hint: Hint) -> None:
        """Tell everybody who is live."""
        self._reel.put_hint(hint)
        self._send()

    def set_live(self, seat: Seat, *, live: bool) -> None:
        """Serve ``seat`` from now on, who has everything up to ``sent``; or pass it by."""
        if live == seat.live:
            return
        seat.live = live
        if live:
            seat.place = self._reel.end
            # Once: one that is held again and again would never come to the mark it waits for. One
            # that has passed its mark meanwhile is pinged with its next row.
            if seat.ping_at == EVER and not seat.terminal:  # those have no pong
                seat.ping_at = self._reel.first_ping(next(self._arrivals))
            seat.stalled_at = None
            self._abreast[seat] = None
        else:
            self._abreast.pop(seat, None)
            self._behind.pop(seat, None)

    async def settled(self) -> None:
        """Wait until there is nothing more to send."""
        while self._flusher is not None:
            await asyncio.wait([self._flusher])

    async def has_sent(self) -> None:
        """Wait until there is nothing more to send of what there is now."""
        end = self._reel.end
        # In turn with the flusher, which goes on until then.
        while self._flusher is not None and self._passed < end:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """Send no more."""
        if self._flusher is not None:
            self._flusher.cancel()
            await asyncio.wait([self._flusher])

    def _send(self) -> None:
        self._flush_soon()
        if self._reel.end - self._reel.start > LONGEST:
            self._shorten()

    def _flush_soon(self) -> None:
        self._behind.update(self._abreast)
        self._abreast.clear()
        if not self._behind:
            self._look_back()
        elif self._flusher is None:
            self._flusher = asyncio.get_running_loop().create_task(self._flush())
            self._flusher.add_done_callback(self._flushed)

    async def _flush(self) -> None:
        while self._behind:
            end = time.perf_counter() + SECONDS_AT_ONCE
            most = frames_in_a_row(len(self))
            # Nobody has two turns before the loop has read what came.
            for seat in tuple(islice(self._behind, SEATS_AT_ONCE)):
                if seat in self._behind:
                    self._serve(seat, most)
                if time.perf_counter() >= end:
                    break
            self._look_back()
            # What was read meanwhile is stored, and goes to the next in turn.
            await asyncio.sleep(0)

    def _flushed(self, flusher: asyncio.Task[None]) -> None:
        self._flusher = None
        if flusher.cancelled():
            return
        if flusher.exception() is not None:
            # A fault of ours. What they lack, each gets from the log.
            logger.error("a room could not be served", exc_info=flusher.exception())
            for seat in tuple(self._behind):
                self._hold(seat)
        if self._behind:
            self._flush_soon()  # more came as it ended
        else:
            self._look_back()

    def _serve(self, seat: Seat, most: int) -> None:
        """The hot path: give ``seat`` its turn, of so many frames."""
        reel = self._reel
        row = reel.row(seat.place, most=most)
        ping = row.marks >= seat.ping_at
        # Who has answered every ping has nothing more to answer: held, it would wait for a beat.
        if ping and seat.asked and reel.exceeded(seat.seen, row):
            self._hold(seat)
            return
        if seat.terminal:
            taken = _push_lines(seat, [reel.lines(frame) for frame in row.frames])
        elif ping:
            taken = _push_after_ping(seat, row)
        else:
            taken = seat.listener.push_row(row.messages)
        if taken:
            self._counts.deliveries += row.events[taken]
            seat.position, seat.place = row.frames[taken - 1].last, row.frames[taken - 1].end
        if seat not in self._behind:
            return  # it has left
        if taken < len(row.frames):
            self._hold(seat)
        else:
            del self._behind[seat]
            at_end = seat.place == reel.end
            (self._abreast if at_end else self._behind)[seat] = None

    def _hold(self, seat: Seat) -> None:
        """Send ``seat`` nothing until it takes more; what it misses, it gets from the log."""
        self.set_live(seat, live=False)
        seat.stall(asyncio.get_running_loop().time())

    def _shorten(self) -> None:
        """Leave those who are furthest behind to the log."""
        far = self._reel.end - LONGEST // 2
        seats = [seat for seat in self._behind if seat.place < far]
        for seat in seats:
            self.set_live(seat, live=False)
        self._look_back()
        self._overtaken(seats)

    def _look_back(self) -> None:
        """Note how long it took until everybody had what they now have, and forget that."""
        furthest = self._furthest
        if furthest is not None and furthest in self._behind and furthest.place == self._passed:
            return
        # The last of them in turn, so that this is looked for once for each turn of everybody's.
        furthest = min(reversed(self._behind), key=_place, default=None)
        self._furthest = furthest
        self._passed = self._reel.end if furthest is None else furthest.place
        now = time.perf_counter()
        while self._added and self._added[0][0] <= self._passed:
            _, added_at = self._added.popleft()
            histogram.note(self._counts.fanouts, now - added_at)
        if furthest is None or self._passed - self._reel.start > PASSED_MOST:
            self._reel.forget(self._passed)


def _place(seat: Seat) -> int:
    return seat.place


def _push_after_ping(seat: Seat, row: Row) -> int:
    """How many of the frames a session took that is to say how far it is."""
    taken = seat.listener.push_row(row.after_ping)
    if taken:
        seat.pinged = seat.position
        # A part of the window later, by the marks, so that those of the others stay apart from it.
        seat.ping_at += GROUPS * ((row.marks - seat.ping_at) // GROUPS + 1)
    return max(0, taken - 1)


def _push_lines(seat: Seat, row: Sequence[Sequence[Line]]) -> int:
    """How many of the frames a terminal took."""
    for taken, lines in enumerate(row):
        if not seat.push_lines(lines):
            return taken
    return len(row)
