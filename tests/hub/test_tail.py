import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chat.hub.tail import Tail
from chat.protocol import frames
from chat.protocol.events import Edited, Message
from chat.store import Entry
from tests.fakes import delete, edit, entries, entry


def seqs(found: list[Entry] | None) -> list[int] | None:
    """Return the seqs of ``found``."""
    return None if found is None else [entry.seq for entry in found]


def texts(tail: Tail) -> dict[int, str]:
    """Return the texts that a tail holds, by seq."""
    found = tail.after(tail.start, tail.end)
    assert found is not None
    logged = [frames.decode_logged(entry.text) for entry in found]
    return {e.seq: e.text for e in logged if isinstance(e, Message | Edited)}


def test_new_tail_of_a_long_log_keeps_the_newest() -> None:
    tail = Tail(entries(1, 10), end=10, most=4)
    assert (tail.start, tail.end) == (6, 10)
    assert tail.after(5, 10) is None
    assert seqs(tail.after(6, 10)) == [7, 8, 9, 10]
    assert seqs(tail.after(8, 9)) == [9]


def test_tail_is_asked_for_nothing_returns_nothing() -> None:
    tail = Tail(entries(1, 10), end=10, most=4)
    assert tail.after(10, 10) == []
    assert tail.after(9, 8) == []
    assert tail.after(12, 20) == []


def test_tail_without_entries_starts_at_its_end() -> None:
    tail = Tail((), end=7, most=4)
    assert (tail.start, tail.end) == (7, 7)
    assert tail.after(7, 7) == []
    assert tail.after(6, 7) is None


def test_extending_with_a_hole_is_our_own_mistake() -> None:
    tail = Tail(entries(1, 3), end=3, most=4)
    with pytest.raises(AssertionError, match="no holes"):
        tail.extend([entry(5)])


def test_start_of_last_counts_messages_not_changes() -> None:
    tail = Tail([], end=0, most=10)
    tail.extend([entry(1), entry(2), edit(3, 1, "x"), entry(4), delete(5, 2)])
    assert tail.start_of_last(1) == 3
    assert tail.start_of_last(2) == 1
    assert tail.start_of_last(3) == 0
    assert tail.start_of_last(0) == 5


def test_start_of_last_of_more_than_there_are_is_the_beginning_of_the_log() -> None:
    assert Tail(entries(1, 3), end=3, most=4).start_of_last(50) == 0


def test_start_of_last_is_unknown_where_the_tail_is_too_short() -> None:
    assert Tail(entries(5, 8), end=8, most=4).start_of_last(50) is None


def test_edit_changes_the_message_it_is_of() -> None:
    tail = Tail([], end=0, most=10)
    tail.extend([entry(1, "a"), entry(2, "b"), edit(3, 1, "c")])
    assert texts(tail) == {1: "c", 2: "b", 3: "c"}


def test_change_of_a_message_that_is_gone_from_the_tail_changes_nothing_else() -> None:
    tail = Tail([], end=0, most=2)
    tail.extend([entry(1, "a"), entry(2, "b"), delete(3, 1)])
    assert texts(tail) == {2: "b"}


def test_deleted_text_is_nowhere_in_the_tail() -> None:
    tail = Tail([], end=0, most=10)
    tail.extend([entry(1, "secret one"), edit(2, 1, "secret two"), delete(3, 1)])
    held = tail.after(0, 3)
    assert held is not None
    assert "secret" not in "".join(entry.text for entry in held)


def test_earlier_edit_says_the_text_as_it_now_is_like_the_log() -> None:
    tail = Tail([], end=0, most=10)
    tail.extend([entry(1, "a"), edit(2, 1, "b"), edit(3, 1, "c")])
    assert texts(tail) == {1: "c", 2: "c", 3: "c"}


@st.composite
def logs(draw: st.DrawFn) -> list[Entry]:
    """A log of messages, edits of messages and deletions, from seq 1 on."""
    found: list[Entry] = []
    messages: list[int] = []
    for seq in range(1, draw(st.integers(0, 30)) + 1):
        kind = draw(st.sampled_from(["post", "post", "edit", "delete"])) if messages else "post"
        if kind == "post":
            messages.append(seq)
            found.append(entry(seq))
        else:
            target = draw(st.sampled_from(messages))
            found.append(edit(seq, target, f"e{seq}") if kind == "edit" else delete(seq, target))
    return found


@given(
    logs(),
    st.integers(1, 12),
    st.data(),
)
def test_tail_is_the_end_of_a_plain_list(log: list[Entry], most: int, data: st.DataObject) -> None:
    known = data.draw(st.integers(0, len(log)))
    loaded = data.draw(st.integers(0, known))
    tail = Tail(log[known - loaded : known], end=known, most=most)
    rest = log[known:]
    while rest:
        count = data.draw(st.integers(1, len(rest)))
        tail.extend(rest[:count])
        rest = rest[count:]
    size = min(most, len(log) - known + min(loaded, most))
    assert (tail.end, tail.start) == (len(log), len(log) - size)

    kept = {e.seq: e for e in log[len(log) - size :]}
    for change in log[known:]:
        for seq, held in kept.items():
            if seq < change.seq and change.target and change.target in (seq, held.target):
                text = frames.amend(held.text, frames.decode_logged(change.text))
                kept[seq] = replace(held, text=text)
    assert tail.after(tail.start, tail.end) == list(kept.values())

    position, upto = data.draw(st.integers(0, len(log))), data.draw(st.integers(0, len(log)))
    expected = None if position < tail.start else list(range(position + 1, upto + 1))
    assert seqs(tail.after(position, upto)) == expected

    wanted = data.draw(st.integers(0, 35))
    posts = [e.seq for e in log[len(log) - size :] if e.is_message]
    if not wanted:
        assert tail.start_of_last(wanted) == len(log)
    elif len(posts) >= wanted:
        assert tail.start_of_last(wanted) == posts[-wanted] - 1
    else:
        assert tail.start_of_last(wanted) == (0 if size == len(log) else None)
