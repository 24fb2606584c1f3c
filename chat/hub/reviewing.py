"""What becomes of a session when it may do something else than before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from msgspec import UNSET

from chat import access
from chat.access import Restraint
from chat.hub import visiting
from chat.hub.seat import Seat
from chat.identity import Identity
from chat.protocol import events
from chat.protocol.closing import CloseCode

if TYPE_CHECKING:
    from chat.hub.session import Session


def take_role(session: Session, seat: Seat, role: str | None) -> None:
    """Go on with a role that was just read in the room, by its record as it now is.

    And by the bans that were last read: who is removed loses the role in the same transaction, and
    whoever is seeing to all sessions for those may not have come to this one yet.
    """
    session.hub.guard.judge(session, timezone.now())
    if not session.closed and session.seats.get(seat.room.slug) is seat:
        _reconsider(session, seat, role)


def _reconsider(session: Session, seat: Seat, role: str | None) -> None:
    before = visiting.rights_in(seat)
    seat.rights = access.rights(session.identity, seat.room.record, role, session.restraints)
    if not seat.rights.see:
        visiting.evict(session, seat)
    elif (now := visiting.rights_in(seat)) != before:
        session.reply(now)


def become(session: Session, who: Identity) -> None:
    """Go on with the permissions of ``who``, who is the same one as before."""
    now = session.identity.with_permissions_of(who)
    if now != session.identity:
        session.identity = now
        _review(session)


def restrain(session: Session, restraints: tuple[Restraint, ...]) -> None:
    """Go on under ``restraints``, and tell of what is new; where they bar it, close."""
    before, session.restraints = session.restraints, restraints
    ban = access.barring(restraints)
    if ban is not None:
        session.reply(_removal(ban))
        session.close(CloseCode.REMOVED)
        return
    for each in (*before, *restraints):
        if each.bars or (each.room and each.room not in session.seats):
            continue
        if each not in before:
            words = each.in_words()
            session.reply(
                events.Notice(text=words, level="warning", room=each.room or UNSET, code="rights")
            )
        elif each not in restraints:
            where = each.room or "this chat"
            words = f"you are no longer muted in {where}"
            session.reply(events.Notice(text=words, room=each.room or UNSET, code="rights"))
    _review(session)


def _removal(ban: Restraint) -> events.Notice:
    return events.Notice(
        text=ban.in_words(),
        level="warning",
        code="removed",
        until=events.timestamp(ban.until) if ban.until else UNSET,
        reason=ban.reason or UNSET,
    )


def _review(session: Session) -> None:
    session.reviews += 1
    for seat in list(session.seats.values()):
        _reconsider(session, seat, seat.rights.role)
