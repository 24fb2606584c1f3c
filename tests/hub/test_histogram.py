import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.hub.histogram import BOUNDS, Buckets, note, percentile

SECONDS = st.floats(min_value=BOUNDS[0], max_value=BOUNDS[-1], exclude_min=True)
DURATIONS = st.lists(SECONDS, min_size=1, max_size=200)
SHARES = st.floats(min_value=0.01, max_value=1.0)

WITHIN = 10 ** (1 / 10)
"""How far a percentile may be off, as a factor: a bucket's width."""


def counted(durations: list[float]) -> Buckets:
    """Return a histogram."""
    buckets: Buckets = {}
    for seconds in durations:
        note(buckets, seconds)
    return buckets


def test_percentile_of_nothing_is_none() -> None:
    assert percentile({}, 0.5) is None
    assert percentile({3: 0}, 0.5) is None


@given(DURATIONS, SHARES)
def test_percentile_is_right_to_within_a_bucket(durations: list[float], share: float) -> None:
    found = percentile(counted(durations), share)
    exact = sorted(durations)[math.ceil(share * len(durations)) - 1]
    assert found is not None
    assert exact / WITHIN <= found * (1 + 1e-9)
    assert found <= exact * WITHIN * (1 + 1e-9)


@given(DURATIONS, SHARES, SHARES)
def test_percentile_goes_up_with_its_share(durations: list[float], one: float, two: float) -> None:
    buckets = counted(durations)
    low, high = percentile(buckets, min(one, two)), percentile(buckets, max(one, two))
    assert low is not None
    assert high is not None
    assert low <= high * (1 + 1e-9)


@given(st.lists(st.floats(min_value=0, max_value=1e9), max_size=50))
def test_every_duration_is_counted_once(durations: list[float]) -> None:
    assert sum(counted(durations).values()) == len(durations)


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 1e6])
def test_durations_beyond_the_bounds_are_told_as_near_as_can_be(seconds: float) -> None:
    found = percentile(counted([seconds]), 1.0)
    assert found == (BOUNDS[0] if seconds < 1 else BOUNDS[-1])


def test_noting_many_is_noting_one_as_often() -> None:
    buckets: Buckets = {}
    note(buckets, 0.02, 7)
    assert buckets == counted([0.02] * 7)
