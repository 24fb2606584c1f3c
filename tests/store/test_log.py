import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.db import DatabaseError, connections, transaction

from chat import store
from chat.models import Message, Room
from chat.protocol import events
from chat.protocol.errors import Forbidden, NotFound, RateLimited, UnknownRoom
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
    say,
    seqs,
    stored,
)


def rows(database: str, slug: str = "main") -> list[Message]:
    """Return a room's log."""
    return list(Message.objects.using(database).filter(room__slug=slug).order_by("seq"))


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
    together = threading.Barrier(6, timeout=20)

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


# Edits and deletes


def test_edit_takes_a_seq_and_changes_the_message(database: str) -> None:
    say(2)
    (outcome,) = stored(store.append([edit(1, "better")]))
    assert (outcome.seq, outcome.target) == (3, 1)
    message, _, change = rows(database)
    assert (message.text, message.edited_at is not None) == ("better", True)
    assert (change.kind, change.target_id, change.text) == ("edit", message.pk, "")
    assert change.client_id is None
    assert event(outcome.entry) == events.Edited(
        room="main", seq=3, target=1, text="better", at=events.timestamp(change.at)
    )
    assert outcome.entry is not None
    assert (outcome.entry.target, outcome.entry.actor) == (1, events.Sender("1", "U:1"))


def test_deleted_text_is_gone_from_the_database(database: str) -> None:
    store.append([post("secret")])
    store.append([edit(1, "secret as well")])
    (outcome,) = stored(store.append([delete(1)]))
    assert (outcome.seq, outcome.target) == (3, 1)
    with connections[database].cursor() as cursor:
        cursor.execute("SELECT * FROM chat_message")
        everything = [value for row in cursor.fetchall() for value in row]
    assert "secret" not in str([v for v in everything if v != "id secret"])
    message, _, change = rows(database)
    assert (message.text, message.deleted_at is not None) == ("", True)
    assert (change.kind, change.text) == ("delete", "")
    assert event(outcome.entry) == events.Deleted(
        room="main", seq=3, target=1, at=events.timestamp(change.at)
    )


@pytest.mark.parametrize("change", [edit, delete])
def test_message_of_another_is_changed_only_by_a_moderator(
    database: str, change: Callable[..., Draft]
) -> None:
    say(1)
    (refused,) = store.append([change(1, sender=BOB)])
    assert isinstance(refused, Forbidden)
    assert rows(database)[0].text == "text 1"
    assert live_room(database).head == 1
    assert seqs(store.append([change(1, sender=BOB, moderator=True)])) == [2]


def test_what_is_deleted_or_not_there_or_no_message_cannot_be_changed(database: str) -> None:
    say(2)
    store.create_room("other")
    store.append([edit(2), delete(1)])
    for seq in (1, 3, 4, 9, 0, -1):
        for draft in (edit(seq), delete(seq)):
            (outcome,) = store.append([draft])
            assert isinstance(outcome, NotFound), (seq, draft)
    (elsewhere,) = store.append([edit(2, room="other")])
    assert isinstance(elsewhere, NotFound)
    assert live_room(database).head == 4


def test_changes_in_one_batch_follow_each_other(database: str) -> None:
    say(2)
    outcomes = store.append([edit(1, "x"), edit(1, "y"), delete(1), edit(1, "z"), edit(2, "w")])
    assert [type(outcome) for outcome in outcomes] == [Stored, Stored, Stored, NotFound, Stored]
    assert [row.seq for row in rows(database)] == [1, 2, 3, 4, 5, 6]
    assert [row.text for row in rows(database)][:2] == ["", "w"]


def test_two_who_delete_one_message_at_once_delete_it_once(database: str) -> None:
    say(1)
    answers = in_threads([partial(store.append, [delete(1)]) for _ in range(4)])
    kinds = sorted(type(outcome).__name__ for (outcome,) in answers)
    assert kinds == ["NotFound"] * 3 + ["Stored"]
    assert live_room(database).head == 2


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


# Slow mode


@pytest.fixture
def slow(database: str) -> Room:
    return Room.objects.using(database).create(slug="slow", slow_mode=60)


def age(database: str, seconds: float) -> None:
    """Let all that was said be so much older."""
    for row in Message.objects.using(database).all():
        row.at -= timedelta(seconds=seconds)
        row.save(using=database, update_fields=["at"])


def test_slow_mode_keeps_a_sender_waiting_whatever_process_it_posts_through(
    database: str, slow: Room
) -> None:
    assert seqs(store.append([post(1, "slow", slowed=True)])) == [1]
    refused, other = store.append(
        [post(2, "slow", slowed=True), post(3, "slow", sender=BOB, slowed=True)]
    )
    assert isinstance(refused, RateLimited)
    assert refused.retry_after is not None
    assert 50 < refused.retry_after <= 60
    assert seqs([other]) == [2]


def test_slow_mode_holds_within_one_transaction(database: str, slow: Room) -> None:
    first, second = store.append([post(1, "slow", slowed=True), post(2, "slow", slowed=True)])
    assert seqs([first]) == [1]
    assert isinstance(second, RateLimited)
    assert live_room(database, "slow").head == 1


def test_slow_mode_lets_pass_who_has_waited(database: str, slow: Room) -> None:
    store.append([post(1, "slow", slowed=True)])
    age(database, 59)
    assert isinstance(store.append([post(2, "slow", slowed=True)])[0], RateLimited)
    age(database, 1)
    assert seqs(store.append([post(2, "slow", slowed=True)])) == [2]


def test_slow_mode_counts_no_refusal_and_answers_a_retry(database: str, slow: Room) -> None:
    store.append([post(1, "slow", slowed=True)])
    store.append([post(2, "slow", slowed=True)])
    age(database, 60)
    assert seqs(store.append([post(3, "slow", slowed=True)])) == [2]
    (again,) = stored(store.append([post(3, "slow", slowed=True)]))
    assert (again.seq, again.duplicate) == (2, True)


def test_slow_mode_does_not_bind_who_is_above_it(database: str, slow: Room) -> None:
    assert seqs(store.append([post(1, "slow"), post(2, "slow")])) == [1, 2]


def test_room_without_slow_mode_keeps_nobody_waiting(database: str) -> None:
    assert seqs(store.append([post(1, slowed=True), post(2, slowed=True)])) == [1, 2]
