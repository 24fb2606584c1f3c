from datetime import UTC, datetime, timedelta

import pytest

from chat.hub import live
from chat.store import Counts, NodeFigures, Report

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
HEARTBEAT = 20.0


def node(name: str = "a", *, heard: float | None = 1.0, **report: object) -> NodeFigures:
    """Return a process that began an hour ago, heard of so many seconds ago."""
    return NodeFigures(
        pk=1,
        name=name,
        version="1",
        started=NOW - timedelta(hours=1),
        heard=None if heard is None else NOW - timedelta(seconds=heard),
        now=NOW,
        report=Report(**report),  # type: ignore[arg-type]
    )


def test_rates_are_of_the_span_that_the_report_is_about() -> None:
    found = live.process(
        node(seconds=50.0, lately=Counts(posts=100, deliveries=5000)), heartbeat=HEARTBEAT
    )
    assert (found.posts, found.deliveries) == (2.0, 100.0)


def test_process_that_did_nothing_has_no_latencies_and_no_batch() -> None:
    found = live.process(node(), heartbeat=HEARTBEAT)
    assert (found.ack_p50, found.fanout_p99, found.batch, found.posts) == (None, None, None, 0.0)
    assert found.red == []


def test_total_adds_up_processes_and_takes_percentiles_of_all() -> None:
    fast = node("a", seconds=60.0, sessions=3, lately=Counts(posts=60, acks={0: 99}))
    slow = node("b", seconds=30.0, sessions=4, lately=Counts(posts=60, acks={50: 1}))
    total = live.live([fast, slow], heartbeat=HEARTBEAT).total
    assert (total.sessions, total.posts) == (7, 3.0)
    assert total.ack_p50 is not None
    assert total.ack_p50 < 0.1
    only_slow = live.process(slow, heartbeat=HEARTBEAT)
    assert only_slow.ack_p99 is not None
    assert only_slow.ack_p99 > 1000
    assert total.ack_p99 is not None
    assert total.ack_p99 < 1


@pytest.mark.parametrize(("heard", "silent"), [(0.0, False), (39.0, False), (41.0, True)])
def test_process_is_silent_after_two_heartbeats(heard: float, silent: bool) -> None:
    found = live.process(node(heard=heard), heartbeat=HEARTBEAT)
    assert (found.silent, found.heard) == (silent, heard)


def test_process_that_has_never_said_anything_is_silent_once_it_is_old() -> None:
    assert live.process(node(heard=None), heartbeat=HEARTBEAT).silent
    assert not live.process(node(heard=None), heartbeat=3600.0).silent


def test_total_is_of_those_who_are_not_silent() -> None:
    found = live.live(
        [node("a", sessions=3), node("b", sessions=4, heard=100.0)], heartbeat=HEARTBEAT
    )
    assert found.total.sessions == 3
    assert [process.sessions for process in found.processes] == [3, 4]


@pytest.mark.parametrize(
    ("counts", "red"),
    [
        (Counts(), []),
        (Counts(healed=9, closes={4002: 4, 4000: 100}), []),
        (Counts(healed=10), ["healed"]),
        (Counts(closes={4002: 5}), ["slow"]),
        (Counts(failures=1), ["failures"]),
        (Counts(faults=1), ["errors"]),
        (Counts(unavailable=1), ["errors"]),
        (Counts(acks={50: 1}), ["ack_p99"]),
        (Counts(fanouts={50: 1}), ["fanout_p99"]),
    ],
)
def test_figures_are_red_from_their_bounds_on(counts: Counts, red: list[str]) -> None:
    found = live.process(node(seconds=60.0, lately=counts), heartbeat=HEARTBEAT)
    assert found.red == red


def test_no_processes_are_nothing_at_all() -> None:
    found = live.live([], heartbeat=HEARTBEAT)
    assert (found.processes, found.total.sessions) == ([], 0)
