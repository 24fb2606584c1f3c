"""The record of moderation, and what the log says of it."""

import logging
import random
import re

import pytest
from django.db import transaction

from chat import store
from chat.models import Act
from chat.store import Actor
from chat.store.acts import DETAIL_MOST, messages_of

BY = Actor(key="u:9", name="mod", via=Act.Via.ADMIN)


def test_act_is_in_the_log_once_it_is_committed(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "chat"):
        with transaction.atomic(using=database):
            store.record(Act.Kind.BAN, BY, room="main", target_key="u:7")
            assert not caplog.records
        store.record(Act.Kind.PRUNE, BY)
    said = [record.getMessage() for record in caplog.records]
    assert said == ["ban by u:9 (admin): u:7 main", "prune by u:9 (admin): "]


def test_act_that_is_rolled_back_is_neither_in_the_record_nor_in_the_log(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "chat"), transaction.atomic(using=database):
        store.record(Act.Kind.BAN, BY, target_key="u:7")
        transaction.set_rollback(True, using=database)
    assert not caplog.records
    assert not Act.objects.using(database).exists()


@pytest.mark.parametrize(
    ("seqs", "said"),
    [
        ([5], "message 5"),
        ([7, 5], "2 messages: 5, 7"),
        ([*range(1, 151), 205], "151 messages: 1–150, 205"),
        ([3, 1, 2, 9, 8], "5 messages: 1–3, 8–9"),
    ],
)
def test_messages_are_told_by_number(seqs: list[int], said: str) -> None:
    assert messages_of(seqs) == said


def test_numbers_that_do_not_fit_are_counted_and_none_is_cut() -> None:
    seqs = random.Random(1).sample(range(10_000, 100_000, 2), 200)
    said = messages_of(seqs)
    assert len(said) <= DETAIL_MOST
    found = re.fullmatch(r"200 messages: ([\d, ]+) and (\d+) more", said)
    assert found, said
    named = [int(number) for number in found[1].split(", ")]
    assert named == sorted(seqs)[: len(named)]
    assert len(named) + int(found[2]) == 200
    assert len(named) > 60


def test_longest_entry_has_as_many_numbers_as_fit() -> None:
    seqs = range(10**18, 10**18 + 400, 2)
    assert DETAIL_MOST - 21 < len(messages_of(seqs)) <= DETAIL_MOST


@pytest.mark.parametrize(("length", "end"), [(500, "x"), (501, "…")])
def test_text_that_is_cut_ends_with_an_ellipsis(database: str, length: int, end: str) -> None:
    act = store.record(Act.Kind.ANNOUNCE, BY, detail="x" * length)
    store.add_to_record(other := store.record(Act.Kind.ANNOUNCE, BY), "x" * length)
    for one in (act, other):
        detail = Act.objects.using(database).get(pk=one.pk).detail
        assert (len(detail), detail[-1]) == (DETAIL_MOST, end)
