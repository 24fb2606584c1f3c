"""Edits and deletions, as the log takes them."""

from collections.abc import Callable
from functools import partial

import pytest
from django.db import connections

from chat import store
from chat.protocol import events
from chat.protocol.errors import Forbidden, NotFound
from chat.store import Draft, Stored
from tests.store.drafts import (
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
