"""What a client may say. One class per command; the class is told by the field ``type``."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

HISTORY_DEFAULT = 50
HISTORY_MOST = 200

# Numbers beyond 2**53 are not whole numbers to a JavaScript client.
_SAFE = 2**53 - 1

ROOM_RULE = "a room's name is 1 to 64 letters, digits, - and _"

Slug = Annotated[
    str,
    Meta(
        pattern=r"^[\w-]{1,64}\Z",
        description="A room's name: 1 to 64 letters and digits of any script, - and _.",
    ),
]
Seq = Annotated[int, Meta(ge=0, le=_SAFE)]
Count = Annotated[int, Meta(ge=0)]
PostId = Annotated[str, Meta(min_length=1, max_length=64)]
Ref = Annotated[str, Meta(max_length=64)] | Annotated[int, Meta(ge=-_SAFE, le=_SAFE)]


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


class Typing(Command, frozen=True, kw_only=True):
    """Tell the room that one is typing; a hint, never stored."""

    room: Slug


class History(Command, frozen=True, kw_only=True):
    """Ask for the ``limit`` messages just before ``before``."""

    room: Slug
    before: Seq
    limit: Count = HISTORY_DEFAULT


class Rooms(Command, frozen=True, kw_only=True):
    """Ask for the rooms one may see."""


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


AnyCommand = Join | Leave | Post | Edit | Delete | Typing | History | Rooms | Rename | Pong
TYPES: frozenset[str] = frozenset(str(kind.__struct_config__.tag) for kind in AnyCommand.__args__)
"""The names of all commands."""
