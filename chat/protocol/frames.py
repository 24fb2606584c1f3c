"""The JSON dialect: text frames to commands, events to text frames.

An event is encoded once, by ``encode``; frames are made by joining what was encoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from chat.protocol.commands import ROOM_RULE, TYPES, AnyCommand, PostId, Ref
from chat.protocol.errors import BadCommand, BadFrame, Problem, UnknownCommand
from chat.protocol.events import AnyEvent, Deleted, Edited, Event, Logged, Message

COMMANDS_PER_FRAME = 100

_encoder = msgspec.json.Encoder()
_commands = msgspec.json.Decoder(AnyCommand | list[AnyCommand])
_events = msgspec.json.Decoder(list[AnyEvent])
_logged = msgspec.json.Decoder(Logged)

_SEQ = '"seq":'
_DIGITS = re.compile(r"\d+")


class Rejected(msgspec.Struct, frozen=True):
    """A command that could not be read, with what is needed to answer it."""

    problem: Problem
    ref: Ref | msgspec.UnsetType = msgspec.UNSET
    id: str | msgspec.UnsetType = msgspec.UNSET


def decode(text: str) -> Sequence[AnyCommand | Rejected]:
    """The commands of one frame, in order; those that cannot be read as ``Rejected``.

    Raises ``BadFrame`` when the frame as a whole is not one command or a list of at most 100.
    """
    try:
        found = _commands.decode(text)
    except msgspec.ValidationError:
        return _decode_one_by_one(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise BadFrame(f"not JSON: {error}") from None
    if not isinstance(found, list):
        return (found,)
    if len(found) > COMMANDS_PER_FRAME:
        raise BadFrame
    return found


def _decode_one_by_one(text: str) -> Sequence[AnyCommand | Rejected]:
    """The slow way, for frames in which something is wrong: say what, for each command."""
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadFrame(f"not JSON: {error}") from None
    items = raw if isinstance(raw, list) else [raw]
    if len(items) > COMMANDS_PER_FRAME or not all(isinstance(item, dict) for item in items):
        raise BadFrame
    return [read(item) for item in items]


def read(item: dict[str, Any]) -> AnyCommand | Rejected:
    """The command that has these fields."""
    problem: Problem
    kind = item.get("type")
    if isinstance(kind, str) and kind not in TYPES:
        problem = UnknownCommand(f"there is no command {kind[:64]!r}")
    else:
        try:
            return _command(item)
        except msgspec.ValidationError as error:
            # Of all fields only rooms have a pattern.
            problem = BadCommand(ROOM_RULE if "regex" in str(error) else str(error))
    post_id = item.get("id") if kind == "post" else None
    return Rejected(problem, _valid(item.get("ref"), Ref), _valid(post_id, PostId))


def _command(item: dict[str, Any]) -> AnyCommand:
    command: AnyCommand = msgspec.convert(item, AnyCommand)
    return command


def _valid(value: Any, kind: Any) -> Any:
    """``value`` where it may be sent back to its client, else ``UNSET``."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return msgspec.UNSET


def encode(event: Event) -> str:
    """One event as JSON text, without the array around it."""
    return _encoder.encode(event).decode()


def frame(encoded: Iterable[str]) -> str:
    """A frame of events that are encoded already."""
    return f"[{','.join(encoded)}]"


def decode_events(text: str) -> list[AnyEvent]:
    """The events of a server's frame, as a client reads them.

    Raises ``msgspec.DecodeError`` (or its ``ValidationError``) for anything else.
    """
    return _events.decode(text)


def last_seq(text: str) -> int | None:
    """The seq of the last logged event in a frame that a room has sent; ``None`` without one.

    Found without decoding: in what people write, quotes are escaped.
    """
    start = text.rfind(_SEQ)
    if start < 0:
        return None
    digits = _DIGITS.match(text, start + len(_SEQ))
    assert digits is not None, "a seq is a number"
    return int(digits[0])


def decode_logged(text: str) -> Logged:
    """One encoded event of a room's log, read back."""
    event: Logged = _logged.decode(text)
    return event


def amend(encoded: str, change: Logged) -> str:
    """An encoded message, or an edit of it, as it is after another edit or a delete of it."""
    found = decode_logged(encoded)
    match found, change:
        case Message(), Edited():
            return encode(replace(found, text=change.text, edited_at=change.at))
        case Message(), Deleted():
            return encode(replace(found, text="", deleted=True))
        case Edited(), Edited():
            return encode(replace(found, text=change.text))
        case Edited(), Deleted():
            return encode(replace(found, text=""))
    return encoded


def emptied(encoded: str) -> str:
    """An encoded edit as it is when its message is gone: a delete of it."""
    found = decode_logged(encoded)
    if isinstance(found, Edited):
        return encode(Deleted(room=found.room, seq=found.seq, target=found.target, at=found.at))
    return encoded
