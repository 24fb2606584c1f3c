"""Where the hub's database work runs: one thread that writes, a few that read.

Never the event loop, and never the thread that Django's async views share. Each thread keeps its
connection, and gets a new one when the database was restarted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, ParamSpec, TypeVar

from django.db import InterfaceError, InternalError, OperationalError, connections

from chat.hub.pool import Pool
from chat.protocol.errors import Unavailable

logger = logging.getLogger("chat")

# A database that has answered nothing for so long, though it was asked, counts as away: people who
# wait would rather know. A storm of reads that are answered one by one may take longer.
SILENT_SECONDS = 5.0

# How long the threads wait for one that is busy, when they stop.
STOP_SECONDS = 5.0

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """The writer's thread and the readers' pool of one hub."""

    def __init__(self, *, readers: int) -> None:
        self._writer = Pool(1, name="chat-writer")
        self._readers = Pool(readers, name="chat-reader")
        self._answers = {self._writer: 0, self._readers: 0}
        """How many calls have ended."""

    async def write(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``function`` in the writer's thread. Raises ``Unavailable`` without a database.

        Once the call has begun its end is waited for, however long the database is silent.
        """
        return await self._run(self._writer, function, *args, **kwargs)

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``function`` in a reader's thread. Raises ``Unavailable`` without a database.

        Silence counts as that too, so ``function`` must not change anything.
        """
        return await self._run(self._readers, function, *args, **kwargs)

    async def _run(
        self,
        pool: Pool,
        function: Callable[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        call = pool.submit(lambda: self._call(function, *args, **kwargs))
        try:
            while not call.done():
                answers = self._answers[pool]
                await _ended(call)
                silent = not call.done() and self._answers[pool] == answers
                if silent and (call.cancel() or pool is self._readers):
                    raise Unavailable
            self._answers[pool] += 1
            return call.result()
        finally:
            call.cancel()  # where nobody waits for it any more, it need not begin

    def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Once, and once more on a new connection where the old one turns out to be dead.

        Safe for writes too: a post that did commit is found by its id the second time.
        """
        used = {each.alias: each.connection for each in connections.all(initialized_only=True)}
        try:
            try:
                return function(*args, **kwargs)
            except (OperationalError, InterfaceError, InternalError):
                # PostgreSQL calls it internal when it ends a transaction that stood still.
                if not _lost(used):
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
            barrier = threading.Barrier(pool.size)
            for _ in range(pool.size):
                pool.submit(partial(_close_own, barrier))
            pool.close()


async def _ended(call: Future[Any]) -> None:
    """Wait for the end of ``call``, ``SILENT_SECONDS`` at most.

    By the fewest turns of the loop, each of which is milliseconds while it is busy: with
    ``asyncio.wait`` for what ``wrap_future`` returns it was one more.
    """
    loop = asyncio.get_running_loop()
    woken: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not woken.done():
            woken.set_result(None)

    def wake_loop(_: Future[Any]) -> None:
        with contextlib.suppress(RuntimeError):  # it is closed
            loop.call_soon_threadsafe(wake)

    patience = loop.call_later(SILENT_SECONDS, wake)
    call.add_done_callback(wake_loop)
    try:
        await woken
    finally:
        patience.cancel()


def _lost(used: Mapping[str, object]) -> bool:
    """Whether any of this thread's connections is dead; closes those.

    ``used`` are those of before, by their aliases: users may be in another database than the log.
    """
    found = False
    for connection in connections.all(initialized_only=True):
        # Django itself closes one that dies within a transaction, and may make a new one.
        if connection.connection is None or not connection.is_usable():
            connection.close()
            found = True
        elif connection.connection is not used.get(connection.alias, connection.connection):
            found = True
    return found


def _close_own(barrier: threading.Barrier) -> None:
    with contextlib.suppress(threading.BrokenBarrierError):
        barrier.wait(STOP_SECONDS)
    connections.close_all()
