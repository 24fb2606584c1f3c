"""The sending half of a session: never waits, and never lets one slow socket hold up the others.

An ASGI ``send`` is a coroutine. On servers with backpressure it suspends when the socket's buffer
is full. So each send is stepped by hand: done when it raises ``StopIteration``; one that suspends
is parked in a task of its own, and the session takes nothing more until that has ended. On daphne
it never suspends; there the connection itself says when it holds too much (``pressure``). On both,
frames go past ``send`` where it would do no more than write them (``direct``).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from chat.hub import direct, pressure, stepping
from chat.hub.outgoing import Messages, Outgoing, close_message, size_of

Send = Callable[[Outgoing], Coroutine[Any, Any, None]]

logger = logging.getLogger("chat")

# Replies that wait for a blocked socket. A client has at most this many commands in flight before
# it is cut off, so a reader that is merely slow never loses one.
WAITING_MOST = 1000

CLOSE_SECONDS = 5.0

# Bytes that go into a connection that says it is full: a turn of the fan-out may fill any. A client
# has half a heartbeat to take them.
HELD_MOST = 2**20

# uvicorn gives a client ten seconds to answer a close, and then as long as it likes to take it.
ABORT_SECONDS = 15.0

# What autobahn, which is daphne's and no dependency of ours, raises where others raise an OSError.
GONE = frozenset({"Disconnected"})


class Outlet:
    """Sends to one socket, in order.

    At most ``most`` bytes of replies wait.

    ``freed`` is called when a socket that was blocked can take more; ``failed`` when the session
    cannot go on: too many replies wait for it, or the server refuses a frame; ``cut`` when not even
    the close could be sent, as the socket took nothing: whoever serves it is to end it.
    """

    __slots__ = (
        "_begun",
        "_closed",
        "_cut",
        "_failed",
        "_freed",
        "_full",
        "_held",
        "_most",
        "_parked",
        "_send",
        "_transport",
        "_waiting",
        "_waiting_size",
        "_write",
    )

    def __init__(
        self,
        send: Send,
        *,
        most: int,
        freed: Callable[[], None],
        failed: Callable[[], None],
        cut: Callable[[], None],
    ) -> None:
        self._send = send
        self._cut = cut
        self._freed = freed
        self._failed = failed
        self._parked: asyncio.Task[None] | None = None
        self._waiting: deque[Outgoing] = deque()
        self._waiting_size = 0
        self._begun = 0
        """How many of the last row were written, or begun to be sent."""
        self._closed = False
        self._most = most
        self._full = False
        self._held = 0
        self._write = direct.writer(send)
        self._transport = None if pressure.report(send, self) else pressure.transport_of(send)

    def fill(self) -> None:
        """The connection holds more than it should."""
        self._full = True

    def drain(self) -> None:
        """The connection was full, and has none left."""
        was_stuck = self._stuck
        self._full = False
        self._held = 0
        while self._waiting and self._parked is None and self._begin(Messages((self._waiting[0],))):
            self._next_waiting()
        if was_stuck and not self._waiting and not self._closed and self._parked is None:
            self._freed()

    def push(self, message: Outgoing) -> bool:
        """Send now; false once the socket is blocked or closed.

        For what can be had again from the log.
        """
        return bool(self.push_row(Messages((message,))))

    def push_row(self, row: Messages) -> int:
        """Send now, in order; how many were."""
        if self._parked is not None or self._closed:
            return 0
        return self._begin(row)

    def _begin(self, row: Messages) -> int:
        self._begun = 0
        rest: list[Outgoing] = []
        try:
            self._write_pieces(row)
            if self._begun == len(row):
                return self._begun
            rest += row[self._begun :]
            sending = self._send_each(rest)
            waits_for = stepping.begin(sending)
        except Exception as error:
            begun = self._begun  # what comes of it may send something, too
            self._broke(error)
            return begun
        if waits_for is not stepping.DONE:
            rest.clear()  # ends it with the one that waits
            self._parked = asyncio.get_running_loop().create_task(self._finish(sending, waits_for))
        return self._begun

    def _write_pieces(self, row: Messages) -> None:
        """As many of them past the server, which does not know of them, as it would write."""
        if self._write is None:
            return
        for piece in row.pieces:
            if self._full or not self._write(piece):
                return
            self._begun += piece.frames

    async def _send_each(self, messages: list[Outgoing]) -> None:
        """Stepped as a whole: one step for each send costs as much as a third of the send."""
        for message in messages:
            if self._full and not self._fits(message):
                return
            self._begun += 1
            try:
                await self._send(message)
            except BaseException:
                self._begun -= 1
                raise

    def _fits(self, message: Outgoing) -> bool:
        """Whether a connection that may be full takes this one too."""
        if self._full and not self._stuck:
            self._held += size_of(message)
        return not self._stuck

    @property
    def _stuck(self) -> bool:
        return self._held > min(self._most, HELD_MOST)

    def send(self, message: Outgoing) -> None:
        """Send now, or as soon as the socket can take it. For replies."""
        if self._closed or self.push(message) or self._closed:
            return
        self._waiting.append(message)
        self._waiting_size += size_of(message)
        if len(self._waiting) > WAITING_MOST or self._waiting_size > self._most:
            self._failed()

    def _next_waiting(self) -> Outgoing:
        message = self._waiting.popleft()
        self._waiting_size -= size_of(message)
        return message

    def _forget_waiting(self) -> None:
        self._waiting.clear()
        self._waiting_size = 0

    def close(self, code: int) -> None:
        """Send what waits and then the close with ``code``; nothing more after that.

        A socket that is blocked for ``CLOSE_SECONDS`` longer is cut off, and one that overflows at
        once.
        """
        loop = asyncio.get_running_loop()
        self.send(close_message(code))
        self._closed = True
        if self._transport is not None:
            loop.call_later(0 if self.overflows else ABORT_SECONDS, self._transport.abort)
        if self._parked is not None or self._waiting:
            loop.call_later(CLOSE_SECONDS, self._give_up)

    @property
    def overflows(self) -> bool:
        """Whether the connection holds more than all that we could have sent it.

        The rest is what its server answers by itself: to pings, of a client that reads nothing.
        """
        transport = self._transport
        return transport is not None and transport.get_write_buffer_size() > self._most + HELD_MOST

    def _give_up(self) -> None:
        if self._parked is not None:
            self.abandon()
            self._cut()
        elif self._waiting:
            # daphne drops who does not answer a close; what would be before it is for nobody.
            close = self._waiting[-1]
            self._forget_waiting()
            self._full = False
            self._begin(Messages((close,)))

    def abandon(self) -> None:
        """The socket is gone: forget what waits for it."""
        self._closed = True
        self._forget_waiting()
        if self._parked is not None:
            self._parked.cancel()

    async def _finish(self, sending: Coroutine[Any, Any, None], waits_for: Any) -> None:
        broken = None
        try:
            await stepping.rest_of(sending, waits_for)
            while self._waiting:
                await self._send(self._next_waiting())
        except Exception as error:
            broken = error
        finally:
            self._parked = None
        if broken is not None:
            self._broke(broken)
        elif not self._closed and not self._stuck:
            self._freed()

    def _broke(self, error: Exception) -> None:
        self._forget_waiting()
        closing = self._transport is not None and self._transport.is_closing()
        if closing or isinstance(error, OSError) or type(error).__name__ in GONE:
            self._closed = True  # the connection is gone; its server tells of it
        elif not self._closed:
            # A frame that the server will not send. The client must not wait for it for ever.
            logger.error("a send failed", exc_info=error)
            self._failed()
