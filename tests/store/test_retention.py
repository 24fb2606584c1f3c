"""Taking the beginning of a log away, on both databases."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from django.db import connections
from django.utils import timezone
from hypothesis import HealthCheck, given, settings

from chat import moderation, store
from chat.models import Act, Message, Room
from chat.protocol import events
from chat.protocol.errors import UnknownRoom
from chat.store import Actor, retention
from tests.store.drafts import ANN, BOB, delete, edit, event, live_room, post, say, seqs, stored

BY = Actor(key="u:9", name="mod", via=Act.Via.COMMAND)


def rows(database: str, slug: str = "main") -> list[tuple[int, str, str]]:
    """Return all rows of a room's log, those too that nobody is shown."""
    log = Message.objects.using(database).filter(room__slug=slug).order_by("seq")
    return list(log.values_list("seq", "kind", "text"))


def grow_old(database: str, upto: int) -> None:
    """Let what was said up to a seq have been said long ago."""
    log = Message.objects.using(database).filter(seq__lte=upto)
    log.update(at=timezone.now() - timedelta(days=100))


def prune(room: Room, batch: int = 1000) -> list[int]:
    """Prune what is older than a month."""
    before = timezone.now() - timedelta(days=30)
    return list(moderation.prune(room, before=before, by=BY, reason="age", batch=batch))


def readable(room: Room) -> list[int]:
    """Return the seqs that one who starts from the beginning is given."""
    return [entry.seq for entry in store.read_after(room, 0, room.head)]


# Pruning


@pytest.mark.parametrize(("batch", "removed"), [(1000, [7]), (3, [3, 3, 1]), (7, [7])])
def test_what_is_old_goes_in_batches(database: str, batch: int, removed: list[int]) -> None:
    say(10)
    grow_old(database, 7)
    assert prune(live_room(database), batch) == removed
    room = live_room(database)
    assert (room.pruned, room.head) == (7, 10)
    assert [seq for seq, *_ in rows(database)] == [8, 9, 10]
    assert prune(room) == []


def test_record_says_how_far_it_is_from_the_first_batch_on(database: str) -> None:
    say(10)
    grow_old(database, 7)
    room, before = live_room(database), timezone.now() - timedelta(days=30)
    acts = Act.objects.using(database).filter(kind=Act.Kind.PRUNE)
    details = []
    for _ in moderation.prune(room, before=before, by=BY, reason="age", batch=3):
        act = acts.get()
        assert (act.actor_key, act.via, act.room, act.reason) == ("u:9", "command", "main", "age")
        details.append(act.detail.partition(f" entries before {before:%Y-%m-%d}")[0])
    assert details == ["3", "6", "7"]
    prune(live_room(database))
    assert acts.count() == 1, "where nothing is old, nothing was done"


def test_only_the_beginning_of_the_log_goes(database: str) -> None:
    say(5)
    grow_old(database, 5)
    Message.objects.using(database).filter(seq=3).update(at=timezone.now())
    assert prune(live_room(database)) == [2]
    assert readable(live_room(database)) == [3, 4, 5]


def test_other_rooms_keep_theirs(database: str) -> None:
    say(3)
    store.create_room("other")
    store.append([post(1, "other")])
    grow_old(database, 3)
    prune(live_room(database))
    assert [seq for seq, *_ in rows(database, "other")] == [1]


def test_room_that_is_gone_has_nothing_to_prune(database: str) -> None:
    say(1)
    room = live_room(database)
    pk = room.pk
    room.delete(using=database)
    assert store.prune(pk, timezone.now(), 10) == store.sweep(pk) == 0
    assert store.clear("main") is None


def test_edit_of_what_was_pruned_stays_and_says_that_it_is_gone(database: str) -> None:
    say(2)
    store.append([edit(1, "secret"), edit(2, "kept")])
    grow_old(database, 1)
    prune(live_room(database))
    room = live_room(database)
    assert rows(database)[0] == (1, "pruned", "")
    assert "secret" not in repr(list(Message.objects.using(database).values()))
    first, second, third = (event(entry) for entry in store.read_after(room, 1, room.head))
    assert isinstance(first, events.Message)
    assert second == events.Deleted(room="main", seq=3, target=1, at=second.at)
    assert third == events.Edited(room="main", seq=4, target=2, text="kept", at=third.at)


def test_nothing_is_shown_of_what_is_left_of_a_pruned_message(database: str) -> None:
    say(3)
    store.append([delete(1), edit(2), post("last")])
    grow_old(database, 2)
    prune(live_room(database))
    room = live_room(database)
    assert [row[:2] for row in rows(database)][:2] == [(1, "pruned"), (2, "pruned")]
    assert readable(room) == [3, 4, 5, 6]
    assert [entry.seq for entry in store.newest(room, 100)] == [3, 4, 5, 6]
    page, more = store.page_before(room, 100, 2)
    assert ([message.seq for message in page], more) == ([3, 6], False)
    assert store.start_of_last(room, 50, room.head) == 2
    assert store.unread([(room, 0)], "u:5") == {room.pk: 2}
    outcomes = store.append([edit(1), delete(2)])
    assert [outcome.code for outcome in outcomes] == ["not_found"] * 2  # type: ignore[union-attr]
    since = timezone.now() - timedelta(days=1000)
    assert store.posts_of(ANN, since) == [("main", 3), ("main", 6)]
    assert store.count_posts_of(ANN, since) == 2
    assert store.count_posts_of(ANN, since, hidden=Room.objects.all()) == 0


def test_what_is_left_of_a_message_goes_with_what_points_at_it(database: str) -> None:
    say(1)
    store.append([edit(1), edit(1, "newer"), post("last")])
    for upto, left in ((1, [1, 2, 3, 4]), (2, [1, 3, 4]), (3, [4])):
        grow_old(database, upto)
        prune(live_room(database))
        assert [seq for seq, *_ in rows(database)] == left


def test_same_post_is_stored_again_after_it_was_pruned(database: str) -> None:
    say(2)
    grow_old(database, 1)
    prune(live_room(database))
    again, still = stored(store.append([post(1), post(2)]))
    assert (again.seq, again.duplicate) == (3, False)
    assert (still.seq, still.duplicate) == (2, True)


def test_posting_goes_on_while_a_long_log_is_pruned(database: str) -> None:
    say(2000)
    grow_old(database, 2000)
    done = threading.Event()
    posted: list[int] = []

    def talk() -> None:
        try:
            while not done.wait(0.005):  # SQLite's waiters look only now and then
                posted.extend(seqs(store.append([post(f"new {len(posted)}", sender=BOB)])))
        finally:
            connections.close_all()

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        while talker.is_alive() and not posted:
            time.sleep(0.001)
        removed = prune(live_room(database), batch=50)
    finally:
        done.set()
        talker.join()
    assert (sum(removed), len(removed)) == (2000, 40)
    assert len(posted) >= 10
    assert readable(live_room(database)) == posted == list(range(2001, 2001 + len(posted)))


# Clearing


@pytest.mark.parametrize("swept", [1, 2, 1000])
def test_clearing_takes_everything_and_begins_another_epoch(
    database: str, swept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "SWEPT_AT_ONCE", swept)
    say(3)
    store.append([edit(1), delete(2), edit(1, "newer")])
    grow_old(database, 1)
    prune(live_room(database))
    before = live_room(database)
    moderation.clear_history(before, by=BY, reason="fresh start")
    room = live_room(database)
    assert (room.head, room.pruned) == (6, 6)
    assert room.epoch != before.epoch
    assert rows(database) == []
    assert seqs(store.append([post("new")])) == [7]
    assert readable(live_room(database)) == [7]
    (act,) = Act.objects.using(database).filter(kind=Act.Kind.CLEAR)
    assert (act.kind, act.room, act.reason, act.detail) == (
        "clear",
        "main",
        "fresh start",
        "up to 6",
    )
    act.delete(using=database)


def test_nothing_is_seen_of_what_was_cleared_and_is_not_deleted_yet(database: str) -> None:
    say(3)
    store.clear("main")
    room = live_room(database)
    assert len(rows(database)) == 3
    assert (readable(room), store.newest(room, 10)) == ([], [])
    assert store.page_before(room, 10, 10) == ([], False)
    assert store.start_of_last(room, 10, room.head) == 3
    assert store.unread([(room, 0)], BOB) == {room.pk: 0}
    (outcome,) = store.append([edit(2)])
    assert outcome.code == "not_found"  # type: ignore[union-attr]
    store.append([post("new")])
    assert moderation.sweep_what_is_left() == 3
    assert [seq for seq, *_ in rows(database)] == [4]


def test_clearing_a_long_log_leaves_the_rest_for_later(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "SWEPT_AT_ONCE", 2)
    monkeypatch.setattr(moderation.histories, "SWEPT_FOR", 0.0)
    say(5)
    moderation.clear_history(live_room(database), by=BY)
    assert (len(rows(database)), readable(live_room(database))) == (3, [])
    assert moderation.sweep_what_is_left() == 3
    assert rows(database) == []
    assert moderation.sweep_what_is_left() == 0
    Act.objects.using(database).all().delete()


def test_rooms_are_all_cleared_before_the_first_is_swept(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "SWEPT_AT_ONCE", 2)
    monkeypatch.setattr(moderation.histories, "SWEPT_FOR", 0.0)
    rooms = []
    for slug in ("one", "two"):
        store.create_room(slug)
        say(5, slug)
        rooms.append(live_room(database, slug))
    moderation.clear_history(*rooms, by=BY)
    assert [readable(live_room(database, room.slug)) for room in rooms] == [[], []]
    assert [len(rows(database, room.slug)) for room in rooms] == [3, 5]  # the time is for all
    Room.objects.using(database).filter(slug="two").delete()
    with pytest.raises(UnknownRoom):
        moderation.clear_history(*rooms, by=BY)
    assert Act.objects.using(database).filter(kind=Act.Kind.CLEAR).count() == 2


# Any log, any cuts

DONE = st.one_of(
    st.just(("post", 0)),
    st.tuples(st.sampled_from(["edit", "delete"]), st.integers(1, 12)),
    st.tuples(st.just("prune"), st.integers(0, 12)),
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(done=st.lists(DONE, max_size=12), batch=st.integers(1, 4))
def test_what_remains_is_gapless_and_points_at_what_is_there(
    database: str, done: list[tuple[str, int]], batch: int
) -> None:
    Message.objects.using(database).all().delete()
    Room.objects.using(database).all().delete()
    say(3)
    for number, (what, seq) in enumerate(done):
        match what:
            case "post":
                store.append([post(f"more {number}")])
            case "edit":
                store.append([edit(seq, f"edit {number}")])
            case "delete":
                store.append([delete(seq)])
            case "prune":
                grow_old(database, seq)
                prune(live_room(database), batch)
        room = live_room(database)
        for position in range(room.head + 1):
            entries = store.read_after(room, position, room.head)
            first = max(position, room.pruned) + 1
            assert [entry.seq for entry in entries] == list(range(first, room.head + 1))
        log = Message.objects.using(database).filter(room=room)
        hidden = log.filter(seq__lte=room.pruned)
        assert set(hidden.values_list("kind", "text", "sender_key", "sender_name")) <= {
            ("pruned", "", "", "")
        }
        pointed_at = set(log.filter(seq__gt=room.pruned).values_list("target", flat=True))
        assert set(hidden.values_list("pk", flat=True)) <= pointed_at
        edits = log.filter(kind="edit", target__in=hidden)
        assert not edits.exists()
