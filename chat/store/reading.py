"""Reading the log: forward from a position, and backward in pages."""

from __future__ import annotations

from django.db.models import QuerySet

from chat import conf
from chat.models import Message, Room
from chat.protocol.events import Message as MessageEvent
from chat.store.entries import FIELDS, Entry, message, of_row


def _log(room_pk: int) -> QuerySet[Message]:
    return Message.objects.using(conf.current().database).filter(room=room_pk).order_by("seq")


def read_after(room: Room, after: int, upto: int) -> list[Entry]:
    """The entries with ``after < seq <= upto``, ascending."""
    rows = _log(room.pk).filter(seq__gt=after, seq__lte=upto).values_list(*FIELDS)
    return [of_row(room.slug, row) for row in rows]


def newest(room: Room, most: int) -> list[Entry]:
    """The last ``most`` entries, ascending."""
    rows = _log(room.pk).order_by("-seq").values_list(*FIELDS)[:most]
    return [of_row(room.slug, row) for row in reversed(rows)]


def start_of_last(room: Room, messages: int, upto: int) -> int:
    """The position after which the last ``messages`` messages up to ``upto`` lie."""
    seqs = (
        _log(room.pk)
        .filter(kind=Message.Kind.POST, seq__lte=upto)
        .order_by("-seq")
        .values_list("seq", flat=True)[:messages]
    )
    oldest = min(seqs, default=upto + 1)
    return oldest - 1


def page_before(room: Room, before: int, limit: int) -> tuple[list[MessageEvent], bool]:
    """The ``limit`` messages just before ``before``, ascending, and whether there are older."""
    rows = list(
        _log(room.pk)
        .filter(kind=Message.Kind.POST, seq__lt=before)
        .order_by("-seq")
        .values_list(*FIELDS)[: limit + 1]
    )
    page = [message(room.slug, row) for row in reversed(rows[:limit])]
    return page, len(rows) > limit
