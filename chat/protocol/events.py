"""What the server says. One class per event; the class is told by the field ``type``."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import UNSET, Struct, UnsetType

from chat.protocol.commands import Ref


def timestamp(moment: datetime) -> str:
    """``moment`` as the wire has it: UTC, RFC 3339, milliseconds, ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + (
        f"{moment.microsecond // 1000:03d}Z"
    )


class Sender(Struct, frozen=True):
    """Who: ``id`` is opaque and stays the same, ``name`` is for people."""

    id: str
    name: str


class Event(Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    """Any event."""


class Reply(Event, frozen=True, kw_only=True):
    """An event that may answer a command: ``ref`` is the command's."""

    ref: Ref | UnsetType = UNSET


class Limits(Struct, frozen=True, kw_only=True):
    """What one session may do: characters, bytes, posts per second (0: no limit), events."""

    text: int
    frame: int
    posts_per_second: float
    window: int


class Welcome(Event, frozen=True, kw_only=True):
    """First on every connection."""

    version: int
    session: str
    sender: Sender
    heartbeat: float
    limits: Limits


class Joined(Reply, frozen=True, kw_only=True):
    """The session is in the room; what it missed, or the last messages, come next."""

    room: str
    title: str
    epoch: str
    head: int
    recovered: bool | None
    online: int
    members: list[Sender]
    may: list[str] | UnsetType = UNSET
    """Of ``post``, ``moderate`` and ``ban``, what the session may do there."""
    code: str | UnsetType = UNSET
    """Why it may not post, as in ``Rights``."""
    until: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class Message(Event, frozen=True, kw_only=True):
    """Somebody said something. ``deleted`` messages have an empty text."""

    room: str
    seq: int
    id: str
    sender: Sender
    text: str
    at: str
    edited_at: str | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET


class Edited(Event, frozen=True, kw_only=True):
    """The message at ``target`` now says ``text``."""

    room: str
    seq: int
    target: int
    text: str
    at: str


class Deleted(Event, frozen=True, kw_only=True):
    """The text of the message at ``target`` is gone."""

    room: str
    seq: int
    target: int
    at: str


Logged = Message | Edited | Deleted
"""The events that take a seq of their room."""


class Ack(Reply, frozen=True, kw_only=True):
    """A post, edit or delete is committed."""

    room: str
    seq: int
    id: str | UnsetType = UNSET
    duplicate: bool | UnsetType = UNSET
    target: int | UnsetType = UNSET


class Left(Reply, frozen=True, kw_only=True):
    """The session is no longer in the room; ``code`` is ``removed`` where somebody saw to that."""

    room: str
    code: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class Rights(Event, frozen=True, kw_only=True):
    """What the session may do in a room has changed; ``until``, where that ends by itself.

    ``code`` is why it may not post: ``archived``, ``sign_in``, ``muted`` or ``locked``; ``reason``
    is a moderator's.
    """

    room: str
    may: list[str]
    code: str | UnsetType = UNSET
    until: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class Moderated(Reply, frozen=True, kw_only=True):
    """What a moderator asked for is done; the fields are those of the command."""

    room: str
    action: str
    target: int | str
    until: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class History(Reply, frozen=True, kw_only=True):
    """A page of messages, ascending; ``more`` when there are older ones."""

    room: str
    messages: list[Message]
    more: bool


class RoomLine(Struct, frozen=True, kw_only=True):
    """One room of a list. The last two are there for those who said what they have seen."""

    room: str
    title: str
    online: int
    unread: int | UnsetType = UNSET
    members: list[Sender] | UnsetType = UNSET


class Rooms(Reply, frozen=True, kw_only=True):
    """The rooms the session may see."""

    rooms: list[RoomLine]


class Renamed(Reply, frozen=True, kw_only=True):
    """The session's sender from now on."""

    sender: Sender


class Presence(Event, frozen=True, kw_only=True):
    """Who came and went; a hint."""

    room: str
    online: int
    joined: list[Sender]
    left: list[Sender]


class Typing(Event, frozen=True, kw_only=True):
    """Somebody is typing; a hint."""

    room: str
    sender: Sender


class Notice(Event, frozen=True, kw_only=True):
    """A word from the site: ``level`` is ``info`` or ``warning``.

    ``room`` is there where it is about one room alone. ``code`` says the same without words:
    ``rights``, as the events of that name do; ``removed``, which the end of the session follows,
    with ``until`` and ``reason``.
    """

    text: str
    level: str = "info"
    room: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    until: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class Figures(Struct, frozen=True, kw_only=True):
    """What one process did in the last minute, or all of them together.

    Latencies are in milliseconds; they, and the size of a batch, are null where there was none.
    ``red`` are the names of the figures that somebody should look at.
    """

    sessions: int
    rooms: int
    posts: float
    deliveries: float
    ack_p50: float | None
    ack_p99: float | None
    fanout_p50: float | None
    fanout_p99: float | None
    batch: float | None
    healed: int
    slow: int
    failures: int
    errors: int
    red: list[str]


class Process(Figures, frozen=True, kw_only=True):
    """One process. ``age`` is that of the process, ``heard`` that of its figures, in seconds."""

    node: int
    name: str
    version: str
    age: float
    heard: float | None
    silent: bool


class Live(Reply, frozen=True, kw_only=True):
    """What all processes are doing, for those who watch."""

    at: str
    total: Figures
    processes: list[Process]


class Ping(Event, frozen=True, kw_only=True):
    """Answer with ``pong``."""


class Error(Reply, frozen=True, kw_only=True):
    """A command was not carried out."""

    code: str
    detail: str
    id: str | UnsetType = UNSET
    retry_after: float | UnsetType = UNSET


AnyEvent = (
    Welcome
    | Joined
    | Message
    | Edited
    | Deleted
    | Ack
    | Left
    | Rights
    | Moderated
    | History
    | Rooms
    | Renamed
    | Presence
    | Typing
    | Notice
    | Live
    | Ping
    | Error
)
