"""Which part of the hub carries out which command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from chat.hub import moderating, talking, visiting
from chat.protocol import MAIN, commands, events
from chat.protocol.commands import AnyCommand
from chat.protocol.errors import Forbidden, NotJoined

if TYPE_CHECKING:
    from chat.hub.session import Session

FIRST_JOIN = commands.Join(room=MAIN, history=0)
"""Where a terminal starts, without a word."""


async def out(session: Session, command: AnyCommand, now: float) -> None:
    """Carry out one command of the session's client. Raises a ``Problem``."""
    # By how often they come.
    match command:
        case commands.Post():
            if session.terminal:
                command = structs.replace(command, room=_terminals_room(session))
            await talking.post(session, command, now)
        case commands.Typing():
            talking.typing(session, command, now)
        case commands.Join():
            await visiting.join(session, command, silently=command is FIRST_JOIN)
        case commands.Leave():
            visiting.leave(session, command)
        case commands.History():
            await visiting.history(session, command)
        case commands.Edit() | commands.Delete():
            await talking.change(session, command, now)
        case commands.Rooms():
            await visiting.rooms(session, command)
        case commands.Moderate():
            await moderating.moderate(session, command, now)
        case commands.Rename():
            _rename(session, command)
        case commands.Watch():
            await session.hub.watchers.watch(session, command)
        case commands.Unwatch():
            session.hub.watchers.unwatch(session)


def _terminals_room(session: Session) -> str:
    if not session.seats:
        raise NotJoined("you are in no room: /join one first")
    return next(iter(session.seats))


def _rename(session: Session, command: commands.Rename) -> None:
    if not session.identity.is_guest and not session.terminal:
        raise Forbidden("only guests choose their name here")
    before, session.identity = session.identity, session.identity.named(command.name.strip())
    session.hub.presence.renamed(session, before)
    session.reply(events.Renamed(ref=command.ref, sender=session.identity.sender))
