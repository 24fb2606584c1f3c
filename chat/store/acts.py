"""The record of moderation: who did what, to whom, why, and by which way."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from functools import partial

from django.db import transaction
from msgspec import Struct

from chat import conf
from chat.models import Act

logger = logging.getLogger("chat")

DETAIL_MOST = 500
"""Characters of what an entry says besides who, whom, where and why."""


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
        detail=_cut(detail),
    )
    whom = target_key or target_name
    what = (kind.value, by.key, by.via.value, " ".join(filter(None, (whom, room))))
    transaction.on_commit(partial(logger.info, "%s by %s (%s): %s", *what), using=database)
    return act


def add_to_record(act: Act, detail: str) -> None:
    """Let the entry of an act that goes on in batches say how far it is by now."""
    act.detail = _cut(detail)
    act.save(using=conf.current().database, update_fields=["detail"])


def _cut(detail: str) -> str:
    return detail if len(detail) <= DETAIL_MOST else f"{detail[: DETAIL_MOST - 1]}…"


def messages_of(seqs: Iterable[int]) -> str:
    """Messages by number, as the record has them: ``200 messages: 1–150, 205–254``.

    Where there is no room for all of them the last are counted: ``and 12 more``.
    """
    numbers = sorted(seqs)
    if len(numbers) == 1:
        return f"message {numbers[0]}"
    spans: list[tuple[int, int]] = []
    for seq in numbers:
        if spans and spans[-1][1] == seq - 1:
            spans[-1] = (spans[-1][0], seq)
        else:
            spans.append((seq, seq))
    more = 0
    while len(said := _said(spans, len(numbers), more)) > DETAIL_MOST:
        first, last = spans.pop()
        more += last - first + 1
    return said


def _said(spans: Iterable[tuple[int, int]], count: int, more: int) -> str:
    named = ", ".join(f"{first}" if first == last else f"{first}–{last}" for first, last in spans)
    return f"{count} messages: {named}" + (f" and {more} more" if more else "")
