"""How a session comes into rooms, leaves them, and looks at what was said there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from chat import access, store
from chat.access import Restraint, Rights
from chat.hub.room import Room
from chat.hub.seat import Seat
from chat.models import Room as Record
from chat.protocol import MAIN, commands, events, frames
from chat.protocol.closing import CloseCode
from chat.protocol.commands import Position
from chat.protocol.errors import (
    Forbidden,
    NotJoined,
    Problem,
    RateLimited,
    TooManyRooms,
    Unavailable,
    UnknownRoom,
)

if TYPE_CHECKING:
    from chat.hub.session import Session

# Characters of a page of history: daphne sends nothing over 1 MiB, a character is up to 4 bytes.
HISTORY_SIZE = 200_000

MEMBERS_LISTED = 5
"""The most senders that a line in a list of rooms names."""


async def join(
    session: Session, command: commands.Join, *, silently: bool = False, may_create: bool = True
) -> None:
    """Enter a room: ``joined``, then what was missed or the last messages, then live.

    Joining a room again starts it anew. A terminal leaves the room it was in. Raises a ``Problem``.
    """
    most = session.hub.config.rooms_per_session
    if command.room in session.seats or session.terminal:
        pass  # it takes the place of another
    elif len(session.seats) >= most:
        raise TooManyRooms
    while True:
        own_reviews = session.reviews
        room, rights, reviews = await _enter(session, command.room, may_create=may_create)
        start, recovered = await _start(session, room, command)
        if session.hub.rooms.get(room.slug) is room and (room.reviews, session.reviews) == (
            reviews,
            own_reviews,
        ):
            break
        # Again: the room was closed, began a new epoch, or it is in doubt who may be there.
    if session.closed:
        return
    old = session.seats.get(room.slug)  # as it is after all the waiting
    if old is not None:
        old.room.rise(old)
    elif session.terminal:
        leave_all(session, gone=False)
    seat = Seat(room, session, rights, sat_at=next(session.hub.moments))
    seat.seat_at(start)
    session.seats[room.slug] = seat
    room.sit(seat)
    if old is None:
        session.hub.presence.enter(session, room.slug)
    if not silently:
        session.reply(_joined(session, seat, command, recovered))
        session.flush()
    await session.catch_up(seat)


async def _enter(session: Session, slug: str, *, may_create: bool) -> tuple[Room, Rights, int]:
    """The room, made where it is not there and may be; as ``Hub.enter``. Raises a ``Problem``."""
    hub, who = session.hub, session.identity
    try:
        return await hub.enter(slug, who, create=slug == MAIN, address=session.address)
    except UnknownRoom:
        if not may_create or not access.may_create(who, slug):
            raise
    wait = session.creations.take(hub.loop.time())
    if wait:
        raise RateLimited("too many new rooms: wait a moment", retry_after=round(wait, 3))
    return await hub.enter(slug, who, create=True, address=session.address)


async def _start(session: Session, room: Room, command: commands.Join) -> tuple[int, bool | None]:
    """Where a join begins, and whether that is what the client asked for."""
    hub = session.hub
    recovered = None
    if command.after is not None:
        recovered = await room.recovers(command.after)
        if recovered:
            return command.after.seq, True
    if session.terminal:
        return room.sent, recovered
    most = min(command.history, commands.HISTORY_MOST)
    return await hub.start_of_history(room, most), recovered


def _joined(
    session: Session, seat: Seat, command: commands.Join, recovered: bool | None
) -> events.Joined:
    presence, room = session.hub.presence, seat.room
    rights = rights_in(seat)
    return events.Joined(
        ref=command.ref,
        room=room.slug,
        title=room.record.title or room.slug,
        epoch=room.record.epoch,
        head=room.sent,
        recovered=recovered,
        online=presence.online(room.slug),
        members=presence.members(room.slug),
        may=rights.may,
        code=rights.code,
        until=rights.until,
        reason=rights.reason,
    )


def rights_in(seat: Seat) -> events.Rights:
    """What there now is to do in the room where one sits."""
    rights = seat.rights
    mute = rights.restraint if rights.silenced_by == "muted" else None
    return events.Rights(
        room=seat.room.slug,
        may=rights.may,
        code=rights.silenced_by or UNSET,
        until=events.timestamp(mute.until) if mute and mute.until else UNSET,
        reason=(mute and mute.reason) or UNSET,
    )


def evict(session: Session, seat: Seat) -> None:
    """The session may not, or cannot, stay in the room: tell it so."""
    give_up(session, seat, gone=False)
    restraint = seat.rights.restraint
    _tell_left(session, seat.room.slug, restraint if restraint and restraint.bars else None)


def _tell_left(session: Session, slug: str, ban: Restraint | None = None) -> None:
    if session.terminal:
        what = ban.in_words() if ban else f"you are no longer in {slug}: /join another room"
        session.refuse(Forbidden(what))
    elif ban is None:
        session.reply(events.Left(room=slug))
    else:
        session.reply(events.Left(room=slug, code="removed", reason=ban.reason or UNSET))


async def start_over(session: Session, slug: str) -> None:
    """The room's history is another one now: join it afresh, or leave where it is gone by then.

    Without a database the session is sent away: it comes back, and finds out then.
    """
    seat = session.seats.pop(slug, None)
    if seat is None or session.closed:
        return
    seat.room.rise(seat)
    session.hub.presence.leave(session, slug, gone=False)
    try:
        # A position of no epoch: the client is told that it was not recovered.
        afresh = commands.Join(room=slug, after=Position(epoch="", seq=0))
        await join(session, afresh, may_create=False)
    except Unavailable:
        session.close(CloseCode.GOING_AWAY)
    except Problem:
        _tell_left(session, slug)


def leave(session: Session, command: commands.Leave) -> None:
    """Leave a room. Raises ``NotJoined``."""
    seat = session.seats.get(command.room)
    if seat is None:
        raise NotJoined
    give_up(session, seat, gone=False)
    session.reply(events.Left(ref=command.ref, room=command.room))


def leave_all(session: Session, *, gone: bool) -> None:
    """Leave every room; ``gone`` when the connection is."""
    for seat in list(session.seats.values()):
        give_up(session, seat, gone=gone)


def give_up(session: Session, seat: Seat, *, gone: bool) -> None:
    """Take the session out of a room."""
    del session.seats[seat.room.slug]
    seat.room.rise(seat)
    session.hub.left(session, seat.room, gone=gone)


async def history(session: Session, command: commands.History) -> None:
    """Answer with a page of older messages. Raises a ``Problem``."""
    await session.until_read()
    record, _ = await session.hub.look_up(command.room, session.identity, session.address)
    limit = min(command.limit, commands.HISTORY_MOST)
    messages, more = await session.hub.threads.read(
        store.page_before, record, command.before, limit
    )
    fitting = _newest_that_fit(messages)
    session.reply(
        events.History(
            ref=command.ref,
            room=record.slug,
            messages=fitting,
            more=more or len(fitting) < len(messages),
        )
    )


def _newest_that_fit(messages: list[events.Message]) -> list[events.Message]:
    size = 0
    for index in range(len(messages) - 1, -1, -1):
        size += len(frames.encode(messages[index]))
        if size > HISTORY_SIZE and index < len(messages) - 1:
            return messages[index + 1 :]
    return messages


async def rooms(session: Session, command: commands.Rooms) -> None:
    """Answer with the rooms one may see, by name. Raises ``Unavailable``."""
    hub, who = session.hub, session.identity
    await hub.guard.known()
    listed = await hub.threads.read(store.rooms_of, who.user_pk)
    if not any(room.slug == MAIN for room, _ in listed):
        listed.append((Record(slug=MAIN), None))  # its row is made when the first one comes
    restraints = hub.guard.restraints(who.key, session.address)
    found = [room for room, role in listed if access.rights(who, room, role, restraints).see]
    unread: dict[int, int] | None = None
    if command.seen is not UNSET:
        seen = command.seen
        asked = [(room, _seen(room, seen[room.slug])) for room in found if room.slug in seen]
        unread = await hub.threads.read(store.unread, asked, who.key)
    lines = [_line(session, room, unread) for room in sorted(found, key=lambda room: room.slug)]
    session.reply(events.Rooms(ref=command.ref, rooms=lines))


def _seen(room: Record, seen: int | Position) -> int:
    """The last seq of the room's log that was seen: none of it in another epoch."""
    if isinstance(seen, int):
        return seen
    return seen.seq if seen.epoch == room.epoch else 0


def _line(session: Session, room: Record, unread: dict[int, int] | None) -> events.RoomLine:
    presence = session.hub.presence
    return events.RoomLine(
        room=room.slug,
        title=room.title or room.slug,
        online=presence.online(room.slug),
        unread=UNSET if unread is None else unread.get(room.pk, 0),
        members=UNSET if unread is None else presence.members(room.slug, MEMBERS_LISTED),
    )


def pong(session: Session, command: commands.Pong) -> None:
    """Note what the client has seen, and go on with what waited for that."""
    for slug, seq in command.seen.items():
        seat = session.seats.get(slug)
        if seat is not None:
            seat.confirm(seq)
    session.resume()
