from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction

from chat import store
from chat.models import Membership, Message, Room
from chat.store import SessionRow
from chat.store import rooms as store_rooms
from tests.store.drafts import in_threads, live_room, post, say, wait_for_a_lock


def test_room_is_opened_with_the_newest_of_its_log(database: str) -> None:
    say(5)
    opened = store.open_room("main", 3)
    assert opened is not None
    assert opened.room.head == 5
    assert [entry.seq for entry in opened.tail] == [3, 4, 5]


def test_room_without_a_log_is_opened(database: str) -> None:
    store.create_room("main")
    opened = store.open_room("main", 3)
    assert opened is not None
    assert (opened.room.head, opened.tail) == (0, [])


def test_room_that_is_not_there_is_not_opened(database: str) -> None:
    assert store.open_room("main", 3) is None
    assert store.find_room("main") is None


def test_room_that_goes_on_while_it_is_opened_has_the_newer_head(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(2)
    newest = store.newest

    def later(room: Room, most: int) -> list[store.Entry]:
        store.append([post(3)])
        return newest(room, most)

    monkeypatch.setattr(store_rooms, "newest", later)
    opened = store.open_room("main", 9)
    assert opened is not None
    assert opened.room.head == 3
    assert [entry.seq for entry in opened.tail] == [1, 2, 3]


def test_room_that_is_made_is_transient_but_main(database: str) -> None:
    store.create_room("brief", epoch="e1")
    store.create_room("main")
    brief, main = live_room(database, "brief"), live_room(database)
    assert (brief.transient, brief.epoch, brief.kind) == (True, "e1", "public")
    assert (main.transient, len(main.epoch)) == (False, 8)


def test_making_a_room_that_is_there_leaves_it_as_it_is(database: str) -> None:
    store.create_room("brief", epoch="e1")
    say(1, "brief")
    store.create_room("brief", epoch="e2")
    made = live_room(database, "brief")
    assert (made.epoch, made.head) == ("e1", 1)


def test_rooms_of_many_threads_are_made_once(database: str) -> None:
    in_threads([partial(store.create_room, "brief") for _ in range(8)])
    assert Room.objects.using(database).count() == 1


def test_only_an_unused_room_made_by_joining_is_removed(database: str) -> None:
    store.create_room("unused")
    store.create_room("used")
    say(1, "used")
    Room.objects.using(database).create(slug="meant")
    store.create_room("main")
    removed = [store.remove_transient(s) for s in ("unused", "used", "meant", "main", "nope")]
    assert removed == [True, False, False, False, False]
    assert set(Room.objects.using(database).values_list("slug", flat=True)) == {
        "main",
        "meant",
        "used",
    }


def test_room_that_anybody_is_in_on_another_process_is_not_removed(database: str) -> None:
    store.create_room("brief")
    own, other = store.enroll("own"), store.enroll("other")

    def sit(node: int, session: str, rooms: list[str]) -> None:
        row = SessionRow(session=session, sender_key="g:1", sender_name="n", rooms=rooms)
        store.revise(node, 1, [row], [])

    sit(own, "s1", ["brief"])
    sit(other, "s2", ["main", "brief"])
    assert not store.remove_transient("brief", node=own)
    sit(other, "s2", ["main", "briefs"])
    assert not store.remove_transient("brief")
    assert store.remove_transient("brief", node=own)


def test_room_with_a_first_message_on_its_way_is_not_removed(database: str) -> None:
    """The message is committed, and acknowledged, while the removal waits for its turn."""
    store.create_room("busy")
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic(using=database):
            say(1, "busy")
            removing = threads.submit(in_threads, [partial(store.remove_transient, "busy")])
            if connections[database].vendor == "postgresql":
                wait_for_a_lock(database)
        assert removing.result() == [False]
    assert live_room(database, "busy").head == 1
    assert Message.objects.using(database).filter(room__slug="busy").count() == 1


def test_room_with_members_is_not_removed(database: str) -> None:
    store.create_room("board")
    ann = User.objects.using(database).create(username="ann")
    membership = Membership.objects.using(database).create(
        room=live_room(database, "board"), user=ann
    )
    assert store.unused_rooms() == []
    assert not store.remove_transient("board")
    membership.delete()
    assert store.unused_rooms() == ["board"]
    assert store.remove_transient("board")


def test_unused_rooms_are_those_made_by_joining_and_never_written_to(database: str) -> None:
    for slug in ("unused", "used", "main"):
        store.create_room(slug)
    say(1, "used")
    Room.objects.using(database).create(slug="meant")
    assert store.unused_rooms() == ["unused"]


def test_heads_are_the_rows_of_those_that_are_there(database: str) -> None:
    say(2)
    store.create_room("other")
    found = store.heads(["main", "other", "nope"])
    assert {slug: room.head for slug, room in found.items()} == {"main": 2, "other": 0}
    assert store.heads([]) == {}


def test_standings_tell_what_of_a_room_has_changed(database: str) -> None:
    say(2)
    store.create_room("other")
    main, other = live_room(database).pk, live_room(database, "other").pk
    before = store.standings([main, other, 999])
    assert {pk: head for pk, (head, *_) in before.items()} == {main: 2, other: 0}
    assert store.standings([]) == {}
    say(3)
    assert store.standings([main]) == {main: (3, *before[main][1:])}
    changes = {"title": "T", "kind": "private", "guests": "none", "slow_mode": 5, "max_length": 9}
    changes |= {"locked": True, "archived": True, "pruned": 1, "epoch": "new", "slug": "renamed"}
    assert {"id", *changes} == set(store_rooms.POLICY)
    policy = before[main][1:]
    for field, value in changes.items():
        Room.objects.using(database).filter(pk=main).update(**{field: value})
        _, *found = store.standings([main])[main]
        assert tuple(found) != policy, field
        policy = tuple(found)
        assert policy == store.policy_of(Room.objects.using(database).get(pk=main)), field


def test_new_epochs_are_given_to_those_named_or_to_all(database: str) -> None:
    for slug in "abc":
        store.create_room(slug)
    before = {slug: live_room(database, slug).epoch for slug in "abc"}
    changed = store.renew_epochs(["a", "nope"])
    assert list(changed) == ["a"]
    assert live_room(database, "a").epoch == changed["a"] != before["a"]
    assert live_room(database, "b").epoch == before["b"]
    assert set(store.renew_epochs(None)) == {"a", "b", "c"}
    assert live_room(database, "b").epoch != before["b"]


def test_roles_are_those_of_the_memberships(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_rooms, "USERS_AT_ONCE", 2)
    room = Room.objects.using(database).create(slug="a")
    other = Room.objects.using(database).create(slug="b")
    ann, bob, cy = (User.objects.using(database).create(username=name) for name in "abc")
    members = Membership.objects.using(database)
    members.create(room=room, user=ann, role=Membership.Role.OWNER)
    members.create(room=room, user=cy, role=Membership.Role.MEMBER)
    members.create(room=other, user=bob, role=Membership.Role.MODERATOR)
    everybody = [ann.pk, bob.pk, cy.pk]
    assert store.roles_in(room.pk, everybody) == {ann.pk: "owner", cy.pk: "member"}
    assert store.roles_in(room.pk, [bob.pk]) == {}


def test_rooms_of_somebody_are_the_public_ones_and_their_own(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = Room.objects.using(database)
    ann = User.objects.using(database).create(username="ann")
    for slug in ("b", "a"):
        rooms.create(slug=slug)
    rooms.create(slug="old", archived=True)
    private = rooms.create(slug="mine", kind=Room.Kind.PRIVATE)
    rooms.create(slug="others", kind=Room.Kind.PRIVATE)
    Membership.objects.using(database).create(room=private, user=ann)
    Membership.objects.using(database).create(
        room=rooms.get(slug="a"), user=ann, role=Membership.Role.MODERATOR
    )
    mine = [(room.slug, role) for room, role in store.rooms_of(ann.pk)]
    assert mine == [("a", "moderator"), ("b", None), ("mine", "member")]
    assert [(room.slug, role) for room, role in store.rooms_of(None)] == [("a", None), ("b", None)]
    monkeypatch.setattr(store_rooms, "ROOMS_LISTED", 1)
    assert len(store.rooms_of(ann.pk)) == 1


def test_rooms_of_somebody_are_their_own_and_main_where_there_are_too_many(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_rooms, "ROOMS_LISTED", 3)
    for slug in ("a", "b", "c", "main"):
        Room.objects.using(database).create(slug=slug)
    own = Room.objects.using(database).create(slug="zz", kind=Room.Kind.PRIVATE)
    ann = User.objects.using(database).create(username="ann")
    Membership.objects.using(database).create(room=own, user=ann)
    assert [room.slug for room, _ in store.rooms_of(ann.pk)] == ["a", "main", "zz"]
    assert [room.slug for room, _ in store.rooms_of(None)] == ["a", "b", "main"]
