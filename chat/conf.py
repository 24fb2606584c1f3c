"""Every setting of the app: one ``CHAT`` dict in the site's settings, typed, with defaults.

>>> CHAT = {"GUESTS": "post", "POSTS_PER_SECOND": 5}

``conf.current()`` is the dict as a frozen ``Config``; ``conf.problems()`` lists what is wrong with
it, for the system checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Literal, get_args

import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from msgspec import Meta

GuestPolicy = Literal["none", "read", "post"]
RoomCreation = Literal["anyone", "users", "staff"]

CHARACTER_BYTES = 6
"""What a character may take in a frame: up to 4 bytes in UTF-8, 6 where JSON escapes it.

Only an escaped emoji takes 12: a client that sends nothing else has half as much to say.
"""

COMMAND_BYTES = 512
"""What the command around a text may take."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="upper"):
    """The settings, each with its type, its bounds, its default and what it is for."""

    # Who may do what
    guests: Annotated[
        GuestPolicy,
        Meta(
            description="What visitors who are not signed in may do: read or post, where a room "
            "does not say otherwise; none: they are let in nowhere, whatever a room says."
        ),
    ] = "read"
    room_creation: Annotated[
        RoomCreation,
        Meta(description="Who makes a public room by joining a name that is not there."),
    ] = "staff"
    system_name: Annotated[
        str,
        Meta(min_length=1, max_length=40, description="Sender's name where code publishes."),
    ] = "System"

    # What one session may ask for
    text_limit: Annotated[
        int, Meta(ge=1, le=100_000, description="Longest message, in characters.")
    ] = 4000
    frame_limit: Annotated[
        int,
        Meta(
            ge=1024,
            description="Largest frame a client may send, in bytes of UTF-8; 512 and 6 for each "
            "character of TEXT_LIMIT are enough.",
        ),
    ] = 65_536
    posts_per_second: Annotated[
        float,
        Meta(
            ge=0,
            description="Posts, edits, deletes and acts of moderation per second and session; 0 "
            "lifts it, and the bound on flooding with it.",
        ),
    ] = 10
    rooms_per_session: Annotated[
        int, Meta(ge=1, description="Rooms one session may be in at a time.")
    ] = 50
    rooms_created_per_minute: Annotated[
        float,
        Meta(
            ge=0,
            description="Rooms a session may make by joining, after twice ROOMS_PER_SESSION at "
            "once; 0 lifts it.",
        ),
    ] = 60
    sessions_per_user: Annotated[
        int, Meta(ge=0, description="Sessions per user or guest and process; 0 lifts it.")
    ] = 20
    sessions_per_address: Annotated[
        int, Meta(ge=0, description="Sessions per client address and process; 0 lifts it.")
    ] = 100

    # What a session is owed
    resume_limit: Annotated[
        int, Meta(ge=1, description="Most events a resume may ask for; beyond it, a fresh start.")
    ] = 2000
    window: Annotated[
        int,
        Meta(ge=64, description="Events of a room a session may have unseen; more wait for it."),
    ] = 8192
    window_bytes: Annotated[
        int,
        Meta(ge=65_536, description="The same bound in bytes, whichever is reached first."),
    ] = 4_194_304
    heartbeat: Annotated[
        float,
        Meta(gt=0, le=20, description="Seconds between pings; heads are checked 4 times in it."),
    ] = 20
    drain_seconds: Annotated[
        float,
        Meta(ge=0, description="Seconds a process that is told to stop may take to leave."),
    ] = 10

    # How the hub works
    batch_events: Annotated[
        int,
        Meta(ge=1, description="Most events of a room in one frame; never more than WINDOW / 4."),
    ] = 256
    batch_bytes: Annotated[
        int,
        Meta(
            ge=1, description="Most bytes of events in one frame; never more than WINDOW_BYTES / 4."
        ),
    ] = 65_536
    commit_batch: Annotated[
        int, Meta(ge=1, le=1000, description="Most posts stored in one transaction.")
    ] = 512
    tail: Annotated[
        int, Meta(ge=1, description="Events of each room in use that are kept in memory.")
    ] = 256
    read_threads: Annotated[
        int, Meta(ge=1, le=64, description="Threads, each with a connection, that read the log.")
    ] = 4
    gap_wait: Annotated[
        float,
        Meta(ge=0, description="Seconds an early batch waits for the one before it."),
    ] = 0.1
    presence_linger: Annotated[
        float,
        Meta(ge=0, description="Seconds before a lost session counts as left, so reloads do not."),
    ] = 1.0
    websocket_path: Annotated[
        str,
        Meta(
            pattern="^(/|wss?://)",
            description="Where the pages find the WebSocket: a path from the root, or an address.",
        ),
    ] = "/ws"
    channel_layer: Annotated[
        str, Meta(min_length=1, description="Alias in CHANNEL_LAYERS that carries the hub's bus.")
    ] = "default"
    database: Annotated[
        str, Meta(min_length=1, description="Alias in DATABASES that holds the log.")
    ] = "default"

    @property
    def longest_in_frame(self) -> int:
        """The longest text that is sure to fit into a frame, in characters."""
        return (self.frame_limit - COMMAND_BYTES) // CHARACTER_BYTES


FIELDS: Mapping[str, msgspec.structs.FieldInfo] = {
    field.encode_name: field for field in msgspec.structs.fields(Config)
}
"""The settings by their names in ``CHAT``."""


def problems() -> list[str]:
    """What is wrong with ``settings.CHAT``, a sentence for each key; empty when all is well."""
    given = getattr(settings, "CHAT", {})
    if not isinstance(given, Mapping):
        return [f"CHAT must be a dict, not {type(given).__name__}."]
    found: list[str] = []
    for key, value in given.items():
        if key not in FIELDS:
            found.append(f"CHAT[{key!r}] is not a setting. {_instead(key)}")
            continue
        kind, meta = get_args(FIELDS[key].type)
        try:
            msgspec.convert(value, FIELDS[key].type)
        except msgspec.ValidationError as error:
            choices = [repr(choice) for choice in get_args(kind)]
            wanted = f"Expected one of {', '.join(choices)}" if choices else error
            found.append(f"CHAT[{key!r}] is {value!r}: {wanted}. ({meta.description})")
    return found


def _instead(key: object) -> str:
    """What was probably meant; or all there are."""
    like = get_close_matches(str(key).upper(), FIELDS, n=1)
    return f"Did you mean {like[0]}?" if like else f"There are: {', '.join(FIELDS)}."


@cache
def current() -> Config:
    """The settings in force.

    Raises ``ImproperlyConfigured`` with every problem at once when ``CHAT`` is not right.
    """
    found = problems()
    if found:
        raise ImproperlyConfigured(" ".join(found))
    return msgspec.convert(dict(getattr(settings, "CHAT", {})), Config)


def forget(*, setting: str, **_: Any) -> None:
    """Read ``CHAT`` anew after a test changed it; receives Django's ``setting_changed``."""
    if setting == "CHAT":
        current.cache_clear()
