"""Reading the log: forward from a position, and backward in pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    F,
    IntegerField,
    OuterRef,
    QuerySet,
    Subquery,
    When,
)
from django.db.models.functions import TruncMinute

from chat import conf
from chat.models import Message, Room
from chat.protocol.events import Message as MessageEvent
from chat.store.entries import FIELDS, Entry, message, of_row

UNREAD_MOST = 100
"""What is unread is counted up to here."""

UNREAD_SPAN = 1000
"""The newest events of a room that are looked at for it, however many are not for the asker."""

COUNTED_MOST = 20_000
"""The newest events of a room that are counted by their minutes."""

# Within the parameters that a query on SQLite may have: three for each room.
ROOMS_AT_ONCE = 300


def _log(room: Room) -> QuerySet[Message]:
    """The log as anybody may see it: what lies at or before ``pruned`` is gone, or about to go."""
    log = Message.objects.using(conf.current().database).filter(room=room.pk)
    return log.filter(seq__gt=room.pruned).exclude(kind=Message.Kind.PRUNED).order_by("seq")


def read_after(room: Room, after: int, upto: int) -> list[Entry]:
    """The entries with ``after < seq <= upto``, ascending."""
    rows = _log(room).filter(seq__gt=after, seq__lte=upto).values_list(*FIELDS)
    return [of_row(room.slug, row) for row in rows]


def newest(room: Room, most: int) -> list[Entry]:
    """The last ``most`` entries, ascending."""
    rows = _log(room).order_by("-seq").values_list(*FIELDS)[:most]
    return [of_row(room.slug, row) for row in reversed(rows)]


def start_of_last(room: Room, messages: int, upto: int) -> int:
    """The position after which the last ``messages`` messages up to ``upto`` lie."""
    seqs = (
        _log(room)
        .filter(kind=Message.Kind.POST, seq__lte=upto)
        .order_by("-seq")
        .values_list("seq", flat=True)[:messages]
    )
    oldest = min(seqs, default=upto + 1)
    return oldest - 1


def page_before(room: Room, before: int, limit: int) -> tuple[list[MessageEvent], bool]:
    """The ``limit`` messages just before ``before``, ascending, and whether there are older."""
    rows = list(
        _log(room)
        .filter(kind=Message.Kind.POST, seq__lt=before)
        .order_by("-seq")
        .values_list(*FIELDS)[: limit + 1]
    )
    page = [message(room.slug, row) for row in reversed(rows[:limit])]
    return page, len(rows) > limit


def posts_of(
    sender_key: str,
    since: datetime,
    room: Room | None = None,
    hidden: QuerySet[Room] | None = None,
) -> list[tuple[str, int]]:
    """What one sender has said since a moment and is still there, as (room, seq), oldest first.

    In ``room``, or in all rooms but ``hidden`` ones. By an index of senders and times.
    """
    posts = _posts_of(sender_key, since, room, hidden)
    return list(posts.order_by("at", "pk").values_list("room__slug", "seq"))


def count_posts_of(
    sender_key: str,
    since: datetime,
    room: Room | None = None,
    hidden: QuerySet[Room] | None = None,
) -> int:
    """How many that are."""
    return _posts_of(sender_key, since, room, hidden).count()


def _posts_of(
    sender_key: str, since: datetime, room: Room | None, hidden: QuerySet[Room] | None
) -> QuerySet[Message]:
    posts = Message.objects.using(conf.current().database).filter(
        sender_key=sender_key, at__gte=since, kind=Message.Kind.POST, deleted_at=None
    )
    posts = posts.filter(seq__gt=F("room__pruned"))
    if room is not None:
        posts = posts.filter(room=room.pk)
    if hidden is not None:
        posts = posts.exclude(room__in=hidden)
    return posts


def name_of(sender_key: str, hidden: QuerySet[Room] | None = None) -> str:
    """The name under which a sender last said something, in rooms that are not ``hidden``."""
    posts = Message.objects.using(conf.current().database).filter(sender_key=sender_key)
    if hidden is not None:
        posts = posts.exclude(room__in=hidden)
    return posts.order_by("-at").values_list("sender_name", flat=True).first() or ""


class _Counted(Subquery):
    """How many rows a query has, of which it takes only some."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def unread(seen: Sequence[tuple[Room, int]], sender_key: str) -> dict[int, int]:
    """How many messages of others there are in each room after a seq, by its primary key.

    One query for 300 rooms; each walks down from the head, and ends after ``UNREAD_MOST`` messages
    or ``UNREAD_SPAN`` events.
    """
    floors = {
        room.pk: max(seq, room.pruned, room.head - UNREAD_SPAN)
        for room, seq in seen
        if room.head > seq
    }
    database = conf.current().database
    log = Message.objects.using(database).filter(
        room=OuterRef("pk"), seq__gt=OuterRef("floor"), kind=Message.Kind.POST, deleted_at=None
    )
    others = log.exclude(sender_key=sender_key).order_by("-seq").values("pk")[:UNREAD_MOST]
    found: dict[int, int] = {}
    pks = list(floors)
    for first in range(0, len(pks), ROOMS_AT_ONCE):
        some = pks[first : first + ROOMS_AT_ONCE]
        cases = (When(pk=pk, then=floors[pk]) for pk in some)
        rooms = Room.objects.using(database).filter(pk__in=some).order_by()
        rooms = rooms.annotate(floor=Case(*cases, output_field=BigIntegerField()))
        found.update(rooms.values_list("pk", _Counted(others)))
    return found


def counts_by_minute(room: Room, since: datetime) -> dict[datetime, int]:
    """How many events the log got in each minute from ``since`` on, where it got any.

    Times have no index, so that only the newest ``COUNTED_MOST`` events are looked at.
    """
    rows = _log(room).filter(seq__gt=room.head - COUNTED_MOST, at__gte=since).order_by()
    minutes = rows.annotate(minute=TruncMinute("at")).values_list("minute")
    return dict(minutes.annotate(count=Count("pk")))
