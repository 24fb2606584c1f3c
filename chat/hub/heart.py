"""What a hub does on a timer: one task for its sessions, one for the log, however many there are.

Four beats make a heartbeat. In each, a quarter of the sessions is pinged, and every room's head is
compared with the database, so that what the channel layer lost is found.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from chat import store
from chat.hub import signals
from chat.hub.outgoing import Messages, text_frame
from chat.hub.reel import PING
from chat.hub.room import Room
from chat.hub.seat import Seat
from chat.hub.session import BEATS, STALLED_HEARTBEATS
from chat.models import Room as Record
from chat.protocol import frames
from chat.protocol.closing import CloseCode
from chat.protocol.errors import Unavailable

if TYPE_CHECKING:
    from chat.hub.hub import Hub

logger = logging.getLogger("chat")

# A client that has not said anything for this many heartbeats is not there. With the beat in which
# that is seen it is 55 s at 20 s a heartbeat, which is the longest: half-open ones go within 60 s.
SILENT_HEARTBEATS = 2.5

# In that many beats each client is asked for a sign of life, and can have given it.
ANSWERED_BEATS = BEATS + 1

ROOMS_AT_ONCE = 500
SESSIONS_AT_ONCE = 256

# Group memberships of the Redis layers expire after a day; so they are renewed each hour.
RENEW_SECONDS = 3600.0


class Heart:
    """The timers of one hub."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.probed_at: float | None = None
        """When the first of the probes went out that have not come back; ``None`` when all have."""
        self._now = asyncio.Event()
        self._altered: set[str] = set()
        """Rooms that somebody has changed: in their row, or in who may do what there."""
        self._idle: set[str] = set()
        # Not 0: the loop's clock may have begun with the machine, less than an hour ago.
        self._renewed_at = float("-inf")

    def start(self) -> None:
        """Begin to beat."""
        self.hub.spawn(self._beat_sessions())
        self.hub.spawn(self._beat_log())

    def look(self, altered: str | None = None) -> None:
        """Compare heads now rather than at the next beat; ``altered`` is a room that changed."""
        if altered is not None:
            self._altered.add(altered)
        self._now.set()

    @property
    def _beat(self) -> float:
        return self.hub.config.heartbeat / BEATS

    # Sessions: never waits for the database

    async def _beat_sessions(self) -> None:
        beat = judges_from = 0
        while True:
            slept_at = self.hub.loop.time()
            await asyncio.sleep(self._beat)
            beat += 1
            if self.hub.loop.time() - slept_at > 2 * self._beat:
                # We ourselves were away, or busy: what clients said meanwhile is not read yet, and
                # to be silent they must have been asked since.
                judges_from = beat + ANSWERED_BEATS
            try:
                await self._ping(beat % BEATS, judge=beat >= judges_from)
            except Exception:
                logger.exception("a beat of the sessions failed")

    async def _ping(self, turn: int, *, judge: bool = True) -> None:
        """Ping a quarter of the sessions, and close those of all that have long been silent.

        All in each beat, so that nobody's silence lasts a heartbeat more by whose turn it is.
        Without ``judge`` none is closed. Terminals have no pong: their server's own pings find the
        dead among them. Who has not been welcomed yet is told nothing before that. Who has their
        server answer pings without end, and reads nothing, is closed as too slow.
        """
        ping = Messages([text_frame(frames.frame([PING]))])
        silent_since = self.hub.loop.time() - SILENT_HEARTBEATS * self.hub.config.heartbeat
        for number, session in enumerate(list(self.hub.sessions)):
            if session.overflows:
                session.too_slow()
            if session.closed or session.terminal or not session.welcomed:
                continue
            if judge and session.heard_at < silent_since:
                session.close(CloseCode.NO_SIGN_OF_LIFE)
            elif session.turn == turn:
                session.push_row(ping)
            if number % SESSIONS_AT_ONCE == 0:
                await asyncio.sleep(0)

    # The log

    async def _beat_log(self) -> None:
        while True:
            for step in (
                self.hub.presence.beat,
                self.hub.vitals.beat,
                self.hub.watchers.beat,
                self._compare_heads,
                self._serve_stragglers,
                self._empty_outbox,
                self._tend_search,
                self._close_idle_rooms,
                self._probe,
                self.hub.figures.sample,
            ):
                try:
                    await step()
                except Unavailable:
                    pass  # the next beat tries again
                except Exception:
                    logger.exception("a beat of the log failed: %s", step.__name__)
            await self._rest(self._beat)

    async def _rest(self, seconds: float) -> None:
        """Wait that long, or until somebody has us look."""
        # Not ``wait_for``, which until Python 3.12 forgets that it was cancelled where the event is
        # set in the same turn: the hub would never stop.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._now.wait()
        self._now.clear()

    async def _compare_heads(self) -> None:
        """Find what the bus has lost, and rooms that were changed, in one query for 500 rooms.

        And one more where any of them was changed.
        """
        altered, self._altered = self._altered, set()
        rooms = list(self.hub.rooms.items())
        for first in range(0, len(rooms), ROOMS_AT_ONCE):
            some = dict(rooms[first : first + ROOMS_AT_ONCE])
            try:
                pks = [room.record.id for room in some.values()]
                standings = await self.hub.threads.read(store.standings, pks)
                changed = []
                for slug, room in some.items():
                    standing = standings.get(room.record.id)
                    if slug in altered or not (standing and room.same_policy(standing[1:])):
                        changed.append(slug)
                    elif self.hub.rooms.get(slug) is room:
                        room.expect(standing[0])
                if changed:
                    records = await self.hub.threads.read(store.heads, changed)
                    for slug in changed:
                        await self._alter(some[slug], records.get(slug))
            except Unavailable:
                self._altered |= altered
                raise

    async def _alter(self, room: Room, record: Record | None) -> None:
        if self.hub.rooms.get(room.slug) is not room:
            return
        await self.hub.rooms.alter(room, record)
        if record is not None and record.epoch == room.record.epoch:
            room.expect(record.head)

    async def _serve_stragglers(self) -> None:
        """Close those who take nothing, and serve those for whom the log could not be read."""
        stalled_since = self.hub.loop.time() - STALLED_HEARTBEATS * self.hub.config.heartbeat
        for room in list(self.hub.rooms.values()):
            for seat in room.stragglers():
                if seat.stalled_at is not None and seat.stalled_at < stalled_since:
                    seat.listener.too_slow()
                else:
                    await self._serve(room, seat)

    async def _serve(self, room: Room, seat: Seat) -> None:
        try:
            await room.catch_up(seat)
        except Unavailable:
            raise
        except Exception:
            # A fault of ours. It comes back and begins anew, and the others are served.
            logger.exception("%s: a session could not be served", room.slug)
            seat.listener.too_slow()

    async def _empty_outbox(self) -> None:
        """Move what a publisher left behind that died after its commit."""
        while outcomes := await self.hub.threads.write(store.move_outbox):
            self.hub.publish_outcomes(outcomes)

    async def _tend_search(self) -> None:
        """Do a little for the index of words, where the database has us do it."""
        await self.hub.threads.write(store.tend)

    async def _close_idle_rooms(self) -> None:
        """Close the rooms in which nobody has been for a whole beat."""
        idle = {slug for slug, room in self.hub.rooms.items() if not room.seats}
        for slug in idle & self._idle:
            room = self.hub.rooms.get(slug)
            if room is not None and not room.seats:
                # One that was made for somebody who went before sitting down goes again.
                await self.hub.rooms.remove_unused(room)
                if not room.seats:
                    await self.hub.rooms.close(room)
        self._idle = idle

    async def _probe(self) -> None:
        """Send a signal to all, this process too; one that does not come back means deafness."""
        now, bus = self.hub.loop.time(), self.hub.bus
        silence = 0.0 if self.probed_at is None else now - self.probed_at
        # Not by counting probes: whoever has us look at the log makes another one.
        if min(silence, now - bus.heard_at) > 1.5 * self._beat:
            # Entering the groups again was not enough, nor is it that a busy layer drops probes.
            bus.listen_anew()
        elif silence > 0.5 * self._beat or now - self._renewed_at > RENEW_SECONDS:
            self._renewed_at = now
            bus.renew()
        if self.probed_at is None:
            self.probed_at = now
        bus.send(signals.CONTROL, signals.Probe(self.hub.id))
