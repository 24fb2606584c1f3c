from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from chat.admin import history
from chat.admin.history import DAY, HOUR, Span, steps
from chat.store import Counts, Report

NOW = datetime(2026, 11, 28, 12, 5, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def report(sessions: int = 0, posts: int = 0, seconds: float = 60.0) -> Report:
    """Return what a process did in a minute."""
    return Report(sessions=sessions, seconds=seconds, lately=Counts(posts=posts, healed=posts))


@pytest.mark.parametrize("span", [HOUR, DAY], ids=["hour", "day"])
def test_span_ends_with_the_minute_that_is_over(span: Span) -> None:
    found = steps([(NOW.replace(second=0) - MINUTE, report(1))], span, NOW)
    assert len(found) == span.steps
    assert found[-1] is not None
    assert found[:-1] == [None] * (span.steps - 1)


def test_what_is_older_than_a_span_is_left_out() -> None:
    assert steps([(NOW.replace(second=0) - 61 * MINUTE, report(1))], HOUR, NOW) == [None] * 60
    assert steps([], HOUR, NOW) == [None] * 60


def test_step_adds_up_processes_and_averages_minutes() -> None:
    """Two processes for one minute, and one of them for another, all within ten minutes."""
    start = DAY.start(NOW)
    (first, *_) = steps(
        [
            (start, report(sessions=30, posts=60)),
            (start, report(sessions=10, posts=120)),
            (start + MINUTE, report(sessions=20, posts=60)),
        ],
        DAY,
        NOW,
    )
    assert first is not None
    assert first.mean(first.sessions) == 30
    assert first.mean(first.posts) == 2.0
    assert first.mean(first.counts.healed) == 120


def test_rate_of_a_minute_is_of_the_span_it_was_sampled_over() -> None:
    (first, *_) = steps([(HOUR.start(NOW), report(posts=180, seconds=180.0))], HOUR, NOW)
    assert first is not None
    assert first.mean(first.posts) == 1.0


def test_marks_are_on_the_readers_own_clock() -> None:
    with timezone.override("Asia/Kolkata"):  # half an hour off
        labels = [mark.label for mark in history._marks(DAY, NOW)]
    assert labels == ["20:00", "00:00", "04:00", "08:00", "12:00", "16:00"]


def test_plots_describe_what_they_come_to() -> None:
    samples = [(HOUR.start(NOW) + number * MINUTE, report(number)) for number in (5, 9, 3)]
    (_, plots), _ = history.figures(sorted(samples, key=lambda sample: sample[0]), NOW)
    assert "last 9, at most 9" in plots[0].svg
    assert [plot.title for plot in plots] == [
        "Sessions",
        "Posts a second",
        "Deliveries a second",
        "Post to ack",
        "Fan-out",
        "Trouble a minute",
    ]


def test_minutes_without_a_post_count_as_zero() -> None:
    line = history.per_minute({HOUR.start(NOW) + MINUTE: 3}, HOUR, NOW)
    assert list(line.points[:3]) == [0.0, 3, 0.0]
    assert len(line.points) == 60


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (2, "2"), (0.25, "0.25"), (999, "999"), (1500, "1.5k"), (2000, "2k"), (3e6, "3M")],
)
def test_numbers_of_an_axis_are_short(value: float, text: str) -> None:
    assert history.short(value) == text


@pytest.mark.parametrize("span", [HOUR, DAY], ids=["hour", "day"])
@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 10, 25, 0, 30, 30, tzinfo=UTC),  # 2:30 for the first time
        datetime(2026, 10, 25, 1, 30, 30, tzinfo=UTC),  # and for the second
        datetime(2026, 10, 25, 12, 30, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 30, 30, tzinfo=UTC),  # 3:30, where there was no 2:30
        datetime(2026, 3, 29, 12, 30, 30, tzinfo=UTC),
    ],
)
def test_span_ends_with_the_minute_that_is_over_when_the_clock_was_changed(
    span: Span, now: datetime
) -> None:
    with timezone.override("Europe/Berlin"):
        found = steps([(now.replace(second=0) - MINUTE, report(1))], span, now)
        counted = history.per_minute({now.replace(second=0) - MINUTE: 5}, span, now)
        start = timezone.localtime(span.start(now))
    assert len(found) == span.steps
    assert found[-1] is not None
    assert counted.points[-1] == 5
    assert start.minute % (span.step // MINUTE) == 0
