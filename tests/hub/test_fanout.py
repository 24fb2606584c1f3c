import msgspec
import pytest

from chat.conf import Config
from chat.hub import fanout
from chat.hub.fanout import Fanout
from chat.hub.reel import lines_of
from chat.hub.seat import Hint, Line, Seat
from chat.protocol import events, frames
from tests.fakes import Listener, delete, edit, entries, entry, record, seat_of, turns

pytestmark = pytest.mark.usefixtures("turns_by_count")

CONFIG = Config(window=64)
TYPING = frames.encode(events.Typing(room="main", sender=events.Sender("7", "bob")))


def sitting(fan: Fanout, *listeners: Listener) -> list[Seat]:
    """Return live seats of ``listeners``."""
    seats = [seat_of(listener, None, at=fan.sent) for listener in listeners]
    for seat in seats:
        fan.set_live(seat, live=True)
    return seats


async def test_event_reaches_everybody_in_one_object() -> None:
    fan = Fanout(CONFIG, record().head)
    listeners = [Listener(str(number)) for number in range(3)]
    seats = sitting(fan, *listeners)
    fan.add(entries(1, 1))
    await fan.settled()
    assert [listener.seqs for listener in listeners] == [[1]] * 3
    assert len({id(listener.messages[0]) for listener in listeners}) == 1
    assert [seat.position for seat in seats] == [1] * 3


async def test_idle_fan_out_sends_at_once() -> None:
    fan = Fanout(CONFIG, 0)
    listener = Listener()
    sitting(fan, listener)
    fan.add(entries(1, 1))
    await turns(1)
    assert listener.seqs == [1]


async def test_what_waits_shares_frames_of_no_more_events_than_the_bound() -> None:
    fan = Fanout(Config(batch_events=10), 0)
    listener = Listener()
    sitting(fan, listener)
    for seq in range(1, 26):
        fan.add([entry(seq)])
    await fan.settled()
    assert [len(frame) for frame in listener.frames] == [10, 10, 5]
    assert listener.seqs == list(range(1, 26))


async def test_what_waits_shares_frames_of_no_more_bytes_than_the_bound() -> None:
    size = len(entry(1).text)
    fan = Fanout(Config(batch_bytes=3 * size), 0)
    listener = Listener()
    sitting(fan, listener)
    fan.add(entries(1, 8))
    await fan.settled()
    assert [len(frame) for frame in listener.frames] == [3, 3, 2]


async def test_frame_holds_no_more_than_a_quarter_of_the_window() -> None:
    """Or who reads nothing could be sent a window of it before it is judged."""
    fan = Fanout(Config(batch_events=256, window=64), 0)
    listener = Listener()
    sitting(fan, listener)
    fan.add(entries(1, 40))
    await fan.settled()
    logged = [[e for e in frame if isinstance(e, events.Message)] for frame in listener.frames]
    assert [len(frame) for frame in logged if frame] == [16, 16, 8]


async def test_event_larger_than_the_bound_has_a_frame_of_its_own() -> None:
    fan = Fanout(Config(batch_bytes=300), 0)
    listener = Listener()
    sitting(fan, listener)
    fan.add([entry(1), entry(2, "x" * 1000), entry(3)])
    await fan.settled()
    assert [len(frame) for frame in listener.frames] == [1, 1, 1]


async def test_what_comes_in_the_middle_of_a_turn_goes_out_in_order() -> None:
    fan = Fanout(CONFIG, 0)
    first, second = Listener("1"), Listener("2")
    sitting(fan, first, second)
    waiting = entries(2, 6)
    first.pushed = lambda: fan.add([waiting.pop(0)]) if waiting else None
    fan.add([entry(1)])
    await fan.settled()
    assert first.seqs == second.seqs == list(range(1, 7))


async def test_who_becomes_live_during_a_flush_gets_each_event_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was served up to ``sent`` by its catching up, and goes on from there."""
    monkeypatch.setattr(fanout, "SEATS_AT_ONCE", 1)
    fan = Fanout(CONFIG, 0)
    first, joiner, last = Listener("1"), Listener("2"), Listener("3")
    sitting(fan, first, last)

    def join() -> None:
        first.pushed = lambda: None
        (seat,) = sitting(fan, joiner)
        assert seat.position == 1

    first.pushed = join
    fan.add([entry(1)])
    await turns(1)
    fan.add([entry(2)])
    await fan.settled()
    assert (first.seqs, joiner.seqs, last.seqs) == ([1, 2], [2], [1, 2])


async def test_who_leaves_during_a_flush_is_sent_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fanout, "SEATS_AT_ONCE", 1)
    fan = Fanout(CONFIG, 0)
    first, leaver = Listener("1"), Listener("2")
    _, seat = sitting(fan, first, leaver)
    first.pushed = lambda: fan.set_live(seat, live=False)
    fan.add([entry(1)])
    await fan.settled()
    assert (first.seqs, leaver.seqs) == ([1], [])


async def test_blocked_listener_is_passed_by_from_then_on() -> None:
    fan = Fanout(Config(batch_events=1), 0)
    good, blocked = Listener("1"), Listener("2")
    good_seat, seat = sitting(fan, good, blocked)

    def block() -> None:
        blocked.blocked = True

    blocked.pushed = block
    fan.add(entries(1, 3))
    await fan.settled()
    assert (seat.live, seat.position) == (False, 1)
    assert fan.live == [good_seat]
    assert (good.seqs, blocked.seqs) == ([1, 2, 3], [1])
    blocked.blocked = False
    fan.add([entry(4)])
    await fan.settled()
    assert (good.seqs, blocked.seqs) == ([1, 2, 3, 4], [1])


async def test_large_room_lets_the_loop_go_on_during_a_flush() -> None:
    fan = Fanout(CONFIG, 0)
    listeners = [Listener(str(number)) for number in range(2 * fanout.SEATS_AT_ONCE)]
    sitting(fan, *listeners)
    fan.add([entry(1)])
    await turns(1)
    assert 0 < sum(bool(listener.messages) for listener in listeners) < len(listeners)
    await fan.settled()
    assert all(listener.seqs == [1] for listener in listeners)


async def test_turns_that_take_long_let_the_loop_go_on_sooner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fanout, "SECONDS_AT_ONCE", 0)
    fan = Fanout(CONFIG, 0)
    listeners = [Listener(str(number)) for number in range(4)]
    sitting(fan, *listeners)
    fan.add([entry(1)])
    for served in range(1, 5):
        await turns(1)
        assert [len(listener.messages) for listener in listeners] == [1] * served + [0] * (
            4 - served
        )


# Hints


async def test_hint_goes_with_the_next_frame() -> None:
    fan = Fanout(CONFIG, 0)
    listener = Listener()
    (seat,) = sitting(fan, listener)
    fan.hint(Hint(TYPING))
    fan.add([entry(1)])
    await fan.settled()
    assert [[type(e).__name__ for e in frame] for frame in listener.frames] == [
        ["Typing", "Message"]
    ]
    assert seat.position == 1


async def test_hint_alone_is_sent_and_moves_no_position() -> None:
    fan = Fanout(CONFIG, 5)
    listener = Listener()
    (seat,) = sitting(fan, listener)
    fan.hint(Hint(TYPING))
    await fan.settled()
    assert [len(frame) for frame in listener.frames] == [1]
    assert (seat.position, fan.sent) == (5, 5)


# Terminals


async def test_terminal_gets_a_frame_for_each_line() -> None:
    fan = Fanout(CONFIG, 0)
    terminal = Listener("8", terminal=True)
    sitting(fan, Listener("9"), terminal)
    fan.add([entry(1), entry(2), edit(3, 1, "x")])
    fan.hint(Hint(TYPING, [Line("[UID: 9] joined", "9"), Line("[UID: 8] joined", "8")]))
    await fan.settled()
    assert terminal.lines == ["bob: m1", "bob: m2", "* bob edited: x", "[UID: 9] joined"]


async def test_lines_are_made_only_while_a_terminal_is_there() -> None:
    """For the others nothing is ever decoded."""
    fan = Fanout(CONFIG, 0)
    listener, terminal = Listener("1"), Listener("2", terminal=True)
    unreadable = msgspec.structs.replace(entry(1), text='{"type":"no event"}')
    seat, other = sitting(fan, listener, terminal)
    fan.set_live(other, live=False)
    fan.add([unreadable])
    await fan.settled()
    assert seat.position == 1
    assert terminal.messages == []


def test_lines_of_a_delete_name_who_did_it() -> None:
    assert [line.text for line in lines_of([delete(2, 1)])] == ["* bob deleted a message"]


# The end


async def test_stopped_fan_out_sends_no_more() -> None:
    fan = Fanout(CONFIG, 0)
    listener = Listener()
    sitting(fan, listener)
    fan.add([entry(1)])
    await fan.stop()
    await turns()
    assert listener.messages == []


async def test_stopping_an_idle_fan_out_is_nothing() -> None:
    await Fanout(CONFIG, 0).stop()


async def test_who_misses_a_turn_that_fails_is_served_from_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fan = Fanout(CONFIG, 0)
    listener = Listener()
    (seat,) = sitting(fan, listener)

    def fails(*_: object) -> None:
        raise ValueError("no such event")

    with monkeypatch.context() as patched:
        patched.setattr(frames, "frame", fails)
        fan.add(entries(1, 2))
        await fan.settled()
    assert "a room could not be served" in caplog.text
    assert (seat.live, seat.position, fan.sent) == (False, 0, 2)
    fan.add(entries(3, 3))
    await fan.settled()
    assert listener.seqs == [], "never with a hole"
