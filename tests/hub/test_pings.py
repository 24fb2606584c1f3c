"""When the sessions of a room are asked how far they are, and who is held."""

from collections import Counter

import pytest

from chat.conf import Config
from chat.hub.fanout import Fanout
from chat.hub.seat import EVER
from chat.hub.window import GROUPS, PARTS
from chat.protocol import events
from chat.store import Counts
from tests.fakes import Listener, entries, entry
from tests.hub.test_fanout import CONFIG, sitting

pytestmark = pytest.mark.usefixtures("turns_by_count")


def asked(listener: Listener) -> list[int]:
    """Return the last event that had been sent before each ping."""
    found, last = [], 0
    for event in (event for frame in listener.frames for event in frame):
        if isinstance(event, events.Message):
            last = event.seq
        elif isinstance(event, events.Ping):
            found.append(last)
    return found


async def test_ping_goes_out_once_in_each_quarter_of_the_window() -> None:
    fan = Fanout(CONFIG, 0)
    listener = Listener()
    (seat,) = sitting(fan, listener)
    for seq in range(1, 65):
        fan.add([entry(seq)])
        await fan.settled()
        seat.confirm(seat.position)
    assert asked(listener) == [15, 31, 47, 63]
    assert seat.live


async def test_pings_are_spread_so_that_not_everybody_answers_at_once() -> None:
    fan = Fanout(CONFIG, 0)
    listeners = [Listener(str(number)) for number in range(3 * GROUPS)]
    seats = sitting(fan, *listeners)
    for first in range(1, 193, 3):  # three events a row: marks are passed, not met
        fan.add(entries(first, first + 2))
        await fan.settled()
        for seat in seats:
            seat.confirm(seat.position)
    at_once = Counter(last for listener in listeners for last in asked(listener))
    assert {len(asked(listener)) for listener in listeners} == {12}
    assert max(at_once.values()) <= 3 * 3


async def test_ping_comes_before_what_it_is_due_with() -> None:
    """A connection that takes one frame of each row would never be asked how far it is."""
    fan = Fanout(CONFIG, 0)
    listener = Listener()
    (seat,) = sitting(fan, listener)
    listener.pushed = lambda: setattr(listener, "blocked", True)
    fan.add(entries(1, 16))
    await fan.settled()
    assert [type(event) for frame in listener.frames for event in frame] == [events.Ping]
    assert (seat.live, seat.position) == (False, 0)


async def test_those_who_come_one_by_one_are_pinged_apart_too() -> None:
    fan = Fanout(CONFIG, 0)
    listeners = [Listener(str(number)) for number in range(2 * GROUPS)]
    for seq, listener in enumerate(listeners, 1):
        sitting(fan, listener)
        fan.add([entry(seq)])
        await fan.settled()
    begun = len(listeners)
    for seq in range(begun + 1, begun + GROUPS + 1):
        fan.add([entry(seq)])
        await fan.settled()
    at_once = Counter(last for each in listeners for last in asked(each) if last >= begun)
    assert sorted(at_once.values()) == [2] * GROUPS


async def test_connection_that_takes_a_part_of_a_row_after_a_ping_goes_on_from_there() -> None:
    counts = Counts()
    fan = Fanout(Config(window=64, batch_events=1), 0, counts)
    listener = Listener()
    (seat,) = sitting(fan, listener)
    listener.pushed = lambda: setattr(listener, "blocked", len(listener.messages) == 4)
    fan.add(entries(1, 16))
    await fan.settled()
    assert (asked(listener), listener.seqs) == ([0], [1, 2, 3])
    assert (seat.live, seat.position, counts.deliveries) == (False, 3, 3)


async def test_ping_that_was_not_taken_goes_with_the_next_row() -> None:
    fan = Fanout(CONFIG, 0)
    listener = Listener()
    (seat,) = sitting(fan, listener)
    listener.blocked = True
    fan.add(entries(1, 16))
    await fan.settled()
    assert not seat.live
    listener.blocked = False
    seat.position = 16  # as if served from the log
    fan.set_live(seat, live=True)
    fan.add([entry(17)])
    await fan.settled()
    assert asked(listener) == [0]


async def test_who_is_held_again_and_again_is_asked_all_the_same() -> None:
    """Each time it is live for a little less than a quarter of the window."""
    fan = Fanout(CONFIG, 0)
    listener = Listener()
    (seat,) = sitting(fan, listener)
    for first in range(1, 61, 10):
        fan.add(entries(first, first + 9))
        await fan.settled()
        fan.set_live(seat, live=False)
        fan.set_live(seat, live=True)
    assert asked(listener) == [10, 30, 40]


async def test_terminal_is_never_pinged() -> None:
    fan = Fanout(CONFIG, 0)
    terminal = Listener(terminal=True)
    (seat,) = sitting(fan, terminal)
    assert seat.ping_at == EVER
    fan.add(entries(1, 200))
    await fan.settled()
    assert terminal.lines == [f"bob: m{seq}" for seq in range(1, 201)]


async def test_listener_more_than_the_window_behind_is_held_and_no_other() -> None:
    fan = Fanout(CONFIG, 0)
    slow, good, terminal = Listener("1"), Listener("2"), Listener("3", terminal=True)
    held, seat, shown = sitting(fan, slow, good, terminal)
    last = CONFIG.window + CONFIG.window // PARTS
    for seq in range(1, last + 1):
        assert held.live
        fan.add([entry(seq)])
        await fan.settled()
        seat.confirm(seat.position)
    assert (held.live, seat.live, shown.live) == (False, True, True)
    assert held.stalled_at is not None
    # What it was sent is known exactly: from there it is served when it answers.
    assert slow.seqs == list(range(1, held.position + 1))
    assert good.seqs == list(range(1, last + 1))


async def test_who_has_answered_all_that_was_asked_is_not_held() -> None:
    """Two events are more than the window here, and each ping comes before the one it is due with.

    Who was held would have nothing left to answer.
    """
    size = CONFIG.window_bytes // 2
    fan = Fanout(CONFIG, 0)
    listener = Listener()
    (seat,) = sitting(fan, listener)
    for seq in range(1, 9):
        before = seat.position
        fan.add([entry(seq, "x" * size)])
        await fan.settled()
        seat.confirm(before)  # what it had when the ping came
    assert (seat.live, listener.seqs) == (True, list(range(1, 9)))


@pytest.mark.parametrize("answers", [True, False])
async def test_bound_in_bytes(answers: bool) -> None:
    config = Config(window_bytes=65_536)
    fan = Fanout(config, 0)
    listener = Listener()
    (seat,) = sitting(fan, listener)
    for seq in range(1, 401):
        fan.add([entry(seq, "x" * 900)])
        await fan.settled()
        if answers:
            seat.confirm(seat.position)
    sent = sum(len(message["text"]) for message in listener.messages)
    if answers:
        assert seat.live
        assert len(asked(listener)) == sent // (config.window_bytes // PARTS)
    else:
        assert not seat.live
        assert config.window_bytes * 0.9 < sent < config.window_bytes * 1.25
