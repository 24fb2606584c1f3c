"""Slow mode, whatever process one posts through."""

from datetime import timedelta

import pytest

from chat import store
from chat.models import Message, Room
from chat.protocol.errors import RateLimited
from tests.store.drafts import BOB, live_room, post, seqs, stored


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
    age(database, 40)
    assert isinstance(store.append([post(2, "slow", slowed=True)])[0], RateLimited)
    age(database, 20)
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
