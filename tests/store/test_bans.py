"""Bans in the database: made, read, compared, lifted, on SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat import store
from chat.access import Restraint
from chat.models import Act, Ban, Connection, Membership, Node, Room
from chat.store import Actor
from tests.store.drafts import in_threads, wait_for_a_lock

BY = Actor(key="s:Site", name="Site", via=Act.Via.CODE)


def room(database: str, slug: str = "main") -> Room:
    return Room.objects.using(database).create(slug=slug)


def kinds(database: str) -> list[str]:
    """The acts there are."""
    return list(Act.objects.using(database).order_by("pk").values_list("kind", flat=True))


def test_what_is_imposed_restrains_until_it_ends(database: str) -> None:
    main, now = room(database), timezone.now()
    store.impose(Ban.Kind.BAN, BY, key="u:7", name="ann", reason="rude")
    until = now + timedelta(hours=1)
    store.impose(Ban.Kind.MUTE, BY, network="10.0.0.0/8", room=main, until=until)
    store.impose(Ban.Kind.MUTE, BY, key="u:8", until=now - timedelta(hours=1))
    wanted = [
        Restraint(kind="ban", key="u:7", reason="rude"),
        Restraint(kind="mute", network="10.0.0.0/8", room="main", until=until),
    ]
    assert sorted(store.restraints(), key=lambda each: each.kind) == wanted
    assert store.restraints("u:7") == store.restraints()
    assert store.restraints("u:9") == wanted[1:]


@pytest.mark.parametrize("end", ["9000-01-01T00:00:00+00:00", "9999-12-31T23:59:59-05:00"])
def test_end_that_could_not_be_read_back_is_refused(database: str, end: str) -> None:
    with pytest.raises(ValueError, match="too late"):
        store.impose(Ban.Kind.MUTE, BY, key="g:7", until=datetime.fromisoformat(end))
    assert (store.restraints(), kinds(database)) == ([], [])
    latest = datetime.fromisoformat("8999-12-31T23:59:59+00:00")
    store.impose(Ban.Kind.MUTE, BY, key="g:7", until=latest)
    assert [each.until for each in store.restraints()] == [latest]


@pytest.mark.parametrize("offset", ["+23:59", "-23:59", "+00:00"])
def test_end_may_have_any_offset(database: str, offset: str) -> None:
    """PostgreSQL takes none of sixteen hours and more."""
    end = datetime.fromisoformat(f"2100-01-01T00:00:00{offset}")
    store.impose(Ban.Kind.MUTE, BY, key="g:7", until=end)
    assert [each.until for each in store.restraints()] == [end]


@pytest.mark.parametrize("kind", Ban.Kind)
def test_room_that_would_go_stays_for_what_is_imposed_in_it(database: str, kind: Ban.Kind) -> None:
    store.create_room("party")
    party = Room.objects.using(database).get(slug="party")
    store.impose(kind, BY, key="g:7", room=party)
    assert not store.remove_transient("party")
    (restraint,) = store.restraints("g:7")
    assert restraint.room == "party"
    store.create_room("other")
    assert store.remove_transient("other")


def test_two_who_ban_one_person_at_once_both_do(database: str) -> None:
    """The second waits for the first to commit, and then replaces what that has made."""
    lobby = room(database, "lobby")
    ban = partial(store.impose, Ban.Kind.BAN, BY, key="g:7", room=lobby)
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic(using=database):
            ban(reason="first")
            second = threads.submit(in_threads, [partial(ban, reason="second")])
            if connections[database].vendor == "postgresql":
                wait_for_a_lock(database)
        second.result()
    assert [each.reason for each in store.restraints()] == ["second"]
    assert kinds(database) == ["ban", "ban"]


def test_mark_differs_where_bans_do(database: str) -> None:
    marks = [store.mark_of_bans()]
    first = store.impose(Ban.Kind.BAN, BY, key="u:7")
    marks.append(store.mark_of_bans())
    store.impose(Ban.Kind.BAN, BY, key="u:7", reason="another")
    marks.append(store.mark_of_bans())
    last = store.impose(Ban.Kind.BAN, BY, key="u:8")
    marks.append(store.mark_of_bans())
    assert len(set(marks)) == 4
    store.lift(last, BY)
    store.lift(first, BY)  # which is not there any more
    assert store.mark_of_bans() == marks[2]


def test_bans_are_compared_in_one_query_and_read_in_one(database: str) -> None:
    for number in range(50):
        store.impose(Ban.Kind.BAN, BY, key=f"u:{number}")
    for ask in (store.mark_of_bans, store.restraints):
        with CaptureQueriesContext(connections[database]) as queries:
            ask()
        assert len(queries) == 1


def test_all_that_somebody_has_in_a_room_is_lifted_and_nothing_else(database: str) -> None:
    main, side = room(database), room(database, "side")
    for place in (main, side, None):
        store.impose(Ban.Kind.MUTE, BY, key="u:7", room=place)
    store.impose(Ban.Kind.BAN, BY, key="u:7", room=main)
    assert store.lift_all(Ban.Kind.MUTE, BY, key="u:7", room=main)
    assert not store.lift_all(Ban.Kind.MUTE, BY, key="u:7", room=main)
    rows = Ban.objects.using(database).order_by("pk").values_list("kind", "room__slug")
    assert list(rows) == [("mute", "side"), ("mute", None), ("ban", "main")]
    assert kinds(database)[-1] == "unmute"


def test_who_is_expelled_is_no_member_of_that_room(database: str) -> None:
    main, side = room(database), room(database, "side")
    ann = User.objects.using(database).create(username="ann")
    for place in (main, side):
        Membership.objects.using(database).create(room=place, user=ann)
    ban = store.expel(main, BY, key=f"u:{ann.pk}", name="ann")
    assert [row.room for row in Membership.objects.using(database)] == [side]
    assert (ban.kind, ban.room) == ("ban", main)
    store.expel(main, BY, key="g:1073741831")
    assert kinds(database) == ["remove", "remove"]


def test_maker_of_a_ban_is_named_where_it_is_a_user(database: str) -> None:
    ann = User.objects.using(database).create(username="ann")
    by = Actor(key=f"u:{ann.pk}", name="ann", via=Act.Via.CHAT)
    assert store.impose(Ban.Kind.BAN, by, key="u:7").created_by == ann
    ann.delete()
    assert store.impose(Ban.Kind.BAN, by, key="u:7").created_by is None
    assert store.impose(Ban.Kind.BAN, BY, key="u:7").created_by is None


def test_roles_are_told_by_place(database: str) -> None:
    places = [room(database), room(database, "side")]
    users = [User.objects.using(database).create(username=f"user{n}") for n in range(600)]
    Membership.objects.using(database).bulk_create(
        [Membership(room=places[n % 2], user=user, role="owner") for n, user in enumerate(users)]
    )
    asked = {(place.pk, user.pk) for place in places for user in users}
    found = store.roles_at(asked)
    assert found == {(places[n % 2].pk, user.pk): "owner" for n, user in enumerate(users)}
    assert store.roles_at([]) == {}


def test_sessions_are_asked_to_close_of_their_own_node(database: str) -> None:
    nodes = [Node.objects.using(database).create(name=name) for name in "ab"]
    for number in range(4):
        Connection.objects.using(database).create(
            node=nodes[number % 2], session=f"s{number}", sender_key="u:7", sender_name="x"
        )
    store.ask_to_close(["s0", "s1", "s2", "gone"], 4503)
    assert store.to_close(nodes[0].pk) == {"s0": 4503, "s2": 4503}
    assert store.to_close(nodes[1].pk) == {"s1": 4503}
