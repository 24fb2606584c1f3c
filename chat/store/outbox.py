"""The outbox: what code published inside a transaction, on its way to the log."""

from __future__ import annotations

from django.db import transaction

from chat import conf
from chat.models import Outbox, Room
from chat.protocol import MAIN
from chat.protocol.errors import UnknownRoom
from chat.store.drafts import Outcome, PostDraft
from chat.store.log import append_here

MOVED_AT_ONCE = 256
"""The most one transaction moves, so that no room is locked for long."""


def put_aside(draft: PostDraft) -> None:
    """Keep ``draft`` until the transaction that is open now has committed.

    It locks no room: nobody's posting waits for the caller. Raises ``UnknownRoom``.
    """
    database = conf.current().database
    room = Room.objects.using(database).filter(slug=draft.room).first()
    if room is None and draft.room != MAIN:  # which is made when something is said there
        raise UnknownRoom(f"there is no room {draft.room!r}")
    Outbox.objects.using(database).create(
        room=draft.room,
        epoch=room.epoch if room and room.transient and not room.head else "",
        sender_key=draft.sender_key,
        sender_name=draft.sender_name,
        client_id=draft.id,
        text=draft.text,
    )


def move_outbox() -> list[Outcome]:
    """Move what waits in the outbox to the log, in the order it was put there.

    In one transaction: a crash leaves each message in exactly one of the two. Rows that another
    process is moving are waited for, so that none overtakes them.
    """
    database = conf.current().database
    with transaction.atomic(using=database):
        waiting = list(
            Outbox.objects.using(database).select_for_update().order_by("pk")[:MOVED_AT_ONCE]
        )
        if not waiting:
            return []
        outcomes = append_here(
            [
                PostDraft(
                    room=row.room,
                    epoch=row.epoch or None,
                    sender_key=row.sender_key,
                    sender_name=row.sender_name,
                    id=row.client_id,
                    text=row.text,
                )
                for row in waiting
            ]
        )
        Outbox.objects.using(database).filter(pk__in=[row.pk for row in waiting]).delete()
    return outcomes
