import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.hub.limits import Buckets, TokenBucket

steps = st.lists(st.floats(0, 5), min_size=1, max_size=60)


def test_bucket_lets_a_burst_pass_and_then_says_how_long_to_wait() -> None:
    bucket = TokenBucket(rate=10, burst=3)
    assert [bucket.take(100.0) for _ in range(3)] == [0, 0, 0]
    assert bucket.take(100.0) == pytest.approx(0.1)


def test_bucket_lets_one_pass_after_the_wait_it_named() -> None:
    bucket = TokenBucket(rate=10, burst=1)
    bucket.take(100.0)
    wait = bucket.take(100.0)
    assert bucket.take(100.0 + wait + 1e-9) == 0
    assert bucket.take(100.0 + wait + 1e-9) > 0


def test_bucket_that_was_long_idle_lets_no_more_than_its_burst_pass() -> None:
    bucket = TokenBucket(rate=10, burst=3)
    bucket.take(1.0)
    passed = [bucket.take(1000.0) for _ in range(5)]
    assert [bool(wait) for wait in passed] == [False, False, False, True, True]


def test_bucket_of_rate_zero_lets_everything_pass() -> None:
    bucket = TokenBucket(rate=0, burst=1)
    assert not any(bucket.take(1.0) for _ in range(1000))


def test_bucket_of_a_small_burst_still_lets_one_pass() -> None:
    bucket = TokenBucket(rate=0.1, burst=0.2)
    assert bucket.take(1.0) == 0
    assert bucket.take(1.0) == pytest.approx(10)


@given(steps, st.floats(0.1, 20), st.floats(1, 20))
def test_bucket_never_lets_more_pass_than_burst_and_rate_allow(
    waits: list[float], rate: float, burst: float
) -> None:
    bucket = TokenBucket(rate, burst)
    now, passed = 50.0, 0
    for wait in waits:
        now += wait
        left = bucket.take(now)
        assert 0 <= left <= 1 / rate + 1e-9
        passed += not left
    assert passed <= burst + (now - 50.0) * rate + 1e-6


def test_each_key_has_a_bucket_of_its_own_that_stays() -> None:
    buckets = Buckets(rate=1, burst=1, most=10)
    assert buckets.of("a").take(100.0) == 0
    assert buckets.of("a").take(100.0) > 0
    assert buckets.of("b").take(100.0) == 0


def test_bucket_that_was_longest_unused_is_forgotten() -> None:
    buckets = Buckets(rate=1, burst=1, most=2)
    first = buckets.of("a")
    second = buckets.of("b")
    assert buckets.of("a") is first
    buckets.of("c")
    assert buckets.of("a") is first
    assert buckets.of("b") is not second
