"""Percentiles, and the schedule by which posts are due."""

from time import monotonic_ns

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.load.dialects import HUB
from chat.load.percentiles import percentile
from chat.load.schedule import moments, post_on_schedule
from tests.load.speech import room


@given(st.lists(st.integers(), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_smallest_sample_with_that_share_at_or_below(
    samples: list[int], percent: int
) -> None:
    value = percentile(sorted(samples), percent / 100)
    assert 100 * sum(sample <= value for sample in samples) >= percent * len(samples)
    assert 100 * sum(sample < value for sample in samples) < percent * len(samples)


@pytest.mark.parametrize(("samples", "share"), [([], 0.5), ([1], 0), ([1], 1.5)])
def test_a_percentile_of_nothing_or_of_no_share_is_refused(
    samples: list[int], share: float
) -> None:
    with pytest.raises(ValueError, match=r"samples|share"):
        percentile(samples, share)


def test_a_schedule_has_its_rate_however_long_it_is() -> None:
    due = list(moments(500, rate=30, seconds=2))
    assert len(due) == 60
    assert due[0] == 500
    assert due[-1] == 500 + round(59e9 / 30)


async def test_posts_are_sent_in_turn_at_their_time_and_none_is_left_out() -> None:
    crowd = room(HUB, 4)
    began = monotonic_ns()
    await post_on_schedule(crowd, crowd.posters(2), rate=200, seconds=0.05)
    assert monotonic_ns() - began >= 45_000_000
    assert crowd.posted == 10
    assert [len(client.unacked) for client in crowd.clients] == [5, 0, 5, 0]
