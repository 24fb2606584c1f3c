"""How far a session may fall behind: credit by what its client says it has seen. Pure.

Servers such as daphne buffer without limit what a client does not read, so the bound has to be
ours. A room pings its sessions each time it has sent a quarter of the window. A session that is a
whole window behind is sent nothing more until it answers; then it is served from the log.
"""

from __future__ import annotations

from collections import deque

# Pings a window is divided by: a reader that keeps up answers long before it is full.
PARTS = 4


class Window:
    """What one room has sent, in events and bytes, with a mark at each ping."""

    __slots__ = ("_bytes", "_marks", "_most_bytes", "_most_events", "_next_bytes", "_next_seq")

    def __init__(self, *, events: int, size: int, seq: int) -> None:
        self._most_events = events
        self._most_bytes = size
        self._bytes = 0
        # (seq, bytes sent up to it): one more than fit in a window, so that every position within
        # the window has a mark at or before it.
        self._marks: deque[tuple[int, int]] = deque([(seq, 0)], maxlen=2 * PARTS + 1)
        self._next()

    def sent(self, seq: int, size: int) -> bool:
        """Note that events up to ``seq`` went out in ``size`` bytes; true when a ping is due."""
        self._bytes += size
        if seq < self._next_seq and self._bytes < self._next_bytes:
            return False
        self._marks.append((seq, self._bytes))
        self._next()
        return True

    def exceeded(self, seen: int) -> bool:
        """Whether a session that has seen everything up to ``seen`` is more than a window behind.

        Counted up to the last mark; bytes from the last mark at or before ``seen``.
        """
        last_seq, last_bytes = self._marks[-1]
        if last_seq - seen > self._most_events:
            return True
        before = self._marks[0][1]
        for seq, size in self._marks:
            if seq > seen:
                break
            before = size
        return last_bytes - before > self._most_bytes

    def _next(self) -> None:
        seq, size = self._marks[-1]
        self._next_seq = seq + self._most_events // PARTS
        self._next_bytes = size + self._most_bytes // PARTS


class Credit:
    """The same for a session's replies, which have no seq: bytes since a ping was answered."""

    __slots__ = ("_after_ping", "_before_ping", "_most", "_pinged")

    def __init__(self, most: int) -> None:
        self._most = most
        self._pinged = False
        self._before_ping = 0
        self._after_ping = 0

    def sent(self, size: int) -> bool:
        """Note ``size`` bytes of replies; true when a ping is due, which counts as sent."""
        self._after_ping += size
        if self._pinged or self._after_ping < self._most // PARTS:
            return False
        self._pinged = True
        self._before_ping, self._after_ping = self._after_ping, 0
        return True

    def answered(self) -> None:
        """The client has answered a ping: it has read what came before it."""
        self._pinged = False
        self._before_ping = 0

    @property
    def exceeded(self) -> bool:
        """Whether more is unread than a client may leave unread."""
        return self._before_ping + self._after_ping > self._most

    @property
    def half_spent(self) -> bool:
        """Whether what can wait should: the other half is for what cannot."""
        return self._before_ping + self._after_ping > self._most // 2
