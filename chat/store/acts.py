"""The record of moderation: who did what, to whom, why, and by which way."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial

from django.db import transaction
from msgspec import Struct

from chat import conf
from chat.models import Act

logger = logging.getLogger("chat")


class Actor(Struct, frozen=True):
    """Who acts, and where: ``key`` is a sender's (``u:7``), or ``s:`` for the site itself."""

    key: str
    name: str
    via: Act.Via


def record(
    kind: Act.Kind,
    by: Actor,
    *,
    room: str = "",
    target_key: str = "",
    target_name: str = "",
    until: datetime | None = None,
    reason: str = "",
    detail: str = "",
) -> Act:
    """Keep one act, in the caller's transaction, and say so in the log once that commits."""
    database = conf.current().database
    act = Act.objects.using(database).create(
        kind=kind,
        via=by.via,
        actor_key=by.key,
        actor_name=by.name[:150],
        room=room,
        target_key=target_key,
        target_name=target_name[:150],
        until=until,
        reason=reason[:500],
        detail=detail[:500],
    )
    whom = target_key or target_name
    what = (kind.value, by.key, by.via.value, " ".join(filter(None, (whom, room))))
    transaction.on_commit(partial(logger.info, "%s by %s (%s): %s", *what), using=database)
    return act


def add_to_record(act: Act, detail: str) -> None:
    """Let the entry of an act that goes on in batches say how far it is by now."""
    act.detail = detail[:500]
    act.save(using=conf.current().database, update_fields=["detail"])
