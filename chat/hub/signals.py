"""What processes tell each other over the channel layer, and in which groups."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from chat.store import Entry

CONTROL = "chat.control"
"""The group every process is in."""


class Signal(msgspec.Struct, frozen=True, tag_field="is", tag=str.lower):
    """Anything that goes over the bus."""


class Batch(Signal, frozen=True):
    """Consecutive entries of a room's log, committed."""

    room: str
    epoch: str
    entries: list[Entry]


class Whisper(Signal, frozen=True):
    """An encoded event that is not logged. ``origin`` is the hub that has shown it already."""

    origin: str
    room: str
    text: str


class Announced(Signal, frozen=True):
    """A notice to everybody in ``room``, or to all; ``origin`` is the hub that has shown it."""

    text: str
    level: str
    room: str = ""
    origin: str = ""


class Came(Signal, frozen=True):
    """What changed among a node's people: (room, sender id, name, its weight); (room, sender id).

    It leads from one ``revision`` of the node to the next.
    """

    node: int
    revision: int
    joined: list[tuple[str, str, str, int]]
    left: list[tuple[str, str]]


class Enrolled(Signal, frozen=True):
    """A process has come, and its rows can be read."""

    node: int


class Altered(Signal, frozen=True):
    """A room's row was changed: its policy, its epoch, or that it is there at all."""

    room: str


class Look(Signal, frozen=True):
    """Compare heads now: something may have been lost."""


class Barred(Signal, frozen=True):
    """Bans were made or lifted: read them again."""


class SignedOut(Signal, frozen=True):
    """Django sessions have ended; ``logins`` are what stands for their keys."""

    logins: list[str]


class Doubted(Signal, frozen=True):
    """Users, by their keys, may have lost what they had; ``None``: all with a permission."""

    users: list[str] | None


class Dismissed(Signal, frozen=True):
    """Sessions are to be closed with ``code``."""

    sessions: list[str]
    code: int


class Probe(Signal, frozen=True):
    """Sent to hear it again: while it comes back, the layer and the memberships are alive."""

    origin: str


Revoking = Barred | SignedOut | Doubted | Dismissed
"""What tells that somebody may have lost something."""

AnySignal = (
    Batch
    | Whisper
    | Announced
    | Came
    | Enrolled
    | Altered
    | Look
    | Barred
    | SignedOut
    | Doubted
    | Dismissed
    | Probe
)

_decoder = msgspec.json.Decoder(AnySignal)


def pack(signal: AnySignal) -> dict[str, Any]:
    """``signal`` as a channel-layer message. Text passes through every layer uncopied."""
    return {"type": "chat.bus", "body": msgspec.json.encode(signal).decode()}


def unpack(message: dict[str, Any]) -> AnySignal:
    """What was packed. Raises ``ValueError`` for anything else."""
    try:
        signal: AnySignal = _decoder.decode(message["body"])
    except (KeyError, TypeError, msgspec.DecodeError) as error:
        raise ValueError(repr(error)) from error
    return signal


def group_of(room: str) -> str:
    """The group of a room: layers take only ASCII names, rooms are named in any script."""
    return f"chat.room.{hashlib.sha256(room.encode()).hexdigest()[:32]}"
