"""Listeners that take nothing for a while, or confirm little."""

import pytest

from chat.protocol import events
from chat.protocol.errors import Unavailable
from chat.store import Entry
from tests.fakes import Listener, entries, entry
from tests.hub.room.conftest import CONFIG, Make


async def test_parked_listener_catches_up_and_misses_nothing(make: Make) -> None:
    live = make()
    listener, other = Listener("1"), Listener("2")
    seat = await live.join(listener)
    await live.join(other)
    live.hear(entry(1))
    await live.room.fanout.settled()
    listener.blocked = True
    for seq in range(2, 8):
        live.hear(entry(seq))
        await live.room.fanout.settled()
    assert live.room.stragglers() == [seat]
    listener.blocked = False
    await live.room.catch_up(seat)
    assert live.room.stragglers() == []
    live.hear(entry(8))
    await live.room.fanout.settled()
    assert listener.seqs == other.seqs == list(range(1, 9))


async def test_listener_that_blocks_while_catching_up_goes_on_later_where_it_was(
    make: Make,
) -> None:
    live = make(entries(1, 10))
    listener = Listener()

    def block() -> None:
        listener.blocked = len(listener.messages) == 1

    listener.pushed = block
    seat = await live.join(listener, at=0)
    assert (seat.live, seat.position) == (False, 4)
    listener.blocked = False
    await live.room.catch_up(seat)
    assert seat.live
    assert listener.seqs == list(range(1, 11))


async def test_blocked_terminal_goes_on_later_where_it_was(make: Make) -> None:
    live = make(entries(1, 3))
    terminal = Listener("8", terminal=True)
    terminal.blocked = True
    seat = await live.join(terminal, at=0)
    assert seat.position == 0
    terminal.blocked = False
    await live.room.catch_up(seat)
    assert terminal.lines == ["bob: m1", "bob: m2", "bob: m3"]


async def test_listener_far_back_is_served_a_window_at_a_time_as_it_confirms(make: Make) -> None:
    last = 3 * CONFIG.window
    live = make(entries(1, last))
    listener = Listener()
    seat = await live.join(listener, at=0)
    assert (seat.live, seat.position) == (False, CONFIG.window)
    stalled_at = seat.stalled_at
    assert stalled_at is not None
    assert any(isinstance(event, events.Ping) for frame in listener.frames for event in frame)
    while not seat.live:
        seat.confirm(seat.position)
        assert seat.stalled_at is None
        await live.room.catch_up(seat)
    assert (listener.slow, listener.seqs) == (0, list(range(1, last + 1)))


@pytest.mark.parametrize("left", [entries(40, 90), []])
async def test_listener_is_closed_rather_than_shown_a_hole_in_the_log(
    make: Make, left: list[Entry]
) -> None:
    live = make(entries(1, 90))
    live.log.entries = left
    listener = Listener()
    seat = await live.join(listener, at=20)
    assert (listener.slow, listener.messages, seat.live) == (1, [], False)


async def test_catching_up_without_a_database_is_told_and_goes_on_later(make: Make) -> None:
    live = make(entries(1, 90))
    live.log.away = True
    listener = Listener()
    seat = live.sit(listener, at=0)
    with pytest.raises(Unavailable):
        await live.room.catch_up(seat)
    assert live.room.stragglers() == [seat]
    live.log.away = False
    await live.room.catch_up(seat)
    assert listener.seqs == list(range(1, 91))
