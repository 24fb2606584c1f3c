"""Edits and deletions, as the log takes them."""

from collections.abc import Callable
from functools import partial

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from msgspec import structs

from chat import store
from chat.models import Act
from chat.protocol import events
from chat.protocol.errors import Forbidden, NotFound
from chat.store import Draft, Outcome, Stored, changes
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
from tests.store.plans import plan_of


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


# What was in doubt


def say_again(*drafts: Draft) -> list[Outcome]:
    """Append drafts of which it is not known whether they are in the log."""
    return store.append(drafts, again=True)


@pytest.mark.parametrize("change", [edit, delete])
def test_change_that_was_made_is_found_and_not_made_again(
    database: str, change: Callable[..., Draft]
) -> None:
    say(2)
    store.append([post(3), change(2)])
    posted, changed = stored(say_again(post(3), change(2)))
    assert (posted.seq, posted.duplicate) == (3, True)
    assert (changed.seq, changed.target, changed.duplicate) == (4, 2, True)
    assert changed.epoch == live_room(database).epoch
    assert store.added([posted, changed]) == []
    assert live_room(database).head == 4


@pytest.mark.parametrize("change", [edit, delete])
def test_change_that_was_not_made_is_made(database: str, change: Callable[..., Draft]) -> None:
    say(2)
    store.append([edit(1), edit(2, "other"), delete(1)])
    (outcome,) = stored(say_again(change(2)))
    assert (outcome.seq, outcome.duplicate) == (6, False)
    assert rows(database)[1].text == ("new" if change is edit else "")


@pytest.mark.parametrize("change", [edit, delete])
def test_change_that_another_has_made_is_not_the_senders(
    database: str, change: Callable[..., Draft]
) -> None:
    say(1)
    store.append([change(1, sender=BOB, moderator=True)])
    (outcome,) = say_again(change(1))
    if change is delete:
        assert isinstance(outcome, NotFound)
    else:
        assert seqs([outcome]) == [3]


def test_edit_that_others_were_made_after_is_made_again(database: str) -> None:
    say(1)
    store.append([edit(1, "mine"), edit(1, "theirs", sender=BOB, moderator=True)])
    assert seqs(say_again(edit(1, "mine"))) == [4]
    assert rows(database)[0].text == "mine"


def test_change_that_was_made_is_not_looked_for_otherwise(database: str) -> None:
    say(1)
    store.append([edit(1)])
    assert seqs(store.append([edit(1)])) == [3]
    store.append([delete(1)])
    (outcome,) = store.append([delete(1)])
    assert isinstance(outcome, NotFound)


def test_redacting_that_was_done_is_in_the_record_once(database: str) -> None:
    say(1)
    redaction = structs.replace(delete(1, sender=BOB, moderator=True), via=Act.Via.CHAT)
    store.append([redaction])
    assert seqs(say_again(redaction)) == [2]
    assert Act.objects.using(database).count() == 1


def test_changes_are_looked_up_in_the_index(database: str) -> None:
    say(3)
    store.append([edit(1), edit(1, "x"), edit(1, "y", sender=BOB, moderator=True), delete(2)])
    room = live_room(database)
    with CaptureQueriesContext(connections[database]) as asked:
        found = changes.newest(room, {1, 2, 3}, database=database)
    assert found == {
        (room.pk, 1, ANN): ("edit", 5),
        (room.pk, 1, BOB): ("edit", 6),
        (room.pk, 2, ANN): ("delete", 7),
    }
    (query,) = asked.captured_queries
    assert "chat_message_changes" in plan_of(query["sql"], database)


# Many at once


def test_messages_that_are_redacted_are_written_by_one_statement(database: str) -> None:
    say(50)
    store.append([edit(1, "x")])
    before = rows(database)[0].edited_at
    with CaptureQueriesContext(connections[database]) as queries:
        store.append([*(delete(seq) for seq in range(1, 41)), edit(45), edit(45, "y"), delete(45)])
    written = [query["sql"] for query in queries if query["sql"].startswith("UPDATE")]
    assert len([sql for sql in written if "chat_message" in sql]) == 2
    messages = rows(database)[:50]
    assert [row.seq for row in messages if not row.text] == [*range(1, 41), 45]
    assert [row.seq for row in messages if row.deleted_at] == [*range(1, 41), 45]
    assert [row.seq for row in messages if row.edited_at] == [1, 45]
    assert messages[0].edited_at == before
