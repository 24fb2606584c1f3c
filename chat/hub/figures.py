"""What this process does, in figures: counted as it happens, told with each beat.

Counting is for the hot paths: once for a commit, a session's turn in the fan-out, a close, never
for each event that somebody is sent. What the counts mean is worked out by those who look
(``live``).
"""

from __future__ import annotations

import heapq
import logging
from collections import deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.utils import timezone

from chat import store
from chat.store import Busy, Counts, Report

if TYPE_CHECKING:
    from chat.hub.hub import Hub

logger = logging.getLogger("chat")

LATELY = 60.0
"""Seconds that a report is about, as nearly as the beats allow."""

# Beats come every few seconds, but any signal may bring one on: readings need not be closer.
BETWEEN_READINGS = 1.0

BUSY_MOST = 10
"""Rooms that a report names for their people, and as many for their posts."""


class _Reading(NamedTuple):
    at: float
    counts: Counts


class _Heads(NamedTuple):
    at: float
    seqs: dict[str, int]


class Figures:
    """The counts of one process, and what they were a moment ago."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.counts = Counts()
        start = _Reading(hub.loop.time(), Counts())
        self._readings = deque([start])
        """The first is from a minute ago, or from the beginning."""
        self._sampled = start
        self._minute = _this_minute()
        self._heads = self._earlier_heads = _Heads(start.at, {})
        """Where each room was at most half a minute ago; and half a minute before that."""

    def start(self) -> None:
        """Count what is logged as an error: wherever one is caught, it is logged."""
        logger.addFilter(self._note)

    def stop(self) -> None:
        """Count no more errors."""
        logger.removeFilter(self._note)

    def _note(self, record: logging.LogRecord) -> bool:
        # A filter and not a handler: with one, Python would no longer write warnings to stderr
        # where a site has configured nothing.
        if record.levelno >= logging.ERROR:
            self.counts.faults += 1
        return True

    def closed(self, code: int) -> None:
        """A session was closed, or not let in, with ``code``."""
        closes = self.counts.closes
        closes[int(code)] = closes.get(int(code), 0) + 1

    def report(self) -> Report:
        """What the process is doing, for its row."""
        now = self.hub.loop.time()
        while len(self._readings) > 1 and self._readings[1].at <= now - LATELY:
            self._readings.popleft()
        if now - self._readings[-1].at >= BETWEEN_READINGS:
            self._readings.append(_Reading(now, self.counts.copy()))
        report = self._since(self._readings[0])
        ever = self.counts.copy()
        ever.acks, ever.fanouts = {}, {}
        return Report(
            sessions=report.sessions,
            rooms=report.rooms,
            seconds=report.seconds,
            lately=report.lately,
            ever=ever,
            busy=self._busy(now),
        )

    def _since(self, reading: _Reading) -> Report:
        return Report(
            sessions=len(self.hub.sessions),
            rooms=len(self.hub.rooms),
            seconds=round(self.hub.loop.time() - reading.at, 3),
            lately=self.counts - reading.counts,
        )

    def _busy(self, now: float) -> list[Busy]:
        """The rooms with the most people, and those with the most posts."""
        rooms = self.hub.rooms
        # Two readings and not one for each beat: there may be thousands of rooms.
        if now - self._heads.at >= LATELY / 2:
            heads = {slug: room.order.head for slug, room in rooms.items()}
            self._earlier_heads, self._heads = self._heads, _Heads(now, heads)
        earlier = self._earlier_heads
        posts: dict[str, int] = {}
        for slug, room in rooms.items():
            order = room.order
            count = order.head - earlier.seqs.get(slug, order.start)
            if count > 0:  # a restored database takes seqs back
                posts[slug] = count
        a_minute = 60 / max(now - earlier.at, BETWEEN_READINGS)
        online = self.hub.presence.online
        named = {
            *heapq.nlargest(BUSY_MOST, rooms, key=online),
            *heapq.nlargest(BUSY_MOST, posts, key=posts.__getitem__),
        }
        return [
            Busy(
                slug,
                online(slug),
                len(rooms[slug].seats),
                round(posts.get(slug, 0) * a_minute, 1),
            )
            for slug in sorted(named)
        ]

    async def sample(self) -> None:
        """Keep what was done in the minute that is over. Raises ``Unavailable``: then later."""
        minute, name = _this_minute(), self.hub.presence.register.name
        if minute <= self._minute or not name:
            return
        report = self._since(self._sampled)
        taken = _Reading(self.hub.loop.time(), self.counts.copy())
        await self.hub.threads.write(store.keep_sample, name, minute - timedelta(minutes=1), report)
        self._sampled, self._minute = taken, minute


def _this_minute() -> datetime:
    return timezone.now().replace(second=0, microsecond=0)
