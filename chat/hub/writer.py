"""Group commit: every post that waits goes into the next transaction."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import DatabaseError

from chat import store
from chat.hub import histogram
from chat.hub.threads import SILENT_SECONDS, Threads
from chat.protocol.errors import Problem, Unavailable

logger = logging.getLogger("chat")

Done = Callable[[store.Outcome], None]
_T = TypeVar("_T")

# Posts that wait for the database. Of what a core stores, 8 000 to 20 000 a second, this is about a
# second's worth; beyond it, "try again" is the honest answer.
WAITING_MOST = 10_000

# Between attempts to learn what became of a commit, while there is no database to ask.
RETRY_SECONDS = 0.5

# Of the loop, between two transactions. Where it is idle they take no time. Where it is busy, posts
# are read and sessions served meanwhile, and a transaction takes more posts: half of all messages
# were there after 128 and 154 ms instead of 435 and 1 015 (uvicorn, 4 000 posts a second to 500
# sessions), and after 167 instead of 521 and 642 (daphne, 2 000). With 16, one event per frame
# gains on uvicorn what it loses on daphne.
TURNS_BETWEEN = 8


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
        counts: store.Counts | None = None,
    ) -> None:
        self._threads = threads
        self._batch = batch
        self._publish = publish
        self.counts = counts or store.Counts()
        self._waiting: deque[tuple[store.Draft, Done, float]] = deque()
        """Each with when it was taken."""
        self._task: asyncio.Task[None] | None = None
        self._refusing = False
        """Whether the transaction under way does not end, so that nobody is to wait behind it."""

    def submit(self, draft: store.Draft, done: Done) -> None:
        """Store ``draft`` with the next commit, then call ``done`` with its outcome."""
        if self._refusing or len(self._waiting) >= WAITING_MOST:
            done(Unavailable(retry_after=1.0))
            return
        self.counts.posts += 1
        self._waiting.append((draft, done, time.perf_counter()))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def settled(self) -> None:
        """Wait until everything submitted so far is committed or refused."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                count = min(len(self._waiting), self._batch)
                batch = [self._waiting.popleft() for _ in range(count)]
                patience = loop.call_later(SILENT_SECONDS, self._refuse_others)
                try:
                    outcomes = await self._store([draft for draft, _, _ in batch])
                finally:
                    patience.cancel()
                    self._refusing = False
                now = time.perf_counter()
                for (_, done, taken_at), outcome in zip(batch, outcomes, strict=True):
                    histogram.note(self.counts.acks, now - taken_at)
                    self._tell(done, outcome)
                self._tell(self.announce, outcomes)
                for _ in range(TURNS_BETWEEN):
                    await asyncio.sleep(0)
        finally:
            self._task = None

    def _refuse_others(self) -> None:
        """Answer all that wait behind the transaction under way: of them, nothing was stored."""
        self._refusing = True
        while self._waiting:
            _, done, _ = self._waiting.popleft()
            self._tell(done, Unavailable(retry_after=1.0))

    @staticmethod
    def _tell(whom: Callable[[_T], None], what: _T) -> None:
        try:
            whom(what)
        except Exception:
            # A fault of ours. It is in the log, and the others that wait must not suffer.
            logger.exception("what was stored could not be told")

    async def _store(self, drafts: Sequence[store.Draft]) -> list[store.Outcome]:
        try:
            outcomes = await self._append(drafts)
        except Problem as problem:
            return [problem] * len(drafts)
        except Exception as error:
            if len(drafts) > 1:
                # One of them is at fault; the others are not to suffer.
                return [outcome for draft in drafts for outcome in await self._store([draft])]
            log = logger.warning if isinstance(error, DatabaseError) else logger.exception
            log("a message could not be stored: %r", error)
            return [Unavailable()]
        self.counts.commits += 1
        self.counts.stored += len(drafts)
        return outcomes

    async def _append(self, drafts: Sequence[store.Draft]) -> list[store.Outcome]:
        """Append; where the commit is in doubt, again and again until that is over.

        "Nothing was stored" would be a guess, so those who wait for it are told nothing meanwhile.
        """
        in_doubt = False
        while True:
            try:
                return await self._threads.write(store.append, drafts, again=in_doubt)
            except store.CommitInDoubt as error:
                logger.warning("the database went away during a commit: %s", error)
                in_doubt = True
            except Exception as error:
                if not in_doubt:
                    raise
                if isinstance(error, DatabaseError):
                    # One that comes back read-only is no answer either.
                    logger.warning("a commit is still in doubt: %r", error)
                elif not isinstance(error, Unavailable):
                    # A fault of ours, which no other try would change.
                    logger.exception("what became of a commit could not be found out")
                    raise Unavailable from error
                self._refuse_others()
                await asyncio.sleep(RETRY_SECONDS)

    def announce(self, outcomes: Sequence[store.Outcome]) -> None:
        """Publish what a commit has added to the log."""
        for room, epoch, entries in store.added(outcomes):
            self._publish(room, epoch, entries)
