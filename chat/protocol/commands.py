"""What a client may say. One class per command; the class is told by the field ``type``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

HISTORY_DEFAULT = 50
HISTORY_MOST = 200
ROOMS_MOST = 500
"""The most rooms one may ask about at a time."""

SEQ_MOST = 2**53 - 1
"""The highest seq: numbers beyond 2**53 are not whole numbers to a JavaScript client."""

UNTIL_BEFORE = datetime(9000, 1, 1, tzinfo=UTC).timestamp()
"""Bans and mutes end before it, in seconds since 1970.

They are stored in UTC, where the end of 9999 may be in the year 10000, which Python cannot read.
"""

ROOM_RULE = "a room's name is 1 to 64 letters, digits, - and _"

Slug = Annotated[
    str,
    Meta(
        pattern=r"^[\w-]{1,64}\Z",
        description="A room's name: 1 to 64 letters and digits of any script, - and _.",
    ),
]
Seq = Annotated[int, Meta(ge=0, le=SEQ_MOST)]
Count = Annotated[int, Meta(ge=0)]
PostId = Annotated[str, Meta(min_length=1, max_length=64)]
Ref = Annotated[str, Meta(max_length=64)] | Annotated[int, Meta(ge=-SEQ_MOST, le=SEQ_MOST)]


def _no_nul(value: str, field: str) -> None:
    # PostgreSQL cannot store it, and nobody means it.
    if "\0" in value:
        raise ValueError(f"`{field}` must not contain the NUL character")


class Command(Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    """Any command. ``ref`` comes back in the direct reply."""

    ref: Ref | UnsetType = UNSET


class Position(Struct, frozen=True, kw_only=True):
    """Where in a room's log a client is: it has every event up to ``seq`` of that ``epoch``."""

    epoch: str
    seq: Seq


class Join(Command, frozen=True, kw_only=True):
    """Enter a room: fresh with the last ``history`` messages, or resuming ``after`` a position."""

    room: Slug
    after: Position | None = None
    history: Count = HISTORY_DEFAULT


class Leave(Command, frozen=True, kw_only=True):
    """Leave a room."""

    room: Slug


class Post(Command, frozen=True, kw_only=True):
    """Say something. ``id`` is the client's own: sending it again is safe."""

    room: Slug
    text: str
    id: PostId

    def __post_init__(self) -> None:
        """Refuse what no database takes."""
        _no_nul(self.text, "text")
        _no_nul(self.id, "id")


class Edit(Command, frozen=True, kw_only=True):
    """Put another text in place of the message at ``seq``."""

    room: Slug
    seq: Seq
    text: str

    def __post_init__(self) -> None:
        """Refuse what no database takes."""
        _no_nul(self.text, "text")


class Delete(Command, frozen=True, kw_only=True):
    """Take away the text of the message at ``seq``."""

    room: Slug
    seq: Seq


class Moderate(Command, frozen=True, kw_only=True):
    """Look after a room: take a message away, or see to somebody in it.

    ``target`` is the seq of the message to ``delete``, for all else a sender's id. ``until`` is
    when a mute, or the ban that a ``remove`` comes with, ends by itself.
    """

    room: Slug
    action: Literal["delete", "mute", "unmute", "remove", "restore"]
    target: Seq | Annotated[str, Meta(min_length=1, max_length=64)]
    until: Annotated[datetime, Meta(tz=True)] | UnsetType = UNSET
    reason: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse what no database takes, and what no action means."""
        if isinstance(self.target, str) is (self.action == "delete"):
            raise ValueError("`target` is a message's seq for `delete`, else a sender's id")
        _no_nul(str(self.target), "target")
        _no_nul(self.reason or "", "reason")
        if self.until is not UNSET and self.until.timestamp() >= UNTIL_BEFORE:
            raise ValueError("`until` must lie before the year 9000: without it, it is for good")


class Typing(Command, frozen=True, kw_only=True):
    """Tell the room that one is typing; a hint, never stored."""

    room: Slug


class History(Command, frozen=True, kw_only=True):
    """Ask for the ``limit`` messages just before ``before``."""

    room: Slug
    before: Seq
    limit: Count = HISTORY_DEFAULT


class Rooms(Command, frozen=True, kw_only=True):
    """Ask for the rooms one may see; with ``seen``, also for who and what is new in them.

    A position counts for its epoch alone, a number for whichever epoch a room has.
    """

    seen: Annotated[dict[str, Seq | Position], Meta(max_length=ROOMS_MOST)] | UnsetType = UNSET


class Rename(Command, frozen=True, kw_only=True):
    """Change a guest's display name."""

    name: Annotated[str, Meta(min_length=1, max_length=40)]

    def __post_init__(self) -> None:
        """Refuse names that are blank or break a line."""
        if not self.name.strip() or not self.name.isprintable():
            raise ValueError("`name` must be printable and not blank")


class Pong(Command, frozen=True, kw_only=True):
    """Answer to a ping: the last seq this client has of each room."""

    seen: dict[str, Seq] = {}


class Watch(Command, frozen=True, kw_only=True):
    """Be told what all processes are doing, now and again and again; needs ``chat.view_live``."""


class Unwatch(Command, frozen=True, kw_only=True):
    """Be told no more of it."""


AnyCommand = (
    Join
    | Leave
    | Post
    | Edit
    | Delete
    | Moderate
    | Typing
    | History
    | Rooms
    | Rename
    | Pong
    | Watch
    | Unwatch
)
TYPES: frozenset[str] = frozenset(str(kind.__struct_config__.tag) for kind in AnyCommand.__args__)
"""The names of all commands."""
