"""Taking the beginning of a log away: what is old, or all of it.

What lies at or before ``Room.pruned`` is gone: readers pass it by from the transaction on that
moves ``pruned``, and nobody resumes from before it. The rows themselves may go later.

An entry that stays may point at a message that goes. Of that message a row without sender and text
is left (``PRUNED``) until the entry goes too, and an edit that points there says no longer what the
message became but that its text is gone.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from chat import conf
from chat.models import Message, Room, new_epoch

SWEPT_AT_ONCE = 500
"""Rows that one transaction deletes: a tenth of a second on a slow disk."""


def prune(room_pk: int, before: datetime, most: int) -> int:
    """Take away the first entries of a room's log as long as they are older than ``before``.

    At most ``most``, in one transaction. How many seqs went. Only ever a prefix: where times do not
    ascend as the seqs do, what is old stays behind what is not.
    """
    with transaction.atomic(using=conf.current().database):
        room = _locked().filter(pk=room_pk).first()
        if room is None:
            return 0
        upto = room.pruned
        following = _log(room).filter(seq__gt=upto).order_by("seq")
        for seq, at in following.values_list("seq", "at")[:most]:
            if at >= before:
                break
            upto = seq
        removed = upto - room.pruned
        if removed:
            _empty_targets(room, upto)
            # With those that were left of others, if what pointed at them goes now.
            going = Q(seq__gt=room.pruned) | Q(kind=Message.Kind.PRUNED)
            rows = _log(room).filter(going, seq__lte=upto)
            _delete(rows.exclude(_pointed_at_after(upto)))
            room.pruned = upto
            room.save(using=conf.current().database, update_fields=["pruned"])
    return removed


def clear(slug: str) -> Room | None:
    """Let all that a room's log has be gone, and another epoch begin; the room as it is then.

    The rows are left to ``sweep``: there may be many, and nobody can post while they go.
    """
    with transaction.atomic(using=conf.current().database):
        room = _locked().filter(slug=slug).first()
        if room is not None:
            room.epoch, room.pruned = new_epoch(), room.head
            room.save(using=conf.current().database, update_fields=["epoch", "pruned"])
    return room


def sweep(room_pk: int) -> int:
    """Delete rows of what is gone, some of them in one transaction; how many.

    The newest first: an entry points at an earlier one, which has to be there.
    """
    with transaction.atomic(using=conf.current().database):
        room = _locked().filter(pk=room_pk).first()
        if room is None:
            return 0
        gone = _log(room).filter(seq__lte=room.pruned)
        gone = gone.exclude(_pointed_at_after(room.pruned))
        seqs = list(gone.order_by("-seq").values_list("seq", flat=True)[:SWEPT_AT_ONCE])
        return _delete(gone.filter(seq__gte=seqs[-1])) if seqs else 0


def unswept() -> list[int]:
    """The rooms that still have rows of what is gone, and that ``sweep`` would delete."""
    database = conf.current().database
    gone = Message.objects.using(database).filter(room=OuterRef("pk"), seq__lte=OuterRef("pruned"))
    gone = gone.exclude(kind=Message.Kind.PRUNED)
    rooms = Room.objects.using(database).filter(Exists(gone), pruned__gt=0)
    return list(rooms.order_by("pk").values_list("pk", flat=True))


def remove(room_pk: int) -> None:
    """Delete a room with what its log still has: what is swept before keeps nobody waiting now."""
    database = conf.current().database
    with transaction.atomic(using=database):
        # Nobody may add to the log while it goes.
        room = _locked().filter(pk=room_pk).first()
        if room is not None:
            _delete(_log(room))
            room.delete(using=database)


def _locked() -> QuerySet[Room]:
    return Room.objects.using(conf.current().database).select_for_update()


def _log(room: Room) -> QuerySet[Message]:
    return Message.objects.using(conf.current().database).filter(room=room.pk)


def _pointed_at_after(upto: int) -> Exists:
    """Whether an entry after ``upto`` points at a row."""
    database = conf.current().database
    changes = Message.objects.using(database).filter(target=OuterRef("pk"), seq__gt=upto)
    return Exists(changes)


def _empty_targets(room: Room, upto: int) -> None:
    """Leave nothing but their place of those messages that entries after ``upto`` point at."""
    ours = _log(room).filter(seq__gt=room.pruned, seq__lte=upto, kind=Message.Kind.POST)
    targets = list(ours.filter(_pointed_at_after(upto)).values_list("pk", flat=True))
    for first in range(0, len(targets), 500):
        some = targets[first : first + 500]
        log = Message.objects.using(conf.current().database)
        log.filter(target__in=some, kind=Message.Kind.EDIT).update(kind=Message.Kind.DELETE)
        log.filter(pk__in=some).update(
            kind=Message.Kind.PRUNED,
            sender_key="",
            sender_name="",
            client_id=None,
            text="",
            edited_at=None,
            deleted_at=None,
        )


def _delete(rows: QuerySet[Message]) -> int:
    """Delete ``rows`` in one statement: Django's own loads every row that may be pointed at."""
    return rows._raw_delete(conf.current().database)
