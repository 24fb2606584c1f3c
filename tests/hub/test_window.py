from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.hub import window as windows
from chat.hub.window import GROUPS, MARKS_KEPT, PARTS, Credit, Window

ALL = PARTS * GROUPS
"""Marks of a window."""


def sent(window: Window, count: int, *, size: int = 10) -> list[int]:
    """Send ``count`` events one by one; return the seqs at which there was a mark."""
    found = []
    for seq in range(1, count + 1):
        before = window.marks
        window.sent(seq, size)
        found += [seq] * (window.marks > before)
    return found


def test_marks_are_spread_evenly_over_the_events_of_a_window() -> None:
    window = Window(events=10 * ALL, size=10**9, seq=0)
    assert sent(window, 45) == [10, 20, 30, 40]
    assert window._seqs == [0, 10, 20, 30, 40]


def test_marks_are_spread_evenly_over_the_bytes_of_a_window() -> None:
    window = Window(events=10**6, size=80 * ALL, seq=0)
    assert sent(window, 35) == [8, 16, 24, 32]


def test_large_event_is_worth_several_marks() -> None:
    """Or who reads nothing would be sent many of its size before it is asked."""
    window = Window(events=10**6, size=100 * ALL, seq=0)
    window.sent(1, 1050)
    assert window.marks == 10
    window.sent(2, 50)
    assert window.marks == 11, "what was over is not lost"


def test_session_that_has_seen_everything_is_never_too_slow() -> None:
    window = Window(events=100, size=1000, seq=50)
    for seq in range(51, 1000):
        window.sent(seq, 30)
        assert not window.exceeded(seq, seq)


def test_session_within_the_window_is_not_too_slow() -> None:
    window = Window(events=100, size=10**9, seq=0)
    sent(window, 100)
    assert not window.exceeded(0, 100)


def test_session_more_than_the_window_behind_is_too_slow() -> None:
    window = Window(events=100, size=10**9, seq=0)
    sent(window, 125)
    assert window.exceeded(0, 125)
    assert window.exceeded(24, 125)
    assert not window.exceeded(25, 125)
    assert not window.exceeded(0, 100), "of what is judged, only what is up to there counts"


def test_session_more_than_the_bytes_behind_is_too_slow() -> None:
    window = Window(events=10**6, size=10 * ALL, seq=0)
    sent(window, ALL + 25)
    assert window.exceeded(0, ALL + 25)
    assert window.exceeded(24, ALL + 25)
    assert not window.exceeded(25, ALL + 25)
    assert not window.exceeded(0, ALL)


def test_what_came_after_the_last_mark_counts() -> None:
    window = Window(events=10**6, size=1000 * ALL, seq=0)
    window.sent(1, 1900)
    window.sent(2, 63_300)
    assert not window.exceeded(1, 2)
    window.sent(3, 750)
    assert window._seqs[-1] == 2
    assert window.exceeded(1, 3)


@pytest.mark.parametrize("seq", [0, 17])
def test_new_window_exceeds_nobody(seq: int) -> None:
    assert not Window(events=64, size=65_536, seq=seq).exceeded(seq, seq)


sends = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 400)), max_size=120)


@given(st.integers(64, 200), st.integers(400, 4000), sends, st.integers(0, 300))
def test_bounds_hold_to_a_mark_and_an_event(
    events: int, size: int, batches: list[tuple[int, int]], seen: int
) -> None:
    """Nobody well within the window is held; nobody is let through beyond it."""
    window = Window(events=events, size=size, seq=0)
    last, total, history = 0, 0, [(0, 0)]
    most_bytes = max([count for _, count in batches], default=0)
    for count, length in batches:
        last, total = last + count, total + length
        history.append((last, total))
        window.sent(last, length)
        position = min(seen, last)
        # What lies after the position, and after the end of the frame that holds it.
        behind = last - position
        unseen = total - max(count for seq, count in history if seq <= position)
        if behind > events or unseen > size:
            assert window.exceeded(position, last)
        elif unseen + size / ALL + most_bytes <= size:
            # Bytes are counted from the last mark before the position.
            assert not window.exceeded(position, last)


@given(st.integers(64, 200), st.integers(400, 4000), sends)
def test_marks_keep_up_with_events_and_with_bytes(
    events: int, size: int, batches: list[tuple[int, int]]
) -> None:
    window = Window(events=events, size=size, seq=0)
    last = total = 0
    for count, length in batches:
        last, total = last + count, total + length
        window.sent(last, length)
        least = max(last / events, total / size) * ALL
        most = (last / events + total / size) * ALL
        assert least - 1 - 1e-6 < window.marks <= most + 1e-6


@given(st.integers(64, 200), st.integers(400, 4000), sends, st.integers(0, 300), st.integers(0, 99))
def test_what_is_forgotten_changes_no_judgement(
    events: int, size: int, batches: list[tuple[int, int]], seen: int, passed: int
) -> None:
    with patch.multiple(windows, GROUPS=1, MARKS_KEPT=2 * PARTS + 2):
        whole = Window(events=events, size=size, seq=0)
        short = Window(events=events, size=size, seq=0)
        last, ends = 0, [0]
        for count, length in batches:
            last += count
            whole.sent(last, length)
            short.sent(last, length)
            ends.append(last)
        everybody = ends[len(ends) * passed // 100]
        short.forget(everybody)
        for end in ends:
            if end >= everybody:
                assert short.exceeded(min(seen, end), end) == whole.exceeded(min(seen, end), end)


def test_of_what_everybody_has_no_more_marks_are_kept_than_a_window_needs() -> None:
    window = Window(events=100, size=10**9, seq=0)
    sent(window, 100_000)
    window.forget(100_000)
    assert len(window._seqs) == len(window._sizes) == MARKS_KEPT


# Replies


def test_credit_asks_for_a_ping_each_quarter_and_once_until_it_is_answered() -> None:
    credit = Credit(400)
    assert [credit.sent(50) for _ in range(4)] == [False, True, False, False]
    credit.answered()
    assert credit.sent(0)


def test_credit_is_exceeded_by_what_came_since_the_last_answered_ping() -> None:
    credit = Credit(400)
    for _ in range(8):
        credit.sent(50)
        assert not credit.exceeded
    credit.sent(1)
    assert credit.exceeded


def test_credit_of_who_answers_counts_only_what_came_after_the_ping() -> None:
    credit = Credit(400)
    assert credit.sent(300)
    credit.sent(100)
    credit.answered()
    credit.sent(290)
    assert not credit.exceeded
    credit.sent(20)
    assert credit.exceeded


@given(st.lists(st.integers(0, 120) | st.none(), max_size=80))
def test_credit_never_lets_more_through_unanswered_than_its_bound(
    steps: list[int | None],
) -> None:
    """``None``: the client answers, where it was asked."""
    credit = Credit(400)
    unread = before_ping = 0
    asked = False
    for size in steps:
        if size is None:
            if asked:
                credit.answered()
                unread, asked = unread - before_ping, False
            continue
        unread += size
        if credit.sent(size):
            asked, before_ping = True, unread
        assert credit.exceeded == (unread > 400)
