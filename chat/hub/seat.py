"""A session's place in a room, and what is said there besides the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from chat.access import Rights
from chat.hub.outgoing import Messages, Outgoing, text_frame

if TYPE_CHECKING:
    from chat.hub.room import Room

EVER = float("inf")


class Line(NamedTuple):
    """A line for terminals; where it is about somebody, their sender id, and of which moment."""

    text: str
    about: str = ""
    at: float = EVER


class Listener(Protocol):
    """What a room needs of a session."""

    terminal: bool
    sender_id: str

    def push_row(self, row: Messages) -> int:
        """Send, in order, and say how many the session could take now."""

    def push_log(self, message: Outgoing) -> bool:
        """The same, for what is read from the log; false also while too much is unread."""

    def push_all(self, messages: Sequence[Outgoing]) -> bool:
        """Send all of them, or say that the session can take none now."""

    def too_slow(self) -> None:
        """End the session: it is more than the window behind."""


class Seat:
    """A session's place in a room.

    ``position`` is the last seq that was sent to it; ``seen`` the last its client has confirmed,
    and ``pinged`` the last that its answer to the last ping will confirm. While it is ``live`` the
    fan-out serves it, from its ``place`` on the reel, and pings it at the mark ``ping_at`` of the
    window; else that passes it by, and ``Room.catch_up`` serves it. ``stalled_at`` is when the
    client last stopped taking anything. ``sat_at`` is one of the hub's moments.
    """

    __slots__ = (
        "listener",
        "live",
        "ping_at",
        "pinged",
        "place",
        "position",
        "rights",
        "room",
        "sat_at",
        "seen",
        "serving",
        "stalled_at",
        "terminal",
    )

    def __init__(self, room: Room, listener: Listener, rights: Rights, *, sat_at: float) -> None:
        self.room = room
        self.listener = listener
        self.terminal = listener.terminal
        self.rights = rights
        self.sat_at = sat_at
        self.position = 0
        self.seen = 0
        self.pinged = 0
        self.ping_at = EVER
        self.place = 0
        self.stalled_at: float | None = None
        self.live = False
        self.serving = False

    def seat_at(self, position: int) -> None:
        """Start after ``position``; what is before it does not count as unseen."""
        self.position = self.seen = self.pinged = position

    def confirm(self, seq: int) -> None:
        """The client says that it has everything up to ``seq``.

        One who says that of what was not sent has not read what was: it confirms nothing.
        """
        if self.seen < seq <= self.position:
            self.seen = seq
            self.stalled_at = None

    @property
    def asked(self) -> bool:
        """Whether its client has not answered yet what it was last asked."""
        return self.seen < self.pinged

    def stall(self, now: float) -> None:
        """The client takes no more for the moment."""
        if self.stalled_at is None:
            self.stalled_at = now

    def push_lines(self, lines: Sequence[Line]) -> bool:
        """Send those lines that are for this terminal; false when it cannot take them now."""
        return self.listener.push_all([text_frame(line.text) for line in lines if self.wants(line)])

    def wants(self, line: Line) -> bool:
        """Whether a terminal is shown ``line``: not of itself, nor of what was before it came."""
        return line.about != self.listener.sender_id and line.at >= self.sat_at


class Hint:
    """Something that is sent once and never logged: JSON for clients, lines for terminals."""

    __slots__ = ("lines", "text")

    def __init__(self, text: str, lines: Sequence[Line] = ()) -> None:
        self.text = text
        self.lines = lines
