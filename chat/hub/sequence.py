"""One gapless order out of batches that come twice, late or not at all. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from chat.store import Entry

# Early batches held for one hole. Two processes that publish to one room are a few batches apart;
# more than this means something was lost, and the log has it anyway.
EARLY_MOST = 64


class Order:
    """The head of a room in this process, and what came before its turn."""

    __slots__ = ("_early", "expected", "head", "start")

    def __init__(self, head: int) -> None:
        self.start = head
        """Where it began."""
        self.head = head
        """The last seq that was passed on."""
        self.expected = head
        """The highest seq known to exist."""
        self._early: dict[int, Sequence[Entry]] = {}

    @property
    def behind(self) -> bool:
        """Whether something is missing that the log has."""
        return self.expected > self.head

    def offer(self, entries: Sequence[Entry]) -> list[Entry]:
        """What may be passed on now that ``entries`` (consecutive) have come, ascending.

        What was passed on before is dropped; what comes before its turn is held.
        """
        if not entries:
            return []
        self.expected = max(self.expected, entries[-1].seq)
        first = entries[0].seq
        if first > self.head + 1:
            if len(self._early) < EARLY_MOST:
                held = self._early.get(first, ())
                if len(held) < len(entries):
                    self._early[first] = entries
            return []
        ready = self._take(entries)
        while self._early:
            early = min(self._early)
            if early > self.head + 1:
                break
            ready += self._take(self._early.pop(early))
        return ready

    def _take(self, entries: Sequence[Entry]) -> list[Entry]:
        fresh = [entry for entry in entries if entry.seq > self.head]
        if fresh:
            self.head = fresh[-1].seq
        return fresh
