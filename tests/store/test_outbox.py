import threading
from functools import partial

import pytest
from django.db import DatabaseError, connections, transaction

from chat import store
from chat.models import Message, Outbox, Room
from chat.protocol.errors import UnknownRoom
from chat.store import log as store_log
from chat.store import outbox
from tests.store.drafts import in_threads, live_room, post, say, seqs, stored


def waiting(database: str) -> int:
    """Return how many messages wait."""
    return Outbox.objects.using(database).count()


def test_what_is_put_aside_waits_and_is_moved_in_its_order(database: str) -> None:
    store.create_room("other")
    for number, room in ((1, "main"), (2, "other"), (3, "main")):
        store.put_aside(post(number, room))
    assert waiting(database) == 3
    assert not Message.objects.using(database).exists()
    outcomes = stored(store.move_outbox())
    assert [(outcome.room, outcome.seq) for outcome in outcomes] == [
        ("main", 1),
        ("other", 1),
        ("main", 2),
    ]
    assert waiting(database) == 0
    message = Message.objects.using(database).get(room__slug="main", seq=2)
    assert (message.text, message.client_id, message.sender_key, message.sender_name) == (
        "text 3",
        "id 3",
        "u:1",
        "U:1",
    )


def test_empty_outbox_moves_nothing(database: str) -> None:
    assert store.move_outbox() == []


def test_putting_aside_for_a_room_that_is_not_there_is_refused(database: str) -> None:
    with pytest.raises(UnknownRoom, match="nope"):
        store.put_aside(post(1, "nope"))


def test_what_a_transaction_put_aside_goes_with_it(database: str) -> None:
    with transaction.atomic(using=database):
        store.put_aside(post(1))
        transaction.set_rollback(True, using=database)
    assert waiting(database) == 0


@pytest.mark.parametrize("there", [True, False], ids=["said in", "not made yet"])
def test_putting_aside_keeps_nobody_from_posting(database: str, there: bool) -> None:
    """But on SQLite, where a transaction that writes keeps out all others, whatever it writes."""
    if there:
        say(1)
    with transaction.atomic(using=database):
        store.put_aside(post("aside"))
        if connections[database].vendor != "sqlite":
            (outcomes,) = in_threads([partial(store.append, [post(2)])])
            assert seqs(outcomes) == [2 if there else 1]


def test_message_that_is_in_the_log_already_is_moved_as_its_duplicate(database: str) -> None:
    store.append([post(1)])
    store.put_aside(post(1))
    (outcome,) = stored(store.move_outbox())
    assert (outcome.seq, outcome.duplicate) == (1, True)
    assert waiting(database) == 0


def test_room_that_went_before_the_move_is_made_again_as_it_was(database: str) -> None:
    store.create_room("brief")
    epoch = live_room(database, "brief").epoch
    store.put_aside(post(1, "brief"))
    assert store.remove_transient("brief")
    (outcome,) = stored(store.move_outbox())
    assert (outcome.room, outcome.epoch, outcome.seq) == ("brief", epoch, 1)


def test_room_that_was_deleted_before_the_move_stays_deleted(database: str) -> None:
    Room.objects.using(database).create(slug="meant")
    store.put_aside(post(1, "meant"))
    Room.objects.using(database).filter(slug="meant").delete()
    (outcome,) = store.move_outbox()
    assert isinstance(outcome, UnknownRoom)
    assert waiting(database) == 0


def test_no_more_than_the_bound_is_moved_at_once(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOVED_AT_ONCE", 2)
    for number in range(5):
        store.put_aside(post(number))
    assert [len(store.move_outbox()) for _ in range(4)] == [2, 2, 1, 0]
    assert live_room(database).head == 5


def test_failed_move_leaves_everything_in_the_outbox(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_aside(post(1))

    def fail(appending: object) -> None:
        raise DatabaseError("no")

    with monkeypatch.context() as broken:
        broken.setattr(store_log._Appending, "_write", fail)
        with pytest.raises(DatabaseError):
            store.move_outbox()
    assert waiting(database) == 1
    assert seqs(store.move_outbox()) == [1]


def test_many_who_move_at_once_move_each_message_once(database: str) -> None:
    for number in range(40):
        store.put_aside(post(number))
    together = threading.Barrier(4, timeout=60)

    def move() -> list[store.Outcome]:
        together.wait()
        return store.move_outbox()

    answers = in_threads([move] * 4)
    moved = [outcome for answer in answers for outcome in stored(answer)]
    assert sorted(outcome.seq for outcome in moved) == list(range(1, 41))
    assert not any(outcome.duplicate for outcome in moved)
    assert (waiting(database), live_room(database).head) == (0, 40)
