"""The log of a room: what is appended, in one sequence and once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from django.db import DatabaseError, OperationalError, connections, transaction

from chat import store
from chat.models import Room
from chat.protocol import events
from chat.protocol.errors import NotFound, UnknownRoom
from chat.store import Draft, Stored
from chat.store import log as store_log
from tests.store.drafts import (
    ANN,
    BOB,
    delete,
    edit,
    event,
    in_threads,
    live_room,
    post,
    rows,
    say,
    seqs,
    stored,
)

# Posts


def test_posts_take_one_seq_after_another(database: str) -> None:
    assert seqs(store.append([post(1), post(2)])) == [1, 2]
    assert seqs(store.append([post(3)])) == [3]
    assert [row.seq for row in rows(database)] == [1, 2, 3]
    assert live_room(database).head == 3


def test_post_is_stored_as_it_is_told(database: str) -> None:
    (outcome,) = stored(store.append([post("я\n🙂", sender=BOB)]))
    (row,) = rows(database)
    assert (row.kind, row.sender_key, row.sender_name) == ("post", BOB, "G:2")
    assert (row.client_id, row.text) == ("id я\n🙂", "text я\n🙂")
    assert (row.edited_at, row.deleted_at, row.target_id) == (None, None, None)
    assert event(outcome.entry) == events.Message(
        room="main",
        seq=1,
        id="id я\n🙂",
        sender=events.Sender("2", "G:2"),
        text="text я\n🙂",
        at=events.timestamp(row.at),
    )
    assert outcome.epoch == live_room(database).epoch
    assert not outcome.duplicate


def test_appending_nothing_is_nothing(database: str) -> None:
    assert store.append([]) == []


def test_same_post_in_one_batch_is_stored_once(database: str) -> None:
    first, again, other = stored(store.append([post(1), post(1), post(2)]))
    assert [first.seq, again.seq, other.seq] == [1, 1, 2]
    assert [first.duplicate, again.duplicate, other.duplicate] == [False, True, False]
    assert len(rows(database)) == 2


def test_same_post_in_another_batch_is_stored_once(database: str) -> None:
    say(3)
    again, new = stored(store.append([post(2), post(4)]))
    assert (again.seq, again.duplicate, again.entry) == (2, True, None)
    assert (new.seq, new.duplicate) == (4, False)
    assert live_room(database).head == 4


def test_same_id_of_another_sender_or_room_is_another_post(database: str) -> None:
    store.create_room("other")
    outcomes = store.append([post(1), post(1, sender=BOB), post(1, "other")])
    assert seqs(outcomes) == [1, 2, 1]
    assert not any(outcome.duplicate for outcome in stored(outcomes))


def test_posts_of_many_threads_are_one_gapless_sequence(database: str) -> None:
    batches = [[post(f"{n} {m}") for m in range(5)] for n in range(8)]
    answers = in_threads([partial(store.append, batch) for batch in batches])
    taken = [seq for outcomes in answers for seq in seqs(outcomes)]
    assert sorted(taken) == list(range(1, 41))
    assert [row.seq for row in rows(database)] == list(range(1, 41))
    for outcomes in answers:
        first = seqs(outcomes)[0]
        assert seqs(outcomes) == list(range(first, first + 5))


def test_same_post_from_many_threads_is_stored_once(database: str) -> None:
    answers = in_threads([partial(store.append, [post(1)]) for _ in range(8)])
    outcomes = [outcome for answer in answers for outcome in stored(answer)]
    assert {outcome.seq for outcome in outcomes} == {1}
    assert sorted(outcome.duplicate for outcome in outcomes) == [False] + [True] * 7
    assert len(rows(database)) == 1


def test_batches_over_many_rooms_do_not_wait_for_each_other_in_a_ring(database: str) -> None:
    slugs = ["a", "b", "c"]
    for slug in slugs:
        store.create_room(slug)
    together = threading.Barrier(6, timeout=60)

    def append(number: int) -> list[store.Outcome]:
        order = slugs if number % 2 else slugs[::-1]
        together.wait()
        return store.append([post(f"{number} {n}", slug) for n in range(5) for slug in order])

    answers = in_threads([partial(append, number) for number in range(6)])
    assert all(len(stored(outcomes)) == 15 for outcomes in answers)
    for slug in slugs:
        assert [row.seq for row in rows(database, slug)] == list(range(1, 31))
        assert live_room(database, slug).head == 30


def test_many_rooms_in_one_batch_each_have_their_own_sequence(database: str) -> None:
    for slug in "abc":
        store.create_room(slug)
    drafts = [post(number, "abc"[number % 3]) for number in range(9)]
    assert seqs(store.append(drafts)) == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert [live_room(database, slug).head for slug in "abc"] == [3, 3, 3]


def test_failure_leaves_neither_rows_nor_heads(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(2)
    store.create_room("other")
    write = store_log._Appending._write

    def fail(appending: store_log._Appending) -> None:
        write(appending)
        raise DatabaseError("no")

    with monkeypatch.context() as broken:
        broken.setattr(store_log._Appending, "_write", fail)
        with pytest.raises(DatabaseError):
            store.append([post(3), post(1, "other"), delete(1)])
    assert [row.seq for row in rows(database)] == [1, 2]
    assert rows(database)[0].text == "text 1"
    assert (live_room(database).head, live_room(database, "other").head) == (2, 0)
    assert seqs(store.append([post(3)])) == [3]


def test_rollback_around_an_append_takes_it_back_whole(database: str) -> None:
    with transaction.atomic(using=database):
        store.append([post(1)])
        transaction.set_rollback(True, using=database)
    assert not Room.objects.using(database).exists()


@contextmanager
def lost_connection(database: str, *, when: str) -> Iterator[None]:
    """The server ends the connection when a message is inserted, or at the commit."""
    if connections[database].vendor != "postgresql":
        pytest.skip("SQLite has no connection to lose")
    with connections[database].cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
        )
        cursor.execute(
            "CREATE CONSTRAINT TRIGGER leave AFTER INSERT ON chat_message "
            f"DEFERRABLE INITIALLY {when} FOR EACH ROW EXECUTE FUNCTION leave()"
        )
    try:
        yield
    finally:
        with connections[database].cursor() as cursor:
            cursor.execute("DROP FUNCTION leave CASCADE")


def test_connection_that_is_lost_during_the_commit_leaves_it_in_doubt(database: str) -> None:
    with lost_connection(database, when="DEFERRED"), pytest.raises(store.CommitInDoubt):
        store.append([post(1)])
    assert seqs(store.append([post(1)])) == [1]


def test_connection_that_is_lost_before_the_commit_leaves_no_doubt(database: str) -> None:
    with lost_connection(database, when="IMMEDIATE"), pytest.raises(OperationalError):
        store.append([post(1)])
    assert rows(database) == []


def test_unknown_kind_of_draft_is_our_own_mistake(database: str) -> None:
    with pytest.raises(TypeError):
        store.append([Draft(room="main", sender_key=ANN, sender_name="ann")])


# Rooms


def test_draft_for_a_room_that_is_not_there_is_refused_and_harms_no_other(database: str) -> None:
    nope, fine, gone, too = store.append([post(1, "nope"), post(1), delete(1, "nope"), edit(1)])
    assert isinstance(nope, UnknownRoom)
    assert isinstance(gone, UnknownRoom)
    assert isinstance(fine, Stored)
    assert isinstance(too, NotFound)
    assert not Room.objects.using(database).filter(slug="nope").exists()


def test_main_is_made_by_the_first_post_and_is_not_transient(database: str) -> None:
    assert seqs(store.append([post(1)])) == [1]
    assert not live_room(database).transient


def test_room_that_may_be_made_is_made_with_its_epoch(database: str) -> None:
    (outcome,) = stored(store.append([post(1, "brief", epoch="e7")]))
    made = live_room(database, "brief")
    assert (made.epoch, made.transient, made.head) == ("e7", True, 1)
    assert outcome.epoch == "e7"


def test_room_that_is_there_keeps_its_own_epoch(database: str) -> None:
    store.create_room("brief", epoch="e1")
    (outcome,) = stored(store.append([post(1, "brief", epoch="e7")]))
    assert outcome.epoch == live_room(database, "brief").epoch == "e1"


def test_room_may_be_made_where_any_draft_of_the_batch_says_so(database: str) -> None:
    """An edit, or a post from without, in the same batch does not say."""
    outcomes = store.append(
        [post(1, "brief", epoch="e7"), post(2, "brief", sender=BOB), edit(1, room="brief")]
    )
    assert isinstance(outcomes[0], Stored)
    assert live_room(database, "brief").epoch == "e7"


def test_room_that_many_threads_make_is_made_once(database: str) -> None:
    drafts = [post(number, "brief", epoch="e7") for number in range(8)]
    answers = in_threads([partial(store.append, [draft]) for draft in drafts])
    assert sorted(seqs(outcomes)[0] for outcomes in answers) == list(range(1, 9))


# What was added


def test_added_entries_come_by_room_in_runs_without_holes(database: str) -> None:
    store.create_room("other")
    outcomes = store.append([post(1), post(1, "other"), post(2), post("x", "nope"), post(1)])
    later = store.append([post(3)])
    after_others = store.append([post(n, sender=BOB) for n in (4, 5)])[1:]
    runs = store.added([*outcomes, *later, *after_others])
    assert [(room, [entry.seq for entry in entries]) for room, _, entries in runs] == [
        ("main", [1, 2, 3]),
        ("other", [1]),
        ("main", [5]),
    ]
    assert {epoch for room, epoch, _ in runs if room == "main"} == {live_room(database).epoch}
