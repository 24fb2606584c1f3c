"""What is to be sent, and how it is cut into frames."""

from collections.abc import Sequence

import pytest

from chat.conf import Config
from chat.hub import reel as reels
from chat.hub.outgoing import Messages
from chat.hub.reel import Reel
from chat.hub.seat import Hint, Line
from chat.hub.window import GROUPS, MARKS_KEPT
from chat.protocol import events, frames
from chat.store import Entry
from tests.fakes import entries, entry

MOST = 64
TYPING = Hint(
    frames.encode(events.Typing(room="main", sender=events.Sender("7", "bob"))), [Line("bob types")]
)


def cut(reel: Reel, place: int, most: int = MOST) -> list[list[str]]:
    """Return the types of the events in each frame of the row that begins at a place."""
    row = reel.row(place, most=most)
    found = [frames.decode_events(message["text"]) for message in row.messages]
    return [[type(event).__name__ for event in frame] for frame in found]


def test_row_is_one_object_for_all_who_are_as_far() -> None:
    reel = Reel(Config(), 0)
    reel.put(entries(1, 3))
    assert reel.row(0, most=MOST) is reel.row(0, most=MOST)
    assert reel.row(1, most=MOST) is not reel.row(0, most=MOST)


def test_row_holds_all_that_came_since_its_place() -> None:
    reel = Reel(Config(), 7)
    reel.put(entries(8, 9))
    assert cut(reel, 0) == [["Message"] * 2]
    reel.put(entries(10, 10))
    assert cut(reel, 0) == [["Message"] * 3]
    row = reel.row(1, most=MOST)
    assert (row.last, row.frames[-1].end, row.events) == (10, 3, [0, 2])


def test_hints_come_along_and_count_as_no_events() -> None:
    reel = Reel(Config(batch_events=2), 0)
    for each in entries(1, 5):
        reel.put([each])
        reel.put_hint(TYPING)
    pair = ["Message", "Typing"]
    assert cut(reel, 0) == [pair * 2, pair * 2, pair]
    assert reel.row(0, most=MOST).events == [0, 2, 4, 5]


def test_hints_alone_are_a_frame_that_leaves_one_where_one_is() -> None:
    reel = Reel(Config(), 7)
    reel.put_hint(TYPING)
    reel.put_hint(TYPING)
    row = reel.row(0, most=MOST)
    assert (cut(reel, 0), row.last, row.events) == ([["Typing"] * 2], 7, [0, 0])


def test_row_has_no_more_frames_than_asked_for() -> None:
    reel = Reel(Config(batch_events=1), 0)
    reel.put(entries(1, 5))
    assert cut(reel, 0, most=3) == [["Message"]] * 3
    assert cut(reel, 3, most=3) == [["Message"]] * 2


def test_row_ends_where_a_part_of_the_window_does() -> None:
    """Or who reads nothing could be sent more than the window before it is judged."""
    reel = Reel(Config(batch_events=10, window=64), 0)
    reel.put(entries(1, 40))
    assert [len(frame) for frame in cut(reel, 0)] == [10, 6]
    assert [len(frame) for frame in cut(reel, 16)] == [10, 6]


def test_those_who_are_behind_at_places_of_their_own_meet_at_the_end_of_a_part() -> None:
    reel = Reel(Config(window=64), 0)
    reel.put(entries(1, 40))
    for place in range(16):
        row = reel.row(place, most=MOST)
        assert row.frames[-1].end == 16
    reel.forget(12)
    assert reel.row(13, most=MOST).frames[-1].end == 16
    reel.forget(16)
    assert reel.row(17, most=MOST).frames[-1].end == 32
    assert reel._seams == [32]


def test_row_ends_where_a_part_of_the_bytes_of_the_window_does() -> None:
    reel = Reel(Config(window_bytes=65_536), 0)
    reel.put([entry(seq, "x" * 6000) for seq in range(1, 9)])
    assert [len(frame) for frame in cut(reel, 0)] == [2, 1]
    reel.put([entry(9, "x" * 60_000), entry(10)])
    assert cut(reel, 8) == [["Message"]], "but for one that is longer"


def test_row_knows_how_many_marks_of_the_window_are_before_its_end() -> None:
    reel = Reel(Config(batch_events=1, window=64), 0)
    reel.put(entries(1, 5))
    reel.put_hint(TYPING)
    assert [reel.row(place, most=2).marks for place in range(5)] == [2, 3, 4, 5, 5]


def test_who_comes_is_pinged_first_at_one_of_the_next_marks_each_at_its_own() -> None:
    reel = Reel(Config(window=64), 0)
    reel.put(entries(1, 7))
    assert {reel.first_ping(turn) for turn in range(100)} == set(range(8, 8 + GROUPS))


def test_who_comes_a_mark_after_another_waits_for_another() -> None:
    reel = Reel(Config(window=64), 0)
    found = set()
    for turn in range(GROUPS):
        found.add(reel.first_ping(turn) % GROUPS)
        reel.put([entry(turn + 1)])
    assert len(found) == GROUPS


def test_who_is_furthest_behind_is_judged_by_what_the_others_have_and_it_has_not() -> None:
    reel = Reel(Config(window_bytes=65_536), 0)
    reel.put([entry(seq, "x" * 900) for seq in range(1, 401)])
    place = 1
    while not (row := reel.row(place, most=MOST)).last > 80:
        place = row.frames[-1].end
    reel.forget(1)
    assert reel.exceeded(1, row)
    assert not reel.exceeded(row.last - 50, row)


def test_row_after_a_ping_is_the_same_row() -> None:
    reel = Reel(Config(batch_events=2), 0)
    reel.put(entries(1, 4))
    row = reel.row(0, most=MOST)
    ping, *rest = row.after_ping
    assert frames.decode_events(ping["text"]) == [events.Ping()]
    assert tuple(rest) == row.messages
    assert row.after_ping is row.after_ping
    assert row.after_ping.pieces == Messages(row.after_ping[:1]).pieces + row.messages.pieces
    assert row.after_ping.pieces[1] is row.messages.pieces[0], "its bytes are made once"


def test_who_is_a_window_behind_the_end_of_a_row_is_found() -> None:
    reel = Reel(Config(window=64), 0)
    reel.put(entries(1, 96))
    place, found = 0, []
    while place < reel.end:
        row = reel.row(place, most=MOST)
        found.append((row.last, reel.exceeded(0, row)))
        place = row.frames[-1].end
    assert found == [(16, False), (32, False), (48, False), (64, False), (80, True), (96, True)]


def test_what_everybody_has_is_forgotten_and_places_stay_what_they_were() -> None:
    reel = Reel(Config(batch_events=1), 0)
    reel.put(entries(1, 9))
    before = cut(reel, 4)
    reel.forget(4)
    assert (reel.start, reel.end, cut(reel, 4)) == (4, 9, before)
    reel.forget(9)
    assert (reel.start, reel.end, reel.seq) == (9, 9, 9)
    reel.put([entry(10)])
    assert reel.row(9, most=MOST).last == 10


def test_long_use_leaves_nothing_behind() -> None:
    reel = Reel(Config(window=64), 0)
    for seq in range(1, 10_000):
        reel.put([entry(seq)])
        reel.forget(reel.end)
    assert (reel._items, reel._seqs, reel._rows) == ([], [], {})
    assert (reel._marks, reel._seams, reel._lines, reel._frames) == ([], [], [], {})
    assert len(reel._window._seqs) <= MARKS_KEPT + 1


def test_lines_are_those_of_the_events_and_of_the_hints() -> None:
    reel = Reel(Config(), 0)
    reel.put(entries(1, 1))
    reel.put_hint(TYPING)
    (frame,) = reel.row(0, most=MOST).frames
    assert [line.text for line in reel.lines(frame)] == ["bob: m1", "bob types"]


def test_frame_to_which_nothing_can_be_added_is_made_once() -> None:
    """In a backlog at one event per frame, everybody is at another place, and more comes."""
    reel = Reel(Config(batch_events=1), 0)
    reel.put(entries(1, 3))
    first = reel.row(0, most=MOST)
    reel.put([entry(4)])
    again, beside = reel.row(0, most=MOST), reel.row(1, most=MOST)
    assert again.frames[:2] == first.frames[:2]
    assert beside.frames[0] is first.frames[1]
    assert [frame.last for frame in again.frames] == [1, 2, 3, 4]
    reel.forget(2)
    assert reel.row(2, most=MOST).frames[0] is again.frames[2]


def test_lines_are_made_once_though_frames_are_cut_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def lines_of(items: Sequence[Entry]) -> list[Line]:
        made.extend(item.seq for item in items)
        return [Line(item.text) for item in items]

    monkeypatch.setattr(reels, "lines_of", lines_of)
    reel = Reel(Config(), 0)
    for seq in (1, 2, 3):
        reel.put([entry(seq)])
        (frame,) = reel.row(0, most=MOST).frames
        assert len(reel.lines(frame)) == seq
    reel.forget(2)
    (frame,) = reel.row(2, most=MOST).frames
    assert [line.text for line in reel.lines(frame)] == [entry(3).text]
    assert made == [1, 2, 3]
