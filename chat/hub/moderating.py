"""How those who look after a room do so from within the chat."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from django.utils import timezone
from msgspec import UNSET

from chat import access, identity, store
from chat.access import Rights
from chat.hub import talking
from chat.identity import Identity
from chat.models import Act, Ban
from chat.models import Room as Record
from chat.protocol import commands, events
from chat.protocol.errors import BadCommand, Forbidden, NotFound, Problem

if TYPE_CHECKING:
    from chat.hub.session import Session


async def moderate(session: Session, command: commands.Moderate, now: float) -> None:
    """Do what was asked for, if one may; answered with ``moderated``. Raises a ``Problem``."""
    record, rights = await talking.place(session, command.room, now)
    if isinstance(command.target, int):
        _delete(session, command, record, rights)
        return
    if rights.rank is access.Rank.NONE:
        raise Forbidden("only those who look after this room may do that")
    until = None if command.until is UNSET else command.until
    if until is not None and until <= timezone.now():
        raise BadCommand("`until` must lie ahead")
    target = await session.hub.threads.read(identity.of_key, identity.key_of(command.target))
    if target is None:
        raise NotFound("there is nobody with that id")
    await _check(session, record, rights, target)
    name = session.hub.presence.name_of(record.slug, target.sender)
    by = talking.actor(session)
    await session.hub.threads.write(_carry_out, by, command, record, target.key, name, until)
    _answer(session, command)


def _delete(session: Session, command: commands.Moderate, record: Record, rights: Rights) -> None:
    if not rights.moderate:
        raise Forbidden("only moderators may delete what others wrote")
    assert isinstance(command.target, int), "the command has been checked"
    draft = store.DeleteDraft(
        room=record.slug,
        sender_key=session.identity.key,
        sender_name=session.identity.sender.name,
        seq=command.target,
        moderator=True,
        as_moderation=True,
        via=Act.Via.CHAT,
        reason=command.reason or "",
    )
    session.hub.writer.submit(draft, partial(_deleted, session, command))


def _deleted(session: Session, command: commands.Moderate, outcome: store.Outcome) -> None:
    if isinstance(outcome, Problem):
        session.refuse(outcome, command.ref)
    else:
        _answer(session, command)


async def _check(session: Session, record: Record, rights: Rights, target: Identity) -> None:
    """Raise ``Forbidden`` where ``target`` is not one to be acted on."""
    if target.key == session.identity.key:
        raise Forbidden("nobody does that to themselves")
    role = None
    if not target.is_guest:
        roles = await session.hub.threads.read(store.roles_in, record.pk, {target.user_pk})
        role = roles.get(target.user_pk)
    if not access.may_act_on(rights.rank, access.rank_of(target, role)):
        raise Forbidden("you may do that only to people with less to say here than you")


def _carry_out(
    by: store.Actor,
    command: commands.Moderate,
    record: Record,
    key: str,
    name: str,
    until: datetime | None,
) -> None:
    """One transaction. Raises ``NotFound`` where there is nothing to take back."""
    reason = command.reason or ""
    match command.action:
        case "mute":
            store.impose(
                Ban.Kind.MUTE, by, key=key, name=name, room=record, until=until, reason=reason
            )
        case "remove":
            store.expel(record, by, key=key, name=name, until=until, reason=reason)
        case "unmute" | "restore":
            kind = Ban.Kind.MUTE if command.action == "unmute" else Ban.Kind.BAN
            if not store.lift_all(kind, by, key=key, room=record, reason=reason):
                raise NotFound("there is nothing to take back")


def _answer(session: Session, command: commands.Moderate) -> None:
    session.reply(
        events.Moderated(
            ref=command.ref,
            room=command.room,
            action=command.action,
            target=command.target,
            until=UNSET if command.until is UNSET else events.timestamp(command.until),
            reason=command.reason,
        )
    )
