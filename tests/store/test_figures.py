from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import __version__, store
from chat.models import Node, Sample
from chat.store import Busy, Counts, Report, figures

MINUTE = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
HISTOGRAM = st.dictionaries(st.integers(0, 61), st.integers(1, 1000), max_size=4)
COUNTS = st.builds(
    Counts,
    posts=st.integers(0, 10**9),
    healed=st.integers(0, 10),
    closes=st.dictionaries(st.sampled_from([4000, 4002]), st.integers(1, 5)),
    acks=HISTOGRAM,
    fanouts=HISTOGRAM,
)
FULL = Report(
    sessions=3,
    rooms=2,
    seconds=60.5,
    lately=Counts(posts=7, closes={4002: 1}, acks={12: 6, 20: 1}),
    ever=Counts(posts=90),
    busy=[Busy("комната", 5, 3, 1.5)],
)


# Counts


@given(COUNTS, COUNTS)
def test_what_was_added_since_is_what_was_added(before: Counts, added: Counts) -> None:
    after = before.copy()
    after += added
    assert after - before == added


@given(COUNTS)
def test_copy_stays_as_it_is(counts: Counts) -> None:
    copy = counts.copy()
    assert copy == counts
    counts.posts += 1
    counts.acks[3] = counts.acks.get(3, 0) + 1
    assert copy != counts
    assert copy.acks != counts.acks


# A process's row


def test_beat_writes_the_report_and_when(database: str) -> None:
    node = store.enroll("a")
    (fresh,) = store.node_figures()
    assert (fresh.name, fresh.version, fresh.heard) == ("a", __version__, None)
    assert fresh.report == Report()
    store.beat(node, FULL)
    (found,) = store.node_figures()
    assert (found.pk, found.report) == (node, FULL)
    assert found.heard is not None
    assert timedelta() <= found.now - found.heard < timedelta(minutes=1)


def test_one_process_is_found_among_others(database: str) -> None:
    store.enroll("a")
    node = store.enroll("b")
    assert [found.name for found in store.node_figures()] == ["a", "b"]
    assert [found.name for found in store.node_figures(node)] == ["b"]
    assert store.node_figures(node + 1) == []


def test_report_of_another_version_is_read_as_far_as_it_is_known(database: str) -> None:
    said = {"sessions": 4, "colour": "green", "lately": {"posts": 1, "acks": {"12": 1}, "x": 0}}
    Node.objects.using(database).create(name="a", figures=said)
    (found,) = store.node_figures()
    assert found.report == Report(sessions=4, lately=Counts(posts=1, acks={12: 1}))


def test_row_is_small(database: str) -> None:
    histogram = dict.fromkeys(range(62), 10**6)
    counts = Counts(10**9, 10**9, 10**9, 10**9, acks=histogram, fanouts=histogram)
    report = Report(lately=counts, ever=counts, busy=[Busy("x" * 64, 9, 9, 9.9)] * 20)
    assert len(msgspec.json.encode(report)) < 10_000


# Samples


def test_samples_are_read_back_in_order_of_all_processes_or_of_one(database: str) -> None:
    for minute in (2, 0, 1):
        for name in ("a", "b"):
            store.keep_sample(name, MINUTE + timedelta(minutes=minute), FULL)
    found = store.samples_since(MINUTE + timedelta(minutes=1))
    assert [minute for minute, _ in found] == [MINUTE + timedelta(minutes=m) for m in (1, 1, 2, 2)]
    assert [report for _, report in found] == [FULL] * 4
    assert len(store.samples_since(MINUTE, "a")) == 3


def test_minute_is_kept_once(database: str) -> None:
    store.keep_sample("a", MINUTE, FULL)
    store.keep_sample("a", MINUTE, Report(sessions=99))
    assert [report.sessions for _, report in store.samples_since(MINUTE)] == [FULL.sessions]


def test_samples_of_the_dead_age_out_with_the_help_of_the_living(database: str) -> None:
    store.keep_sample("dead", MINUTE - timedelta(minutes=1), FULL)
    store.keep_sample("dead", MINUTE, FULL)
    store.keep_sample("alive", MINUTE + figures.KEPT, FULL)
    names = Sample.objects.using(database).order_by("minute").values_list("node", "minute")
    assert list(names) == [("dead", MINUTE), ("alive", MINUTE + figures.KEPT)]


def test_old_samples_go_a_few_at_a_time(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "PRUNED_AT_ONCE", 2)
    old = [Sample(node=str(n), minute=MINUTE - timedelta(days=2)) for n in range(5)]
    Sample.objects.using(database).bulk_create(old)
    left = []
    for minute in range(3):
        store.keep_sample("a", MINUTE + timedelta(minutes=minute), FULL)
        left.append(Sample.objects.using(database).exclude(node="a").count())
    assert left == [3, 1, 0]
