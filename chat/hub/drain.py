"""Leaving politely on SIGTERM.

Servers do not wait for WebSockets: daphne drops them without a close frame, uvicorn closes all at
once. So the hub takes the signal first: it lets nobody in, closes its sessions over a few seconds
with a code that says "come back", lets posts that were taken be stored, and then hands the signal
on to the server.

Nothing depends on it: a process that is killed instead loses no acknowledged message.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

from chat.protocol.closing import CloseCode

if TYPE_CHECKING:
    from chat.hub.hub import Hub

logger = logging.getLogger("chat")

# Of the time there is, the share in which sessions are closed: clients that all come back at once
# would be a storm for the processes that stay.
SPREAD = 0.4

# How long the last close frames get to leave the process.
LINGER_SECONDS = 0.5

# Sessions closed between two waits, where there are more than fit one by one.
STEPS = 50

Handler = Callable[[int, FrameType | None], Any]


class Drain:
    """Stands before the server's own handler of SIGTERM."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._handler: Handler | None = None

    def install(self) -> None:
        """Take SIGTERM, where the server handles it in Python and this is the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return
        handler = signal.getsignal(signal.SIGTERM)
        if callable(handler):
            self._handler = handler
            signal.signal(signal.SIGTERM, self._terminate)

    def uninstall(self) -> None:
        """Give the signal back."""
        if self._handler is not None and signal.getsignal(signal.SIGTERM) == self._terminate:
            signal.signal(signal.SIGTERM, self._handler)

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        assert self._handler is not None, "installed only in place of a handler"
        if self.hub.draining:
            # A second signal means now.
            self._handler(number, frame)
            return
        self.hub.draining = True
        self.hub.loop.call_soon_threadsafe(self._begin, number)

    def _begin(self, number: int) -> None:
        self.hub.spawn(self._leave(number))

    async def _leave(self, number: int) -> None:
        there = len(self.hub.sessions)
        end = self.hub.loop.time() + self.hub.config.drain_seconds
        try:
            await asyncio.wait_for(self._empty(), self.hub.config.drain_seconds)
            logger.info("drained: %d sessions were sent away", there)
        except TimeoutError:
            late = list(self.hub.sessions)
            for session in late:
                session.close(CloseCode.GOING_AWAY)
            logger.warning("drained not in time: %d sessions are cut off", len(late))
        finally:
            assert self._handler is not None, "installed only in place of a handler"
            self._handler(number, None)
            # uvicorn then waits for its sockets, and one whose client takes nothing never closes.
            # It takes SIGINT, once it is leaving, for "now"; by then others are gone.
            self.hub.loop.call_later(
                max(LINGER_SECONDS, end - self.hub.loop.time()), self._handler, signal.SIGINT, None
            )

    async def _empty(self) -> None:
        sessions = list(self.hub.sessions)
        linger = LINGER_SECONDS if sessions else 0.0
        pause = self.hub.config.drain_seconds * SPREAD / STEPS
        at_once = max(1, -(-len(sessions) // STEPS))
        for first in range(0, len(sessions), at_once):
            for session in sessions[first : first + at_once]:
                session.close(CloseCode.GOING_AWAY)
            await asyncio.sleep(pause)
        await self.hub.writer.settled()
        await self.hub.presence.stop()
        await self.hub.bus.stop()
        await asyncio.sleep(linger)
