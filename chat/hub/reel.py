"""What the live sessions of a room are sent, from the place of the one that is furthest behind.

Each is sent all that came since its last turn, cut into frames that everybody shares who was as far
as it. Pure.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate

from chat.conf import Config
from chat.hub.outgoing import Messages, text_frame
from chat.hub.seat import Hint, Line
from chat.hub.window import GROUPS, PARTS, Window
from chat.protocol import events, frames, terminal
from chat.store import Entry

# Frames that go to one socket in a row, by one write or by a send each. Also those cost less in a
# row: asyncio's and Twisted's transports write them with fewer system calls than one after each
# turn of all sockets.
FRAMES_IN_A_ROW = 64

# The more sessions wait for each other, the shorter are rows, but no shorter than this: where each
# frame is a send, some half a second of daphne's time until everybody had a turn.
SENDS_IN_ALL = 32_768
FEWEST_IN_A_ROW = 16

# Characters of a row. A longer one saves no system calls.
ROW_SIZE = 2**18

# Rows that are kept until there is more on the reel, with their bytes.
ROWS_MOST = 16

PING = frames.encode(events.Ping())

_PING = Messages([text_frame(frames.frame([PING]))])


class Frame:
    """What is on a reel from the place ``begin`` to ``end``, as everybody is sent it.

    ``last`` is the seq that whoever has it is at, and ``events`` how many logged events are in it.
    """

    def __init__(self, items: Sequence[Entry | Hint], *, last: int, begin: int) -> None:
        self.message = text_frame(frames.frame([item.text for item in items]))
        self.last = last
        self.begin = begin
        self.end = begin + len(items)
        self.events = sum(isinstance(item, Entry) for item in items)


class Row:
    """The frames of one turn.

    ``events`` is how many logged events whoever takes that many of the frames was sent. ``marks``
    is the window's count at its end: a seat whose ``ping_at`` is no larger is due a ping.
    """

    def __init__(self, frames: list[Frame], *, marks: int) -> None:
        self.frames = frames
        self.messages = Messages(frame.message for frame in frames)
        self.events = list(accumulate((frame.events for frame in frames), initial=0))
        self.last = frames[-1].last
        self.marks = marks

    @cached_property
    def after_ping(self) -> Messages:
        """The same, after a ping: that is sent even where only some of it can be."""
        return self.messages.after(_PING)


class Reel:
    """Events and hints in the order in which they go out.

    A place on it is a number that only grows. ``seq`` is that of the last event on it, ever.
    """

    def __init__(self, config: Config, seq: int) -> None:
        self._config = config
        self._window = Window(events=config.window, size=config.window_bytes, seq=seq)
        self._items: list[Entry | Hint] = []
        self._seqs: list[int] = []
        """How far whoever was sent each item is."""
        self._marks: list[int] = []
        """The same in marks of the window."""
        self._seams: list[int] = []
        """Places where a part of the window ends, and with it the row of whoever comes there."""
        self._lines: list[list[Line] | None] = []
        """What terminals are shown of each item, once one was."""
        self._rows: dict[int, Row] = {}
        """By the place where they begin, until more is put on the reel."""
        self._frames: dict[int, Frame] = {}
        """Those to which nothing can be added, by the same: each is made once."""
        self.start = 0
        self.seq = seq

    @property
    def end(self) -> int:
        """The place after everything."""
        return self.start + len(self._items)

    def put(self, entries: Iterable[Entry]) -> None:
        """Add ``entries``, which follow ``seq``."""
        self._rows.clear()
        for entry in entries:
            self.seq = entry.seq
            part = self._window.marks // GROUPS
            # In characters, not bytes: near enough for a bound, and free.
            self._window.sent(entry.seq, len(entry.text))
            self._put(entry)
            if self._window.marks // GROUPS > part:
                self._seams.append(self.end)

    def put_hint(self, hint: Hint) -> None:
        """Add what is sent once and never logged."""
        self._rows.clear()
        self._put(hint)

    def _put(self, item: Entry | Hint) -> None:
        self._items.append(item)
        self._seqs.append(self.seq)
        self._marks.append(self._window.marks)
        self._lines.append(None)

    def row(self, place: int, *, most: int) -> Row:
        """What comes next at ``place``, which is before the end.

        At most so many frames, or as many as the last one who was there was sent.
        """
        row = self._rows.get(place)
        if row is None:
            assert place >= self.start, "nothing is forgotten that somebody lacks"
            if len(self._rows) == ROWS_MOST:
                self._rows.clear()
            found = self._cut(place, most)
            row = Row(found, marks=self._marks[found[-1].end - self.start - 1])
            self._rows[place] = row
        return row

    def _cut(self, place: int, most: int) -> list[Frame]:
        found: list[Frame] = []
        at, size = place - self.start, 0
        while at < len(self._items) and len(found) < most and size < ROW_SIZE:
            frame = self._frames.get(self.start + at) or self._frame(at)
            found.append(frame)
            if frame.end in self._seams:
                # Who is too far behind is asked row by row. And those who are behind at places of
                # their own meet here, and share frames again: without, overload made frames for
                # each, and a third of what was delivered before.
                break
            at, size = frame.end - self.start, size + len(frame.message["text"])
        return found

    def _frame(self, at: int) -> Frame:
        end = at + batch_of(self._items, self._config, start=at)
        next_seam = bisect_right(self._seams, self.start + at)
        if next_seam < len(self._seams):
            end = min(end, self._seams[next_seam] - self.start)
        frame = Frame(self._items[at:end], last=self._seqs[end - 1], begin=self.start + at)
        if end < len(self._items) or frame.end in self._seams:
            self._frames[frame.begin] = frame
        return frame

    def lines(self, frame: Frame) -> list[Line]:
        """What terminals are shown of ``frame``. Each item is made lines of once."""
        found: list[Line] = []
        for at in range(frame.begin - self.start, frame.end - self.start):
            lines = self._lines[at]
            if lines is None:
                lines = self._lines[at] = lines_of(self._items[at : at + 1])
            found += lines
        return found

    def first_ping(self, arrival: int) -> int:
        """The mark at which who comes as the ``arrival``th is pinged first, then in each part."""
        # By the absolute mark: counted from arrival, those who come a mark apart would share one.
        next_mark = self._window.marks + 1
        return next_mark + (-arrival - next_mark) % GROUPS

    def exceeded(self, seen: int, row: Row) -> bool:
        """Whether one who has seen all up to ``seen`` is a window behind the end of ``row``."""
        return self._window.exceeded(seen, row.last)

    def forget(self, place: int) -> None:
        """Everybody is there, or further on."""
        count = place - self.start
        if not count:
            return
        self._window.forget(self._seqs[count - 1])
        del self._items[:count]
        del self._seqs[:count]
        del self._marks[:count]
        del self._lines[:count]
        del self._seams[: bisect_right(self._seams, place)]
        self.start = place
        self._rows.clear()
        self._frames = {begin: frame for begin, frame in self._frames.items() if begin >= place}


def frames_in_a_row(sessions: int) -> int:
    """How many frames each of so many sessions is sent before the next one's turn."""
    fitting = SENDS_IN_ALL // max(sessions, 1)
    return max(FEWEST_IN_A_ROW, min(FRAMES_IN_A_ROW, fitting))


def batch_of(items: Sequence[Entry | Hint], config: Config, *, start: int = 0) -> int:
    """How many of ``items``, from ``start`` on, share a frame; hints come along with events.

    No more than a part of the window, or clients would be behind before they are asked how far they
    are.
    """
    most_events = min(config.batch_events, config.window // PARTS)
    most_bytes = min(config.batch_bytes, config.window_bytes // PARTS)
    logged = size = 0
    for at in range(start, len(items)):
        item = items[at]
        if isinstance(item, Entry):
            longer = size + len(item.text)
            if logged and (logged == most_events or longer > most_bytes):
                return at - start
            logged, size = logged + 1, longer
    return len(items) - start


def lines_of(items: Iterable[Entry | Hint]) -> list[Line]:
    """What terminals are shown of them."""
    found: list[Line] = []
    for item in items:
        if isinstance(item, Entry):
            shown = terminal.lines(frames.decode_logged(item.text), item.actor)
            found += [Line(text) for text in shown]
        else:
            found += item.lines
    return found
