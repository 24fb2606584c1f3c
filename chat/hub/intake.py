"""What a session's client says: its frames, their bounds, and its commands in their order."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from chat.hub import carrying, stepping
from chat.hub.limits import TokenBucket
from chat.hub.outgoing import text_size
from chat.protocol import commands
from chat.protocol.closing import CloseCode
from chat.protocol.commands import AnyCommand
from chat.protocol.errors import BadFrame, Problem, Unavailable
from chat.protocol.frames import Rejected

if TYPE_CHECKING:
    from chat.hub.session import Session

logger = logging.getLogger("chat")

# A client that cannot be understood gets this many chances, and one more every ten seconds.
BAD_FRAME_BURST = 10.0
BAD_FRAME_RATE = 0.1

# Commands of any kind, answered or refused, before it is flooding; far above what people do.
FLOOD_RATE = 100.0
FLOOD_BURST = 1000.0

# Commands that wait for one that reads the log: servers read on while it does.
BACKLOG_MOST = 1000


class Intake:
    """The commands of one session. Closes it where they are too many, or make no sense."""

    __slots__ = ("_backlog", "_backlog_size", "_bad", "_flood", "_session", "_worker")

    def __init__(self, session: Session) -> None:
        rate = session.hub.config.posts_per_second
        self._session = session
        self._backlog: deque[tuple[AnyCommand | Rejected, float]] = deque()
        """Each with its part of the frame it came in, in bytes."""
        self._backlog_size = 0.0
        self._worker: asyncio.Task[None] | None = None
        # Load tests that lift the one limit mean the other as well.
        self._flood = TokenBucket(FLOOD_RATE if rate else 0.0, burst=max(FLOOD_BURST, 20 * rate))
        self._bad = TokenBucket(BAD_FRAME_RATE, BAD_FRAME_BURST)

    def receive(self, text: str) -> None:
        """Take one frame of the client's, and carry out its commands."""
        now = self._session.hub.loop.time()
        config = self._session.hub.config
        size = text_size(text)
        if size > config.frame_limit:
            self._session.close(CloseCode.FRAME_TOO_BIG)
            return
        try:
            found = self._session.dialect.read(text)
        except BadFrame as problem:
            self._session.refuse(problem)
            if self._bad.take(now):
                self._session.close(CloseCode.PROTOCOL_VIOLATION)
            return
        if self._backlog_size + size > max(config.window_bytes, config.frame_limit):
            self._session.close(CloseCode.PROTOCOL_VIOLATION)
            return
        self.take(found, size)

    def take(self, found: Sequence[AnyCommand | Rejected], size: int = 0) -> None:
        """Carry out commands in order; at once, where nothing has to be waited for.

        ``size`` is the bytes of the frame they came in.
        """
        now = self._session.hub.loop.time()
        each = size / max(1, len(found))
        for command in found:
            if self._flood.take(now) or len(self._backlog) >= BACKLOG_MOST:
                self._session.close(CloseCode.PROTOCOL_VIOLATION)
                return
            if isinstance(command, commands.Pong):
                self._session.pong(command)  # what it frees, the commands before it may wait for
            else:
                self._backlog.append((command, each))
                self._backlog_size += each
        if self._worker is None:
            self._work_off()

    def _work_off(self) -> None:
        work = self._carry_out_backlog()
        waits_for = stepping.begin(work)
        if waits_for is not stepping.DONE:
            self._worker = self._session.hub.spawn(self._go_on(work, waits_for))

    async def _go_on(self, work: Coroutine[Any, Any, None], waits_for: Any) -> None:
        try:
            await stepping.rest_of(work, waits_for)
        finally:
            self._worker = None

    async def _carry_out_backlog(self) -> None:
        while self._backlog and not self._session.closed:
            command, size = self._backlog.popleft()
            self._backlog_size -= size
            if isinstance(command, Rejected):
                self._session.refuse(command.problem, command.ref, command.id)
                continue
            try:
                await carrying.out(self._session, command, self._session.hub.loop.time())
            except Problem as problem:
                self._session.refuse(problem, command.ref, getattr(command, "id", UNSET))
            except Exception:
                # A fault of ours: this command's sender is told, nobody else notices.
                logger.exception("%s could not be carried out", type(command).__name__)
                self._session.refuse(Unavailable(), command.ref, getattr(command, "id", UNSET))

    def stop(self) -> None:
        """Carry out nothing more."""
        self._backlog.clear()
        if self._worker is not None:
            # Not at once: a task that has not begun would never tell the work, whose place in the
            # line for a lock nobody would give up then.
            self._session.hub.loop.call_soon(self._worker.cancel)
