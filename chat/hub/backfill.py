"""Reading a room's log for many sessions at once.

After a restart thousands of sessions resume from nearly the same place. The log is read in aligned
pages; readers of one page share one query, and the last pages are kept for the next reader.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from chat.store import Entry

PAGE = 256
"""Events a page holds: page ``n`` has those with ``n * PAGE < seq <= (n + 1) * PAGE``."""

# 16 pages of 256 events of some 300 bytes are about a megabyte for a room in which people resume.
PAGES_KEPT = 16

Read = Callable[[int, int], Awaitable[list[Entry]]]


@dataclass(slots=True)
class _Page:
    entries: asyncio.Future[list[Entry]]
    upto: int
    """What was committed when the page was asked for: it has everything up to there."""

    def serves(self, upto: int) -> bool:
        failed = self.entries.done() and (
            self.entries.cancelled() or self.entries.exception() is not None
        )
        return upto <= self.upto and not failed


class Backfill:
    """The pages of one room's log that are being read or were read lately.

    ``read(after, upto)`` asks the database.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._pages: OrderedDict[int, _Page] = OrderedDict()
        self.queries = 0
        """How often the database was asked."""

    async def after(self, position: int, upto: int) -> list[Entry]:
        """The entries with ``position < seq <= upto``, ascending. ``upto`` must be committed.

        Raises what ``read`` raises.
        """
        found: list[Entry] = []
        for number in range(position // PAGE, -(-upto // PAGE)):
            page = await asyncio.shield(self._page(number, upto))
            found += (entry for entry in page if position < entry.seq <= upto)
        return found

    def forget(self, seq: int) -> None:
        """Read the page with ``seq`` anew next time, and those after it.

        That message was changed; so were the edits of it, which show it as it now is.
        """
        for number in [number for number in self._pages if number >= (seq - 1) // PAGE]:
            del self._pages[number]

    def _page(self, number: int, upto: int) -> asyncio.Future[list[Entry]]:
        start, end = number * PAGE, (number + 1) * PAGE
        upto = min(upto, end)
        page = self._pages.get(number)
        if page is None or not page.serves(upto):
            self.queries += 1
            page = _Page(asyncio.ensure_future(self._read(start, end)), upto)
            self._pages[number] = page
            if len(self._pages) > PAGES_KEPT:
                self._pages.popitem(last=False)
        self._pages.move_to_end(number)
        return page.entries
