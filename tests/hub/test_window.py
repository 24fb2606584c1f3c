import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.hub.window import MARKS_KEPT, PARTS, Credit, Window


def sent(window: Window, count: int, *, start: int = 0, size: int = 10) -> list[int]:
    """Send ``count`` events one by one; return the seqs at which a ping was due."""
    return [seq for seq in range(start + 1, start + count + 1) if window.sent(seq, size)]


def test_ping_is_due_each_quarter_of_the_events() -> None:
    window = Window(events=100, size=10**9, seq=0)
    assert sent(window, 100) == [25, 50, 75, 100]


def test_ping_is_due_each_quarter_of_the_bytes() -> None:
    window = Window(events=10**6, size=400, seq=0)
    assert sent(window, 40) == [10, 20, 30, 40]


def test_session_that_has_seen_everything_is_never_too_slow() -> None:
    window = Window(events=100, size=1000, seq=50)
    for seq in range(51, 1000):
        if window.sent(seq, 30):
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
    assert not window.exceeded(0, 100), "who is judged at an earlier ping is not behind a later one"


def test_session_more_than_the_bytes_behind_is_too_slow() -> None:
    window = Window(events=10**6, size=1000, seq=0)
    sent(window, 125)
    assert window.exceeded(0, 125)
    assert not window.exceeded(50, 125)
    assert not window.exceeded(0, 75)


@pytest.mark.parametrize("seq", [0, 17])
def test_new_window_exceeds_nobody(seq: int) -> None:
    assert not Window(events=64, size=65_536, seq=seq).exceeded(seq, seq)


sends = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 400)), max_size=120)


@given(st.integers(64, 200), st.integers(400, 4000), sends, st.integers(0, 300))
def test_bounds_hold_to_a_part_of_the_window(
    events: int, size: int, batches: list[tuple[int, int]], seen: int
) -> None:
    """Nobody within the window is closed; nobody is let through a part and a frame beyond it."""
    window = Window(events=events, size=size, seq=0)
    last, total, history = 0, 0, [(0, 0)]
    most_events = max([count for count, _ in batches], default=0)
    most_bytes = max([count for _, count in batches], default=0)
    for count, length in batches:
        last, total = last + count, total + length
        history.append((last, total))
        if not window.sent(last, length):
            continue
        position = min(seen, last)
        # What lies after the position, and after the end of the frame that holds it.
        behind = last - position
        before = max(count for seq, count in history if seq <= position)
        unseen = total - before
        if behind > events:
            assert window.exceeded(position, last)
        if behind <= events and unseen <= size:
            # Bytes are counted from the last mark before the position: at most a part more.
            slack = size // PARTS + most_bytes
            assert not window.exceeded(position, last) or unseen + slack > size
        if unseen > size:
            assert window.exceeded(position, last)
    # Between two looks at it no more than a part and one frame goes out.
    assert last - window._seqs[-1] < events // PARTS + most_events
    assert total - window._sizes[-1] < size // PARTS + most_bytes


@given(st.integers(64, 200), st.integers(400, 4000), sends, st.integers(0, 300), st.integers(0, 99))
def test_what_is_forgotten_changes_no_judgement(
    events: int, size: int, batches: list[tuple[int, int]], seen: int, passed: int
) -> None:
    whole = Window(events=events, size=size, seq=0)
    short = Window(events=events, size=size, seq=0)
    last, marks = 0, []
    for count, length in batches:
        last += count
        whole.sent(last, length)
        if short.sent(last, length):
            marks.append(last)
    everybody = marks[len(marks) * passed // 100] if marks else 0
    short.forget(everybody)
    for mark in marks:
        if mark >= everybody:
            assert short.exceeded(min(seen, mark), mark) == whole.exceeded(min(seen, mark), mark)


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
