"""Rooms' whole histories: clearing and pruning them, beginning new epochs, deleting all of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import chain

from django.db import transaction

from chat import conf, store
from chat.broadcast import after_commit, tell_all
from chat.hub import signals
from chat.models import Act, Room
from chat.moderation.batches import paced, put_down, settle_soon
from chat.protocol.errors import UnknownRoom
from chat.store import Actor

SWEPT_FOR = 20.0
"""Seconds that clearing rooms takes at most, so that no server gives up the request for it."""


def clear_history(*rooms: Room, by: Actor, reason: str = "") -> None:
    """Take away all that was said in ``rooms``; everyone in them starts over at once.

    Nobody sees any of it from the first transaction on; the rows go in batches after that. What is
    left of them after ``SWEPT_FOR`` goes with ``sweep_what_is_left``. Raises ``UnknownRoom`` and
    changes nothing where one is not there.
    """
    with transaction.atomic(using=_database()):
        for room in _in_order(rooms):
            cleared = store.clear(room.slug)
            if cleared is None:
                raise UnknownRoom(f"there is no room {room.slug!r}")
            detail = f"up to {cleared.pruned}"
            store.record(Act.Kind.CLEAR, by, room=room.slug, reason=reason, detail=detail)
            after_commit(partial(tell_all, signals.Altered(room.slug)))
    enough = time.monotonic() + SWEPT_FOR
    for _ in chain.from_iterable(paced(partial(store.sweep, room.pk)) for room in rooms):
        if time.monotonic() > enough:
            break
    settle_soon()


def prune(
    room: Room, *, before: datetime, by: Actor, reason: str = "", batch: int = 1000
) -> Iterator[int]:
    """Remove from the beginning of ``room``'s log what is older than ``before``.

    Does it while it is iterated over, and says of each batch how many entries went. Each is a short
    transaction, after which it rests for as long: posting goes on meanwhile. It is one entry of the
    record, which says how far it is by now; none where nothing is that old.
    """
    begin = partial(store.record, Act.Kind.PRUNE, by, room=room.slug, reason=reason)
    act, removed = None, 0

    def step() -> int:
        nonlocal act, removed
        with transaction.atomic(using=_database()):
            count = store.prune(room.pk, before, batch)
            if count:
                removed += count
                act = put_down(act, f"{removed} entries before {before:%Y-%m-%d %H:%M %Z}", begin)
        return count

    try:
        yield from paced(step)
    finally:
        if removed:
            after_commit(partial(tell_all, signals.Altered(room.slug)))
            settle_soon()


def sweep_what_is_left() -> int:
    """Delete the rows that clearing and deleting rooms have left; how many. Blocks for that long.

    In short transactions, after each of which it rests for as long.
    """
    rooms = store.unswept()
    swept = sum(count for pk in rooms for count in paced(partial(store.sweep, pk)))
    if swept:
        settle_soon()
    return swept


def delete_rooms(rooms: Iterable[Room], *, by: Actor, reason: str = "") -> None:
    """Delete ``rooms`` with all that was said in them; everyone in them leaves.

    Nobody sees any of it from a room's first transaction on. The rows go in batches after that, and
    the room with the last of them: where that breaks off, there is an empty room to be deleted.
    """
    for room in _in_order(rooms):
        altered = partial(tell_all, signals.Altered(room.slug))
        with transaction.atomic(using=_database()):
            if store.clear(room.slug) is None:
                continue
            act = store.record(
                Act.Kind.ROOM, by, room=room.slug, reason=reason, detail="is being deleted"
            )
            after_commit(altered)
        for _ in paced(partial(store.sweep, room.pk)):
            pass
        with transaction.atomic(using=_database()):
            store.remove(room.pk)
            store.add_to_record(act, "deleted")
            after_commit(altered)
    settle_soon()


def new_epochs(rooms: Iterable[str] | None, *, by: Actor, reason: str = "") -> dict[str, str]:
    """Give rooms (``None``: every room) a new epoch; which, by name.

    Raises ``UnknownRoom`` and changes nothing where a name is not there.
    """
    wanted = None if rooms is None else set(rooms)
    with transaction.atomic(using=_database()):
        changed = store.renew_epochs(wanted)
        missing = sorted((wanted or set()) - changed.keys())
        if missing:
            raise UnknownRoom(f"there is no room {', '.join(missing)}")
        if wanted is None:
            detail = f"every room: {len(changed)}"
            store.record(Act.Kind.EPOCH, by, reason=reason, detail=detail)
        else:
            for slug in sorted(changed):
                store.record(Act.Kind.EPOCH, by, room=slug, reason=reason)
        after_commit(partial(tell_all, signals.Look()))
    return changed


def _in_order(rooms: Iterable[Room]) -> list[Room]:
    """As ``store.append`` locks them, lest two wait for each other."""
    return sorted(rooms, key=lambda room: room.pk)


def _database() -> str:
    return conf.current().database
