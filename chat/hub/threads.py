"""Where the hub's database work runs: one thread that writes, a few that read.

Never the event loop, and never the thread that Django's async views share. Each thread keeps its
connection, and gets a new one when the database was restarted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connections

from chat.protocol.errors import Unavailable

logger = logging.getLogger("chat")

# How long the threads wait for one that is busy, when they stop.
STOP_SECONDS = 5.0

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """The writer's thread and the readers' pool of one hub."""

    def __init__(self, *, readers: int) -> None:
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="chat-writer")
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="chat-reader")

    async def write(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``function`` in the writer's thread. Raises ``Unavailable`` without a database."""
        return await self._run(self._writer, function, *args, **kwargs)

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``function`` in a reader's thread. Raises ``Unavailable`` without a database."""
        return await self._run(self._readers, function, *args, **kwargs)

    async def _run(
        self,
        pool: ThreadPoolExecutor,
        function: Callable[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, lambda: self._call(function, *args, **kwargs))

    def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Once, and once more on a new connection where the old one turns out to be dead.

        Safe for writes too: a post that did commit is found by its id the second time.
        """
        try:
            try:
                return function(*args, **kwargs)
            except (OperationalError, InterfaceError):
                if not _close_dead():
                    raise
                return function(*args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            # Once a call, and calls are few while nothing can be stored.
            logger.warning("database unavailable: %s", error)
            connections.close_all()
            raise Unavailable from error
        finally:
            # With DEBUG on, Django keeps each statement until the next request: none comes here.
            for connection in connections.all(initialized_only=True):
                connection.queries_log.clear()

    def stop(self) -> None:
        """Let running calls end, close the connections, end the threads. Blocks for that long."""
        for pool in (self._writer, self._readers):
            # A thread closes only its own: the barrier makes each of them take one call.
            barrier = threading.Barrier(pool._max_workers)
            for _ in range(pool._max_workers):
                pool.submit(_close_own, barrier)
            pool.shutdown(wait=True)


def _close_dead() -> bool:
    """Close the connections of this thread that are dead; whether there were any.

    Users and sessions may be in another database than the log.
    """
    found = False
    for connection in connections.all(initialized_only=True):
        # Django itself closes one that dies within a transaction.
        if connection.connection is None or not connection.is_usable():
            connection.close()
            found = True
    return found


def _close_own(barrier: threading.Barrier) -> None:
    with contextlib.suppress(threading.BrokenBarrierError):
        barrier.wait(STOP_SECONDS)
    connections.close_all()
