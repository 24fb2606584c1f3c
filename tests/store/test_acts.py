"""The record of moderation, and what the log says of it."""

import logging

import pytest
from django.db import transaction

from chat import store
from chat.models import Act
from chat.store import Actor

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
