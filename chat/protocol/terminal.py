"""The terminal dialect: lines of plain text to commands, events to lines.

For people with a terminal, and for the text clients that existed first.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Iterator
from typing import TypeVar

import msgspec

from chat.protocol.commands import ROOM_RULE, AnyCommand, Join, Post, Rename, Rooms
from chat.protocol.errors import BadCommand, Problem, UnknownCommand
from chat.protocol.events import (
    AnyEvent,
    Deleted,
    Edited,
    Error,
    Joined,
    Message,
    Notice,
    Sender,
)
from chat.protocol.events import Rooms as RoomList

UID_LIMIT = 2**31

# Control characters but for the tab, as Unicode draws them, lest a message steer the terminal.
_PICTURES = {code: 0x2400 + code for code in range(0x20) if code != 0x09}
_PICTURES[0x7F] = 0x2421
_PICTURES |= dict.fromkeys(range(0x80, 0xA0), 0xFFFD)


def unnamed_guest(uid: str) -> Sender:
    """A guest as it is called before it has chosen a name."""
    return Sender(uid, f"Guest {uid}")


def unnamed_user(uid: str) -> Sender:
    """A signed-in user's terminal session, before ``/name``."""
    return Sender(uid, f"UID {uid}")


def is_unnamed(sender: Sender) -> bool:
    """Whether ``sender`` goes by a number that stands for a name."""
    return sender in (unnamed_guest(sender.id), unnamed_user(sender.id))


def label(sender: Sender) -> str:
    """How a terminal shows ``sender``: ``[UID: 7]`` until it has a name, then the name."""
    if is_unnamed(sender):
        return f"[UID: {uid(sender.id)}]"
    return one_line(sender.name)


def uid(sender_id: str) -> int:
    """A positive integer below 2**31 for any sender: its id where that is one, else a hash."""
    if sender_id.isascii() and sender_id.isdigit() and 0 < int(sender_id) < UID_LIMIT:
        return int(sender_id)
    return crc32(sender_id.encode()) % (UID_LIMIT - 1) + 1


def parse(line: str, *, room: str, post_id: str) -> AnyCommand:
    """The command that a line means to a session that is in ``room``.

    Raises a ``Problem`` for a line that means nothing.
    """
    line = line.strip()
    if not line.startswith("/"):
        return _checked(Post, room=room, text=line, id=post_id)
    verb, _, rest = line.partition(" ")
    rest = rest.strip()
    match verb:
        case "/list":
            return Rooms()
        case "/join":
            if not rest:
                raise BadCommand("room name is required")
            return _checked(Join, room=rest, history=0)
        case "/name":
            if not rest:
                raise BadCommand("name is required")
            return _checked(Rename, name=rest)
        case _:
            raise UnknownCommand(f"unknown command: {line}")


_C = TypeVar("_C", Join, Post, Rename)


def _checked(kind: type[_C], **fields: object) -> _C:
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise BadCommand(_sentence(kind, error)) from None


def _sentence(kind: type[AnyCommand], error: msgspec.ValidationError) -> str:
    if kind is Join:
        return ROOM_RULE
    if kind is Rename:
        return "a name is 1 to 40 printable characters"
    return str(error)


def lines(event: AnyEvent, actor: Sender | None = None) -> Iterator[str]:
    """The frames that show ``event`` on a terminal; none for what it does not show.

    ``actor`` is who edited or deleted: the event itself does not say.
    """
    match event:
        case Message(deleted=msgspec.UNSET):
            yield f"{label(event.sender)}: {one_line(event.text)}"
        case Edited():
            yield f"* {_who(actor)} edited: {one_line(event.text)}"
        case Deleted():
            yield f"* {_who(actor)} deleted a message"
        case Joined():
            yield f"joined {event.room}"
        case RoomList():
            for line in event.rooms:
                yield line.room
        case Notice():
            yield f"* {one_line(event.text)}"
        case Error():
            yield complaint(event.detail)
        case _:
            return


def complaint(problem: Problem | str) -> str:
    """What went wrong with a line."""
    return f"!!! {problem}"


def came(sender: Sender) -> str:
    """Somebody entered the room."""
    return f"{label(sender)} joined"


def went(sender: Sender) -> str:
    """Somebody left the room."""
    return f"{label(sender)} left"


def _who(actor: Sender | None) -> str:
    return label(actor) if actor else "someone"


def one_line(text: str) -> str:
    """What somebody wrote as it may be shown on a terminal: it cannot steer that.

    A line break would let one sender forge another's line, and so would what moves the cursor.
    """
    return " ⏎ ".join(text.splitlines()).translate(_PICTURES)
