"""Group commit: every post that waits goes into the next transaction."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import DatabaseError

from chat import store
from chat.hub.threads import Threads
from chat.protocol.errors import Problem, Unavailable

logger = logging.getLogger("chat")

Done = Callable[[store.Outcome], None]
_T = TypeVar("_T")

# Posts that wait for the database. At 8 000 commits a second this is more than a second's worth;
# beyond it, "try again" is the honest answer.
WAITING_MOST = 10_000


class Writer:
    """Takes drafts, stores them in batches, and says what became of each.

    ``publish(room, epoch, entries)`` is called after the commit, and after each draft's ``done``.
    """

    def __init__(
        self,
        threads: Threads,
        *,
        batch: int,
        publish: Callable[[str, str, list[store.Entry]], None],
    ) -> None:
        self._threads = threads
        self._batch = batch
        self._publish = publish
        self._waiting: deque[tuple[store.Draft, Done]] = deque()
        self._task: asyncio.Task[None] | None = None
        self.commits = 0
        self.stored = 0

    def submit(self, draft: store.Draft, done: Done) -> None:
        """Store ``draft`` with the next commit, then call ``done`` with its outcome."""
        if len(self._waiting) >= WAITING_MOST:
            done(Unavailable(retry_after=1.0))
            return
        self._waiting.append((draft, done))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def settled(self) -> None:
        """Wait until everything submitted so far is committed or refused."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while self._waiting:
                count = min(len(self._waiting), self._batch)
                batch = [self._waiting.popleft() for _ in range(count)]
                outcomes = await self._store([draft for draft, _ in batch])
                for (_, done), outcome in zip(batch, outcomes, strict=True):
                    self._tell(done, outcome)
                self._tell(self.announce, outcomes)
        finally:
            self._task = None

    @staticmethod
    def _tell(whom: Callable[[_T], None], what: _T) -> None:
        try:
            whom(what)
        except Exception:
            # A fault of ours. It is in the log, and the others that wait must not suffer.
            logger.exception("what was stored could not be told")

    async def _store(self, drafts: Sequence[store.Draft]) -> list[store.Outcome]:
        try:
            outcomes = await self._threads.write(store.append, drafts)
        except Problem as problem:
            return [problem] * len(drafts)
        except Exception as error:
            if len(drafts) > 1:
                # One of them is at fault; the others are not to suffer.
                return [outcome for draft in drafts for outcome in await self._store([draft])]
            log = logger.warning if isinstance(error, DatabaseError) else logger.exception
            log("a message could not be stored: %r", error)
            return [Unavailable()]
        self.commits += 1
        self.stored += len(drafts)
        return outcomes

    def announce(self, outcomes: Sequence[store.Outcome]) -> None:
        """Publish what a commit has added to the log."""
        for room, epoch, entries in store.added(outcomes):
            self._publish(room, epoch, entries)
