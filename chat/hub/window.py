"""How far a session may fall behind: credit by what its client says it has seen. Pure.

Servers such as daphne buffer without limit what a client does not read, so the bound has to be
ours. A room pings each of its sessions once in a quarter of the window, and not all of them at the
same time: they would all answer at once. A session that is a whole window behind, and has not
answered yet, is sent nothing more until it does; then it is served from the log.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

# Pings a window is divided by: a reader that keeps up answers long before it is full.
PARTS = 4

# Moments in each part at which somebody is pinged. With one, 500 answers came at once, and the loop
# did nothing else for 20 to 40 ms: the 99th percentile of all latency (uvicorn, M3 at half load).
GROUPS = 16

# Marks before that of whoever is furthest behind: more than fit in a window of events and one of
# bytes, the first and the last cut.
MARKS_KEPT = 2 * PARTS * GROUPS + 2


class Window:
    """What one room has sent, in events and bytes, with a mark at each ``GROUPS``th of a part.

    ``marks`` counts them; a large event is worth several. Each event counts by the larger of its
    shares of both, so of a mixture there are up to twice as many.
    """

    __slots__ = (
        "_bytes",
        "_most_bytes",
        "_most_events",
        "_seq",
        "_seqs",
        "_sizes",
        "_used",
        "marks",
    )

    def __init__(self, *, events: int, size: int, seq: int) -> None:
        self._most_events = events
        self._most_bytes = size
        self._seq = seq
        self._bytes = 0
        # Of each mark, and the bytes sent up to it.
        self._seqs = [seq]
        self._sizes = [0]
        self._used = 0
        """Of events and bytes together: a window is the product of both."""
        self.marks = 0

    def sent(self, seq: int, size: int) -> None:
        """Note that events up to ``seq`` go out in ``size`` bytes."""
        self._used += max((seq - self._seq) * self._most_bytes, size * self._most_events)
        self._seq = seq
        self._bytes += size
        marks = self._used * PARTS * GROUPS // (self._most_events * self._most_bytes)
        if marks > self.marks:
            self.marks = marks
            self._seqs.append(seq)
            self._sizes.append(self._bytes)

    def exceeded(self, seen: int, seq: int) -> bool:
        """Whether one who has seen everything up to ``seen`` is more than a window behind ``seq``.

        Bytes are counted from the last mark at or before ``seen`` to the first at or after ``seq``.
        """
        if seq - seen > self._most_events:
            return True
        before = max(0, bisect_right(self._seqs, seen) - 1)
        after = bisect_left(self._seqs, seq)
        upto = self._sizes[after] if after < len(self._sizes) else self._bytes
        return upto - self._sizes[before] > self._most_bytes

    def forget(self, seq: int) -> None:
        """Nobody will be judged at what is before ``seq``."""
        count = bisect_right(self._seqs, seq) - MARKS_KEPT
        if count > 0:
            del self._seqs[:count]
            del self._sizes[:count]


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
