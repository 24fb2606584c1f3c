"""The sending half of a session: never waits, and never lets one slow socket hold up the others.

An ASGI ``send`` is a coroutine. On daphne it never suspends; on servers with backpressure it does
when the socket's buffer is full. So each send is stepped by hand: done when it raises
``StopIteration``; one that suspends is parked in a task of its own, and the session takes nothing
more until that has ended.
"""

from __future__ import annotations

import asyncio
import logging
import types
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any

Outgoing = dict[str, Any]
"""An ASGI message. One object is handed to many sessions: nobody changes it."""

Send = Callable[[Outgoing], Coroutine[Any, Any, None]]

logger = logging.getLogger("chat")

# Replies that wait for a blocked socket. A client has at most this many commands in flight before
# it is cut off, so a reader that is merely slow never loses one.
WAITING_MOST = 1000


class Outlet:
    """Sends to one socket, in order.

    ``freed`` is called when a socket that was blocked can take more; ``overflowed`` when too many
    replies wait for it.
    """

    __slots__ = ("_closed", "_freed", "_overflowed", "_parked", "_send", "_waiting")

    def __init__(
        self, send: Send, *, freed: Callable[[], None], overflowed: Callable[[], None]
    ) -> None:
        self._send = send
        self._freed = freed
        self._overflowed = overflowed
        self._parked: asyncio.Task[None] | None = None
        self._waiting: deque[Outgoing] = deque()
        self._closed = False

    def push(self, message: Outgoing) -> bool:
        """Send now; false, and nothing sent, while the socket is blocked or closed.

        For what can be had again from the log.
        """
        if self._parked is not None or self._closed:
            return False
        sending = self._send(message)
        try:
            suspended_on = sending.send(None)
        except StopIteration:
            return True
        except Exception:
            # The connection is gone; the server says so by its disconnect message.
            self._closed = True
            return False
        self._parked = asyncio.get_running_loop().create_task(self._finish(sending, suspended_on))
        return True

    def send(self, message: Outgoing) -> None:
        """Send now, or as soon as the socket can take it. For replies."""
        if self._closed or self.push(message) or self._closed:
            return
        self._waiting.append(message)
        if len(self._waiting) > WAITING_MOST:
            self._overflowed()

    def close(self, code: int) -> None:
        """Send nothing more but the close with ``code``."""
        self._waiting.clear()
        self.send({"type": "websocket.close", "code": code})
        self._closed = True

    def abandon(self) -> None:
        """The socket is gone: forget what waits for it."""
        self._closed = True
        self._waiting.clear()
        if self._parked is not None:
            self._parked.cancel()

    async def _finish(self, sending: Coroutine[Any, Any, None], suspended_on: Any) -> None:
        try:
            await _rest_of(sending, suspended_on)
            while self._waiting:
                await self._send(self._waiting.popleft())
        except Exception:
            self._closed = True
        finally:
            self._parked = None
        if not self._closed:
            self._freed()


@types.coroutine
def _rest_of(started: Coroutine[Any, Any, None], suspended_on: Any) -> Generator[Any, Any, None]:
    """Go on with a coroutine that was stepped once and is suspended on ``suspended_on``."""
    try:
        while True:
            try:
                value = yield suspended_on
            except BaseException as error:
                suspended_on = started.throw(error)
            else:
                suspended_on = started.send(value)
    except StopIteration:
        return
