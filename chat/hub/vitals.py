"""How lively each session is, written to the rows while somebody looks at them closely.

Mostly nobody does, and then it costs nothing. Who does counts ``Node.asked`` up, which each process
sees when it beats.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone
from msgspec import structs

from chat import store
from chat.hub.register import row_of

if TYPE_CHECKING:
    from chat.hub.hub import Hub
    from chat.hub.session import Session

LOOKED_SECONDS = 120.0
"""How long one look at the connections counts."""

SESSIONS_AT_ONCE = 250
"""Rows in one transaction: posts come in between, and wait some 40 ms for it."""

# Whoever looks again and again has every process beat each time.
BETWEEN_SECONDS = 1.0

NEVER = float("-inf")


class Vitals:
    """What this process tells of its sessions."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._asked = 0
        self._until = NEVER
        self._told_at = NEVER
        self._node: int | None = None
        """The row of this process under which was told last: who was buried begins anew."""
        self._told = False
        """Whether rows have something that will not be right for long."""

    def asked(self, count: int) -> None:
        """So often was this process asked: once more than before means that somebody looks."""
        if count > self._asked:
            self._until = self.hub.loop.time() + LOOKED_SECONDS
        self._asked = count

    async def beat(self) -> None:
        """Tell while somebody looks. Raises ``Unavailable``; the next beat tells again.

        When nobody does any more, what was told is taken back: nobody is to take it for new.
        """
        now = self.hub.loop.time()
        if self._node != self.hub.presence.node:
            self._node, self._told_at = self.hub.presence.node, NEVER
        if now < self._until:
            if now - self._told_at >= BETWEEN_SECONDS:
                self._told = True
                if await self._write(self._told_at, told=True):
                    self._told_at = now
        elif self._told:
            await self._write(NEVER, told=False)
            self._told, self._told_at = False, NEVER

    async def _write(self, since: float, *, told: bool) -> bool:
        """Write of all sessions that have something new to tell since then; whether it was.

        It is not where the row of this process is not there: the new one's sessions are all new.
        """
        node = self.hub.presence.node
        if node is None:
            return False
        sessions = [
            session
            for session in self.hub.sessions
            # One that lags less than before was heard.
            if session.heard_at >= since or lag_of(session)
        ]
        for first in range(0, len(sessions), SESSIONS_AT_ONCE):
            loop_time, wall = self.hub.loop.time(), timezone.now()
            rows = [
                _signs_of(session, wall - timedelta(seconds=loop_time - session.heard_at))
                if told
                else row_of(session)
                for session in sessions[first : first + SESSIONS_AT_ONCE]
                if not session.closed
            ]
            if not await self.hub.threads.write(store.note_signs, node, rows):
                return False
        return True


def lag_of(session: Session) -> int | None:
    """Events of its rooms that its client has not confirmed; ``None``: a terminal never does.

    Clients confirm at each ping, so that up to a heartbeat's events mean nothing.
    """
    if session.terminal:
        return None
    return max((seat.room.sent - seat.seen for seat in session.seats.values()), default=0)


def _signs_of(session: Session, heard_at: datetime) -> store.SessionRow:
    return structs.replace(row_of(session), heard_at=heard_at, lag=lag_of(session))
