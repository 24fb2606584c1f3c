"""Rooms: opening, making, listing, and taking away those nobody used."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.db import connections, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from msgspec import Struct

from chat import conf
from chat.models import Membership, Room, new_epoch
from chat.protocol import MAIN
from chat.store.entries import Entry
from chat.store.reading import newest
from chat.store.roster import occupied

ROOMS_LISTED = 500
"""The most rooms one list shows: one's own and ``main``, then by name."""

# Within the parameters that a query on SQLite may have.
USERS_AT_ONCE = 500


class Opened(Struct, frozen=True):
    """A room and the newest entries of its log."""

    room: Room
    tail: list[Entry]


POLICY = (
    "id",
    "slug",
    "epoch",
    "title",
    "kind",
    "guests",
    "slow_mode",
    "max_length",
    "locked",
    "archived",
    "pruned",
)
"""The fields of a room's row that its sessions depend on."""


def policy_of(room: Room) -> Sequence[object]:
    """The values of ``POLICY``."""
    return tuple(getattr(room, name) for name in POLICY)


def find_room(slug: str) -> Room | None:
    """The room of that name."""
    return Room.objects.using(conf.current().database).filter(slug=slug).first()


def open_room(slug: str, tail: int) -> Opened | None:
    """A room with its last ``tail`` entries; ``None`` where it is not there."""
    room = find_room(slug)
    if room is None:
        return None
    entries = newest(room, tail) if room.head else []
    if entries and entries[-1].seq > room.head:
        room.head = entries[-1].seq  # it went on between the two queries
    return Opened(room, entries)


def create_room(slug: str, *, epoch: str | None = None) -> None:
    """Make a public room, or leave it as it is where it is there already."""
    room = Room(slug=slug, transient=slug != MAIN)
    if epoch is not None:
        room.epoch = epoch
    Room.objects.using(conf.current().database).bulk_create([room], ignore_conflicts=True)


def renew_epochs(slugs: Collection[str] | None) -> dict[str, str]:
    """Give the rooms of those names (``None``: all) a new epoch; which, by name."""
    database = conf.current().database
    with transaction.atomic(using=database):
        rooms = Room.objects.using(database).select_for_update().order_by("pk")
        found = list(rooms if slugs is None else rooms.filter(slug__in=list(slugs)))
        for room in found:
            room.epoch = new_epoch()
        rooms.bulk_update(found, ["epoch"], batch_size=500)
    return {room.slug: room.epoch for room in found}


def remove_transient(slug: str, *, node: int | None = None) -> bool:
    """Take a room away that was made by joining and never used since; whether it went.

    It stays where the roster has somebody in it, in any process but ``node``, which is the caller's
    own: who is there it knows better than its rows do.
    """
    database = conf.current().database
    if occupied(slug, but=node):
        return False  # for which nobody who posts has to wait
    with transaction.atomic(using=database):
        # Locked before it is looked at: somebody may be posting the first message just now.
        list(Room.objects.using(database).select_for_update().filter(slug=slug, transient=True))
        room = _unused().filter(slug=slug).first()
        if room is None or occupied(slug, but=node):
            return False
        room.delete()
    return True


def unused_rooms() -> list[str]:
    """The names of rooms that were made by joining and never used since."""
    return list(_unused().values_list("slug", flat=True)[:ROOMS_LISTED])


def _unused() -> QuerySet[Room]:
    """Rooms that were made by joining, and have neither messages nor members."""
    database = conf.current().database
    members = Membership.objects.using(database).filter(room=OuterRef("pk"))
    return Room.objects.using(database).filter(~Exists(members), transient=True, head=0)


def open_rooms() -> list[str]:
    """The names of all rooms that can be written to."""
    rooms = Room.objects.using(conf.current().database).filter(archived=False)
    return list(rooms.order_by("pk").values_list("slug", flat=True))


def heads(slugs: Collection[str]) -> dict[str, Room]:
    """The rooms of those names as they now are."""
    rooms = Room.objects.using(conf.current().database)
    return {room.slug: room for room in rooms.filter(slug__in=list(slugs))}


def standings(pks: Collection[int]) -> dict[int, Sequence[Any]]:
    """Where rooms stand, by primary key: the head, and after it the values of ``POLICY``.

    For what is asked of every room in every beat. Of a thousand, ``heads`` takes 14 ms; rows
    as they are, without a model of each and without their values converted, 4 ms; found by numbers
    that are part of the statement, instead of by names that are parameters, 2 ms. (SQLite's 0 and 1
    are equal to False and True.)
    """
    if not pks:
        return {}
    connection = connections[conf.current().database]
    quote = connection.ops.quote_name
    columns, table = ", ".join(map(quote, ("head", *POLICY))), quote(Room._meta.db_table)
    numbers = ", ".join(str(int(pk)) for pk in pks)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM {table} WHERE id IN ({numbers})"  # noqa: S608 - names of the model's, and numbers
        )
        return {row[1]: row for row in cursor.fetchall()}  # the policy begins with the key


def roles_in(room_pk: int, user_pks: Collection[Any]) -> dict[Any, str]:
    """The roles in a room of those among the users who are members, by their primary key."""
    memberships = Membership.objects.using(conf.current().database).filter(room=room_pk)
    pks = list(user_pks)
    roles: dict[Any, str] = {}
    for first in range(0, len(pks), USERS_AT_ONCE):
        some = memberships.filter(user__in=pks[first : first + USERS_AT_ONCE])
        roles.update(some.values_list("user_id", "role"))
    return roles


def roles_at(places: Collection[tuple[int, Any]]) -> dict[tuple[int, Any], str]:
    """The roles of users in rooms, for those among (room, user) that are memberships."""
    memberships = Membership.objects.using(conf.current().database)
    wanted, half = list(places), USERS_AT_ONCE // 2
    roles: dict[tuple[int, Any], str] = {}
    for first in range(0, len(wanted), half):
        some = wanted[first : first + half]
        found = memberships.filter(
            room__in={room for room, _ in some}, user__in={user for _, user in some}
        )
        roles.update({(room, user): role for room, user, role in found.values_list(*_PLACE)})
    return {place: roles[place] for place in wanted if place in roles}


_PLACE = ("room_id", "user_id", "role")


def rooms_of(user_pk: Any) -> list[tuple[Room, str | None]]:
    """The rooms a user (``None``: a guest) may know of, by name, each with the user's role."""
    database = conf.current().database
    roles: dict[int, str] = {}
    if user_pk is not None:
        memberships = Membership.objects.using(database).filter(user=user_pk)
        roles = dict(memberships.values_list("room_id", "role"))
    rooms = Room.objects.using(database).filter(Q(archived=False) | Q(slug=MAIN))
    own = list(rooms.filter(Q(pk__in=list(roles)) | Q(slug=MAIN))[:ROOMS_LISTED])
    others = rooms.filter(kind=Room.Kind.PUBLIC).exclude(pk__in=[room.pk for room in own])
    found = [*own, *others[: ROOMS_LISTED - len(own)]]
    return [(room, roles.get(room.pk)) for room in sorted(found, key=lambda room: room.slug)]
