"""Who may see, join, post and moderate: the only place that decides.

Pure decisions over an identity, a room, a role and what restrains the identity; whoever asks has
loaded them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum

from msgspec import Struct

from chat import conf
from chat.identity import Identity
from chat.models import Ban, Membership, Room
from chat.protocol import MAIN
from chat.protocol.errors import Forbidden, Problem, UnknownRoom


class Restraint(Struct, frozen=True, kw_only=True):
    """A ban or a mute that is in force: of one sender or of a range of addresses.

    ``room`` is the name of the room it is about, and empty where it is about the whole site.
    """

    kind: str
    key: str = ""
    network: str = ""
    room: str = ""
    until: datetime | None = None
    reason: str = ""

    @property
    def bars(self) -> bool:
        """Whether it keeps its target out, rather than silent."""
        return self.kind == Ban.Kind.BAN

    def in_words(self) -> str:
        """What it means to whom it is about."""
        where = self.room or "this chat"
        words = f"you were removed from {where}" if self.bars else f"you are muted in {where}"
        if self.until is not None:
            words += f" until {self.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        return f"{words}: {self.reason}" if self.reason else words


class Rank(IntEnum):
    """How far somebody's word goes among people: they act on those of a lower rank."""

    NONE = 0
    MODERATOR = 1
    OWNER = 2
    SITE = 3
    """A permission of the site's, which counts in every room one may see."""


_RANKS = {
    Membership.Role.MODERATOR.value: Rank.MODERATOR,
    Membership.Role.OWNER.value: Rank.OWNER,
}


@dataclass(frozen=True, slots=True)
class Rights:
    """What one identity may do in one room.

    ``moderate`` is to delete what others wrote. ``refusal`` says why not, where it may not see it,
    and ``silence`` where it may not post; ``restraint`` is the ban or mute that is behind either.
    """

    see: bool
    post: bool
    moderate: bool
    refusal: Problem | None = field(default=None, compare=False)
    silence: Problem | None = field(default=None, compare=False)
    silenced_by: str = field(default="", compare=False)
    """What is behind ``silence``: ``archived``, ``sign_in``, ``muted`` or ``locked``."""
    restraint: Restraint | None = None
    looks_after: bool = field(default=False, compare=False)
    """Whether it is one of those who look after the room, in whichever way."""
    role: str | None = field(default=None, compare=False)
    """The membership that was gone by."""
    rank: Rank = field(default=Rank.NONE, compare=False)

    @property
    def may(self) -> list[str]:
        """What there is to do beyond looking, as the wire has it."""
        found = {"post": self.post, "moderate": self.moderate, "ban": self.rank > Rank.NONE}
        return [name for name, may in found.items() if may]


def rights(
    identity: Identity, room: Room, role: str | None, restraints: Iterable[Restraint] = ()
) -> Rights:
    """What ``identity``, whose role in ``room`` is ``role`` (``None``: no member), may do.

    ``restraints`` are all that are in force against it, in this room, in others, or everywhere.
    """
    if room.kind == Room.Kind.PRIVATE and role is None:
        # Not even that it exists: it looks like a name that nobody may make a room of.
        return _nothing(UnknownRoom())
    here = [each for each in restraints if each.room in ("", room.slug)]
    ban = next((each for each in here if each.bars), None)
    if ban is not None:
        return _nothing(Forbidden(ban.in_words()), ban)
    policy = (room.guests or conf.current().guests) if identity.is_guest else "post"
    if policy == "none":
        return _nothing(Forbidden("sign in to enter this room"))
    rank = rank_of(identity, role)
    # Who may ban on the whole site has a rank, but no say in what was written.
    moderate = identity.moderates or role in _RANKS
    looks_after = moderate or rank > Rank.NONE
    mute = here[0] if here else None
    silence: Problem | None = None
    silenced_by = ""
    if room.archived:
        silenced_by, silence = "archived", Forbidden("this room is archived: it can only be read")
    elif policy == "read":
        silenced_by, silence = "sign_in", Forbidden("sign in to post here")
    elif mute is not None:
        silenced_by, silence = "muted", Forbidden(mute.in_words())
    elif room.locked and not looks_after:
        words = "this room is locked: only those who look after it may post"
        silenced_by, silence = "locked", Forbidden(words)
    return Rights(
        see=True,
        post=silence is None,
        moderate=moderate,
        looks_after=looks_after,
        silence=silence,
        silenced_by=silenced_by,
        restraint=mute,
        role=role,
        rank=rank,
    )


def _nothing(refusal: Problem, restraint: Restraint | None = None) -> Rights:
    return Rights(see=False, post=False, moderate=False, refusal=refusal, restraint=restraint)


def rank_of(identity: Identity, role: str | None) -> Rank:
    """The rank of ``identity`` in a room where its role is ``role``."""
    if identity.bans:
        return Rank.SITE
    return _RANKS.get(role or "", Rank.NONE)


def may_act_on(actor: Rank, target: Rank) -> bool:
    """Whether one of rank ``actor`` may mute or remove one of rank ``target``."""
    return actor is Rank.SITE or actor > target


def barring(restraints: Iterable[Restraint]) -> Restraint | None:
    """The one that keeps its target out of the whole site, where there is one."""
    return next((each for each in restraints if each.bars and not each.room), None)


def may_connect(identity: Identity) -> bool:
    """Whether ``identity`` may open a session at all, were it not for bans."""
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
