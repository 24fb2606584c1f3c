"""What a session may say in a room: post, edit, delete, type."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from chat import access, store
from chat.access import Rights
from chat.models import Act
from chat.models import Room as Record
from chat.protocol import commands, events
from chat.protocol.errors import Empty, Forbidden, NotJoined, Problem, RateLimited, TooLong

if TYPE_CHECKING:
    from chat.hub.session import Session


async def post(session: Session, command: commands.Post, now: float) -> None:
    """Check a post and hand it to the writer; it is acknowledged after its commit.

    Raises a ``Problem``.
    """
    record, rights = await place(session, command.room, now)
    if not command.text.strip():
        raise Empty
    # Not refused here: it may be the retry of one that is stored.
    refusal = _too_long(command.text, record)
    if not rights.post:
        refusal = rights.silence or Forbidden()
    draft = store.PostDraft(
        room=record.slug,
        sender_key=session.identity.key,
        sender_name=session.identity.sender.name,
        epoch=_epoch_if_unused(session, record) if refusal is None else None,
        id=command.id,
        text=command.text,
        slowed=not rights.looks_after and refusal is None,
        refusal=refusal,
    )
    session.hub.writer.submit(draft, partial(_posted, session, command))


def _posted(session: Session, command: commands.Post, outcome: store.Outcome) -> None:
    if isinstance(outcome, Problem):
        session.refuse(outcome, command.ref, command.id)
        return
    session.reply(
        events.Ack(
            ref=command.ref,
            room=outcome.room,
            seq=outcome.seq,
            id=command.id,
            duplicate=outcome.duplicate,
        )
    )


async def change(session: Session, command: commands.Edit | commands.Delete, now: float) -> None:
    """Check an edit or a delete and hand it to the writer. Raises a ``Problem``."""
    record, rights = await place(session, command.room, now)
    if not rights.post and not (rights.moderate and isinstance(command, commands.Delete)):
        raise rights.silence or Forbidden()
    draft: store.Draft
    if isinstance(command, commands.Edit):
        _check_text(command.text, record)
        draft = store.EditDraft(
            room=record.slug,
            sender_key=session.identity.key,
            sender_name=session.identity.sender.name,
            seq=command.seq,
            text=command.text,
        )
    else:
        draft = store.DeleteDraft(
            room=record.slug,
            sender_key=session.identity.key,
            sender_name=session.identity.sender.name,
            seq=command.seq,
            moderator=rights.moderate,
            via=Act.Via.CHAT,
        )
    session.hub.writer.submit(draft, partial(_changed, session, command))


def _changed(
    session: Session, command: commands.Edit | commands.Delete, outcome: store.Outcome
) -> None:
    if isinstance(outcome, Problem):
        session.refuse(outcome, command.ref)
        return
    session.reply(
        events.Ack(ref=command.ref, room=outcome.room, seq=outcome.seq, target=outcome.target)
    )


def typing(session: Session, command: commands.Typing, now: float) -> None:
    """Tell the room, at most once a second. Raises a ``Problem``."""
    seat = session.seats.get(command.room)
    if seat is None:
        raise NotJoined
    if not seat.rights.post:
        raise seat.rights.silence or Forbidden()
    if not session.typings.take(now):
        event = events.Typing(room=command.room, sender=session.identity.sender)
        session.hub.whisper(command.room, event)


def actor(session: Session) -> store.Actor:
    """Who is at the other end, for the record."""
    who = session.identity
    return store.Actor(key=who.key, name=who.sender.name, via=Act.Via.CHAT)


async def place(session: Session, slug: str, now: float) -> tuple[Record, Rights]:
    """The room a post is for, and what one may do there; limits the rate."""
    wait = session.posts.take(now)
    if wait:
        raise RateLimited(retry_after=round(wait, 3))
    seat = session.seats.get(slug)
    if seat is not None:
        return seat.room.record, seat.rights
    return await session.hub.look_up(slug, session.identity, session.address)


def _check_text(text: str, record: Record) -> None:
    if not text.strip():
        raise Empty
    too_long = _too_long(text, record)
    if too_long is not None:
        raise too_long


def _too_long(text: str, record: Record) -> Problem | None:
    most = access.longest_text(record)
    if len(text) <= most:
        return None
    return TooLong(f"the message is too long: at most {most} characters")


def _epoch_if_unused(session: Session, record: Record) -> str | None:
    """Its epoch for a room nobody has written to yet: somebody may just remove it as unused."""
    room = session.hub.rooms.get(record.slug)
    head = room.order.head if room is not None else record.head
    unused = record.transient and not head
    return record.epoch if unused else None
