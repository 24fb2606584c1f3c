"""Bans and mutes: who is kept out or silent, where and until when.

Here a row is never changed but replaced, so that how many there are, and their numbers, tell
whether there are others. What is changed in place elsewhere is found when hubs read all of them,
once in a heartbeat.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Max, Q, Sum
from django.utils import timezone

from chat import conf
from chat.access import Restraint
from chat.models import Act, Ban, Connection, Membership, Room
from chat.protocol.commands import UNTIL_BEFORE
from chat.store.acts import Actor, record

Mark = tuple[int, int, int]
"""What differs where there are other bans."""

_ACTS = {
    Ban.Kind.BAN: (Act.Kind.BAN, Act.Kind.UNBAN),
    Ban.Kind.MUTE: (Act.Kind.MUTE, Act.Kind.UNMUTE),
}


def mark_of_bans() -> Mark:
    """Whether there are other bans than before, in one cheap query."""
    bans = Ban.objects.using(conf.current().database).order_by()
    found = bans.aggregate(count=Count("pk"), last=Max("pk"), sum=Sum("pk"))
    return (found["count"], found["last"] or 0, found["sum"] or 0)


def restraints(key: str | None = None) -> list[Restraint]:
    """All that are in force; with ``key``, those of that sender and of addresses."""
    bans = Ban.objects.using(conf.current().database).order_by()
    if key is not None:
        bans = bans.filter(Q(sender_key=key) | ~Q(network=""))
    found = bans.filter(Q(until=None) | Q(until__gt=timezone.now())).annotate(slug=F("room__slug"))
    rows = found.values_list("kind", "sender_key", "network", "slug", "until", "reason")
    return [
        Restraint(kind=kind, key=key, network=network, room=slug or "", until=until, reason=reason)
        for kind, key, network, slug, until, reason in rows
    ]


def impose(
    kind: Ban.Kind,
    by: Actor,
    *,
    key: str = "",
    name: str = "",
    network: str = "",
    room: Room | None = None,
    until: datetime | None = None,
    reason: str = "",
    act: Act.Kind | None = None,
) -> Ban:
    """Ban or mute a sender or a range of addresses, in place of what there was of that; recorded.

    ``act`` is what the record calls it, where that is not what it is. Raises ``ValueError`` where
    ``until`` is too far off to be read back.
    """
    if until is not None and until.timestamp() >= UNTIL_BEFORE:
        raise ValueError(f"{until} is too late an end: until=None is for good")
    if until is not None and timezone.is_aware(until):
        until = until.astimezone(UTC)  # PostgreSQL knows no offsets of sixteen hours and more
    database = conf.current().database

    def replace() -> Ban:
        with transaction.atomic(using=database):
            of_target(kind, key=key, network=network, room=room).delete()
            return Ban.objects.using(database).create(
                kind=kind,
                room=room,
                sender_key=key,
                sender_name=name[:150],
                network=network,
                until=until,
                reason=reason[:500],
                created_by_id=_user_of(by),
            )

    with transaction.atomic(using=database):
        if room is not None:
            # A room that goes when everybody has left takes its bans with it.
            rooms = Room.objects.using(database).filter(pk=room.pk, transient=True)
            rooms.update(transient=False)
        try:
            ban = replace()
        except IntegrityError:
            ban = replace()  # somebody else has just made one, which could not be seen before
        _record(act or _ACTS[kind][0], by, ban)
    return ban


def of_target(kind: Ban.Kind, *, key: str, network: str = "", room: Room | None = None) -> Any:
    """The bans or mutes of that sender or network in that room, or on the whole site."""
    bans = Ban.objects.using(conf.current().database)
    return bans.filter(kind=kind, sender_key=key, network=network, room=room)


def lift(ban: Ban, by: Actor, *, reason: str = "") -> None:
    """Take a ban or a mute back; recorded, unless somebody has just done so."""
    database = conf.current().database
    with transaction.atomic(using=database):
        if Ban.objects.using(database).filter(pk=ban.pk).delete()[0]:
            _record(_ACTS[Ban.Kind(ban.kind)][1], by, ban, reason)


def lift_all(kind: Ban.Kind, by: Actor, *, key: str, room: Room, reason: str = "") -> bool:
    """Take back what of that kind a sender has in a room; whether there was anything."""
    with transaction.atomic(using=conf.current().database):
        found = list(of_target(kind, key=key, room=room).select_related("room"))
        for ban in found:
            lift(ban, by, reason=reason)
    return bool(found)


def expel(
    room: Room,
    by: Actor,
    *,
    key: str,
    name: str = "",
    until: datetime | None = None,
    reason: str = "",
) -> Ban:
    """Ban a sender from a room, and end the membership; recorded as one act."""
    database = conf.current().database
    with transaction.atomic(using=database):
        kind, _, user = key.partition(":")
        if kind == "u":
            Membership.objects.using(database).filter(room=room, user__pk=user).delete()
        return impose(
            Ban.Kind.BAN,
            by,
            key=key,
            name=name,
            room=room,
            until=until,
            reason=reason,
            act=Act.Kind.REMOVE,
        )


def _record(kind: Act.Kind, by: Actor, ban: Ban, reason: str | None = None) -> None:
    record(
        kind,
        by,
        room=ban.room.slug if ban.room else "",
        target_key=ban.sender_key,
        target_name=ban.sender_name or ban.network,
        until=ban.until,
        reason=ban.reason if reason is None else reason,
    )


def _user_of(by: Actor) -> Any:
    """The primary key of a user who acts; ``None`` for anybody else, or one who is gone."""
    kind, _, number = by.key.partition(":")
    users = get_user_model()._default_manager.using(conf.current().database)
    return users.filter(pk=number).values_list("pk", flat=True).first() if kind == "u" else None


# Sessions that are to end


def ask_to_close(sessions: list[str], code: int) -> None:
    """Have the processes that serve those sessions close them."""
    connections = Connection.objects.using(conf.current().database)
    for first in range(0, len(sessions), 500):
        connections.filter(session__in=sessions[first : first + 500]).update(close_with=code)


def to_close(node: int) -> dict[str, int]:
    """Which sessions of a process are to be closed, and with which codes."""
    connections = Connection.objects.using(conf.current().database)
    rows = connections.filter(node=node, close_with__isnull=False)
    return {session: code for session, code in rows.values_list("session", "close_with") if code}
