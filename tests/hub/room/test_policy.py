"""When the row of a room says something else than before."""

import pytest

from chat.models import Room as Record
from chat.store import policy_of
from tests.fakes import entries, record
from tests.hub.room.conftest import Make


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epoch", "other"),
        ("title", "Other"),
        ("kind", "private"),
        ("guests", "read"),
        ("slow_mode", 5),
        ("max_length", 10),
        ("archived", True),
        ("id", 2),
    ],
)
async def test_policy_is_another_when_a_field_is(make: Make, field: str, value: object) -> None:
    row = record(5)
    setattr(row, field, value)
    assert not make(entries(1, 5)).room.same_policy(policy_of(row))


async def test_policy_is_the_same_when_only_the_head_moved(make: Make) -> None:
    row: Record = record(99)
    assert make(entries(1, 5)).room.same_policy(policy_of(row))
