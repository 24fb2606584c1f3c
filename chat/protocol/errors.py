"""What can be wrong with a command, each with its code on the wire.

Raised where a command is decoded or carried out, and answered with an ``error`` event. Their fault,
never ours: a mistake of our own is an assertion or an ordinary exception.
"""

from __future__ import annotations

from typing import ClassVar


class Problem(Exception):
    """A command that cannot be carried out. ``detail`` is a sentence for people."""

    code: ClassVar[str]
    default: ClassVar[str]
    wait: ClassVar[float | None] = None
    """What ``retry_after`` is unless the problem says."""

    def __init__(self, detail: str = "", *, retry_after: float | None = None) -> None:
        self.detail = detail or self.default
        self.retry_after = self.wait if retry_after is None else retry_after
        """Seconds to wait before trying again, where waiting helps."""
        super().__init__(self.detail)


class BadFrame(Problem):
    """The frame is not JSON, or neither an object nor an array of at most 100."""

    code = "bad_frame"
    default = "a frame is one command object or an array of at most 100"


class BadCommand(Problem):
    """A command's fields are missing or of the wrong type."""

    code = "bad_command"
    default = "that command is not well formed"


class UnknownCommand(Problem):
    """No command has that type."""

    code = "unknown_command"
    default = "there is no such command"


class UnknownRoom(Problem):
    """The room is not there, or not for the caller to know of."""

    code = "unknown_room"
    default = "there is no such room"


class Forbidden(Problem):
    """The caller lacks the right."""

    code = "forbidden"
    default = "you may not do that here"


class NotJoined(Problem):
    """The command is for a room the session is in."""

    code = "not_joined"
    default = "join the room first"


class Empty(Problem):
    """A message without text."""

    code = "empty"
    default = "the message is empty"


class TooLong(Problem):
    """A message over the limit."""

    code = "too_long"
    default = "the message is too long"


class NotFound(Problem):
    """No such message, or it is deleted."""

    code = "not_found"
    default = "there is no such message"


class RateLimited(Problem):
    """Too fast; ``retry_after`` says how long to wait."""

    code = "rate_limited"
    default = "too fast: wait a moment"


class TooManyRooms(Problem):
    """The session is in as many rooms as it may be."""

    code = "too_many_rooms"
    default = "you are in too many rooms: leave one first"


class Unavailable(Problem):
    """The database cannot be reached: nothing was stored, sending again is safe."""

    code = "unavailable"
    default = "the chat cannot store or read messages just now: try again"
    wait = 1.0
