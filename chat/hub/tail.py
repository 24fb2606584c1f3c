"""The newest events of a room, encoded, in memory. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice

from msgspec.structs import replace

from chat.protocol import frames
from chat.store import Entry


class Tail:
    """At most ``most`` consecutive entries, the newest of a room's log."""

    __slots__ = ("_entries", "end")

    def __init__(self, entries: Iterable[Entry], *, end: int, most: int) -> None:
        self._entries = deque(entries, maxlen=most)
        self.end = end
        """The seq of the newest entry, or of the one before the first."""

    @property
    def start(self) -> int:
        """The position after which the tail has everything."""
        return self.end - len(self._entries)

    def extend(self, entries: Iterable[Entry]) -> None:
        """Add the entries that follow ``end``. What they change is changed here too."""
        for entry in entries:
            assert entry.seq == self.end + 1, "a tail has no holes"
            self._entries.append(entry)
            self.end = entry.seq
            if entry.target:
                self._amend(entry)

    def after(self, position: int, upto: int) -> list[Entry] | None:
        """The entries with ``position < seq <= upto``; ``None`` where the tail starts later."""
        if position < self.start:
            return None
        begin = position - self.start
        return list(islice(self._entries, begin, max(begin, upto - self.start)))

    def start_of_last(self, messages: int) -> int | None:
        """The position after which the last ``messages`` messages lie, if they are all here."""
        if messages <= 0:
            return self.end
        for entry in reversed(self._entries):
            if entry.is_message:
                messages -= 1
                if not messages:
                    return entry.seq - 1
        return 0 if self.start == 0 else None

    def prune(self, upto: int) -> None:
        """Forget the entries up to ``upto``, and what edits after it say of messages among them."""
        while self._entries and self.start < upto:
            self._entries.popleft()
        for index, entry in enumerate(self._entries):
            if 0 < entry.target <= upto:
                self._entries[index] = replace(entry, text=frames.emptied(entry.text))

    def _amend(self, change: Entry) -> None:
        """Show the target, and earlier edits of it, as it now is.

        A deleted text is to be gone from memory too.
        """
        by = frames.decode_logged(change.text)
        for index in range(max(0, change.target - self.start - 1), len(self._entries) - 1):
            entry = self._entries[index]
            if change.target in (entry.seq, entry.target):
                self._entries[index] = replace(entry, text=frames.amend(entry.text, by))
