"""When the sessions of a room are asked how far they are, and who is held."""

from collections import Counter

import pytest

from chat.hub.fanout import Fanout
from chat.hub.window import GROUPS, PARTS
from chat.protocol import events
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
        seat.seen = seat.position
    assert asked(listener) == [15, 31, 47, 63]
    assert listener.slow == 0


async def test_pings_are_spread_so_that_not_everybody_answers_at_once() -> None:
    fan = Fanout(CONFIG, 0)
    listeners = [Listener(str(number)) for number in range(3 * GROUPS)]
    seats = sitting(fan, *listeners)
    for first in range(1, 193, 3):  # three events a row: marks are passed, not met
        fan.add(entries(first, first + 2))
        await fan.settled()
        for seat in seats:
            seat.seen = seat.position
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


async def test_terminal_is_never_pinged() -> None:
    fan = Fanout(CONFIG, 0)
    terminal = Listener(terminal=True)
    sitting(fan, terminal)
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
