"""Doing much in batches, each of them a short transaction: others have the database in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from django.db import transaction

from chat import conf, store
from chat.broadcast import after_commit
from chat.models import Act

_T = TypeVar("_T")


def put_down(act: Act | None, detail: str, begin: Callable[[], Act]) -> Act:
    """The entry of what is done in batches: ``begin`` makes it with the first, others add to it."""
    act = act or begin()
    store.add_to_record(act, detail)
    return act


def in_turns(items: Iterable[_T], most: int) -> Iterator[Sequence[_T]]:
    """``items`` in batches of ``most``, with a rest after each but the last."""
    left = iter(items)
    some = list(islice(left, most))
    while some:
        began = time.monotonic()
        yield some
        some = list(islice(left, most))
        if some:
            _rest(began)


def paced(step: Callable[[], int]) -> Iterator[int]:
    """What ``step`` says, as long as it is something, with a rest after each time."""
    began = time.monotonic()
    while count := step():
        yield count
        _rest(began)
        began = time.monotonic()


def settle_soon() -> None:
    """Have what was taken away gone from SQLite's index and journal too, after the commit."""
    after_commit(_settle)


def _settle() -> None:
    list(paced(store.settle))
    store.clear_journal()


def _rest(began: float) -> None:
    """Leave the database to others for as long as we had it.

    SQLite has one writer at a time, and whoever waits looks now and then: one that comes back at
    once would keep them waiting.
    """
    if not transaction.get_connection(conf.current().database).in_atomic_block:
        time.sleep(min(time.monotonic() - began, 1.0))
