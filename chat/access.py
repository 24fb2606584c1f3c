"""Who may see, join, post and moderate: the only place that decides.

Pure decisions over an identity, a room and a role; whoever asks has loaded them.
"""

from __future__ import annotations

from dataclasses import dataclass

from chat import conf
from chat.identity import Identity
from chat.models import Membership, Room
from chat.protocol import MAIN
from chat.protocol.errors import Forbidden, Problem, UnknownRoom

_LOOKS_AFTER = frozenset({Membership.Role.MODERATOR.value, Membership.Role.OWNER.value})


@dataclass(frozen=True, slots=True)
class Rights:
    """What one identity may do in one room. ``refusal`` says why not, where it may not see it."""

    see: bool
    post: bool
    moderate: bool
    refusal: Problem | None = None


def rights(identity: Identity, room: Room, role: str | None) -> Rights:
    """What ``identity``, whose role in ``room`` is ``role`` (``None``: no member), may do."""
    if room.kind == Room.Kind.PRIVATE and role is None:
        # Not even that it exists.
        return Rights(see=False, post=False, moderate=False, refusal=UnknownRoom())
    if identity.is_guest:
        policy = room.guests or conf.current().guests
        return Rights(
            see=policy != "none",
            post=policy == "post" and not room.archived,
            moderate=False,
            refusal=Forbidden("sign in to enter this room") if policy == "none" else None,
        )
    moderate = role in _LOOKS_AFTER or identity.moderates
    return Rights(see=True, post=not room.archived, moderate=moderate)


def may_connect(identity: Identity) -> bool:
    """Whether ``identity`` may open a session at all."""
    return not identity.is_guest or conf.current().guests != "none"


def may_create(identity: Identity, slug: str) -> bool:
    """Whether ``identity`` makes a public room by joining a name that is not there."""
    if slug == MAIN:
        return True
    match conf.current().room_creation:
        case "anyone":
            return True
        case "users":
            return not identity.is_guest
        case _:
            return identity.is_staff


def longest_text(room: Room) -> int:
    """The most characters a message in ``room`` may have."""
    return room.max_length or conf.current().text_limit
