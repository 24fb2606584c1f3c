"""Turns of the fan-out: whatever comes in between, everybody gets each event once, in order."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.conf import Config
from chat.hub import fanout
from chat.hub.fanout import Fanout
from chat.hub.outgoing import text_frame
from chat.hub.seat import Hint, Seat
from chat.protocol import events, frames
from chat.store import Counts
from tests.fakes import Listener, entries, entry, seat_of, turns

pytestmark = pytest.mark.usefixtures("turns_by_count")

TYPING = frames.encode(events.Typing(room="main", sender=events.Sender("7", "bob")))

some = st.integers(0, 7)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 40)),
        st.tuples(st.sampled_from(["hint", "join", "join by terminal", "turn"]), st.just(0)),
        st.tuples(st.sampled_from(["leave", "block", "choke", "come back", "confirm"]), some),
    ),
    max_size=60,
)


class Crowd:
    """Seats of one fan-out, and what is done to them."""

    def __init__(self, config: Config) -> None:
        self.fan = Fanout(config, 0, Counts())
        self.seats: list[tuple[Seat, Listener, int]] = []
        """Each with the position at which it came."""
        self.hints: Counter[Seat] = Counter()
        """How many each may have been sent, as it was live when they were."""

    def join(self, *, terminal: bool = False) -> None:
        """Somebody comes who has everything up to now."""
        listener = Listener(str(len(self.seats)), terminal=terminal)
        seat = seat_of(listener, None, at=self.fan.sent)
        self.seats.append((seat, listener, self.fan.sent))
        self.fan.set_live(seat, live=True)

    def choke(self, listener: Listener) -> None:
        """Have it take one frame more, of however long a row."""

        def block() -> None:
            listener.blocked = True

        listener.pushed = block

    def come_back(self, seat: Seat, listener: Listener) -> None:
        """Take what was missed from the log, as ``Room.catch_up`` does, and be served again."""
        listener.blocked, listener.pushed = False, lambda: None
        if seat.live:
            return
        for seq in range(seat.position + 1, self.fan.sent + 1):
            text = f"bob: m{seq}" if seat.terminal else frames.frame([entry(seq).text])
            listener.messages.append(text_frame(text))
        seat.position = self.fan.sent
        self.fan.set_live(seat, live=True)

    async def step(self, what: str, number: int) -> None:
        """Do one thing."""
        if what == "add":
            self.fan.add(entries(self.fan.sent + 1, self.fan.sent + number))
        elif what == "hint":
            self.fan.hint(Hint(TYPING))
            self.hints.update(self.fan.live)
        elif what.startswith("join"):
            self.join(terminal=what.endswith("terminal"))
        elif what == "turn":
            await turns(1)
        elif number < len(self.seats):
            seat, listener, _ = self.seats[number]
            if what == "leave":
                self.fan.set_live(seat, live=False)
            elif what == "block":
                listener.blocked = True
            elif what == "choke":
                if not seat.terminal:
                    self.choke(listener)
            elif what == "confirm":
                seat.confirm(seat.position)
            else:
                self.come_back(seat, listener)

    def check(self) -> None:
        """Nobody misses or has twice anything of what they are said to have."""
        for seat, listener, came_at in self.seats:
            seqs = range(came_at + 1, seat.position + 1)
            if seat.terminal:
                assert listener.lines == [f"bob: m{seq}" for seq in seqs]
                continue
            assert listener.seqs == list(seqs)
            told = sum(isinstance(e, events.Typing) for frame in listener.frames for e in frame)
            assert told <= self.hints[seat]


async def play(config: Config, script: Sequence[tuple[Any, Any]]) -> None:
    crowd = Crowd(config)
    for what, number in script:
        await crowd.step(what, number)
        crowd.check()
    await crowd.fan.settled()
    crowd.check()
    for seat, _, _ in crowd.seats:
        assert not seat.live or seat.position == crowd.fan.sent
    assert crowd.fan._reel.start == crowd.fan._reel.end, "what everybody has is forgotten"


@given(st.sampled_from([1, 3, 256]), steps, st.integers(1, 5))
def test_everybody_who_is_served_gets_each_event_once_in_order(
    batch: int, script: Sequence[tuple[Any, Any]], sends: int
) -> None:
    with patch.object(fanout, "SEATS_AT_ONCE", sends), patch.object(fanout, "PASSED_MOST", 5):
        asyncio.run(play(Config(batch_events=batch, window=64), script))


async def test_what_comes_in_the_middle_goes_to_who_had_no_turn_yet() -> None:
    """And to the others in their next: nobody waits for the end of a round."""
    with patch.object(fanout, "SEATS_AT_ONCE", 1):
        crowd = Crowd(Config())
        for _ in range(3):
            crowd.join()
        crowd.fan.add([entry(1)])
        await turns(1)
        crowd.fan.add([entry(2)])
        await crowd.fan.settled()
    sent = [[frame[-1].seq for frame in listener.frames] for _, listener, _ in crowd.seats]  # type: ignore[union-attr]  # messages all
    assert sent == [[1, 2], [2], [2]]


async def test_nobody_has_two_turns_before_they_could_answer() -> None:
    crowd = Crowd(Config(batch_events=1, window=64))
    crowd.join()
    (seat, listener, _) = crowd.seats[0]
    crowd.fan.add(entries(1, 40))
    await turns(1)
    assert (listener.seqs, seat.position) == (list(range(1, 17)), 16)
    await turns(1)
    assert seat.position == 32


async def test_where_nobody_is_nothing_is_kept() -> None:
    fan = Fanout(Config(), 0)
    fan.add(entries(1, 100))
    assert (fan.sent, fan._reel.start) == (100, fan._reel.end)


async def test_who_has_a_shorter_row_than_those_before_still_gets_everything() -> None:
    """Rows are the shorter the more people there are; that may change from one to the next."""
    with (
        patch.object(fanout, "SEATS_AT_ONCE", 1),
        patch.object(fanout, "PASSED_MOST", 1),
        patch.object(fanout, "frames_in_a_row", side_effect=[5, 1, *[64] * 9]),
    ):
        crowd = Crowd(Config(batch_events=1))
        crowd.join()
        crowd.join()
        crowd.fan.add(entries(1, 8))
        await turns(1)
        crowd.fan.add([entry(9)])
        await turns(1)
        assert [seat.position for seat, _, _ in crowd.seats] == [5, 1]
        await crowd.fan.settled()
    crowd.check()
    assert [seat.position for seat, _, _ in crowd.seats] == [9, 9]


async def test_batch_counts_as_handed_over_when_the_last_has_it_whoever_came_meanwhile() -> None:
    """Who goes live in a backlog has nothing of it to come, and may be first in turn."""
    counts = Counts()
    fan = Fanout(Config(batch_events=1), 0, counts)
    crowd = Crowd(Config(batch_events=1))
    crowd.fan = fan
    with patch.object(fanout, "frames_in_a_row", return_value=4):
        crowd.join()
        crowd.join()
        for seq in range(1, 21):
            fan.add([entry(seq)])
        crowd.join()
        fan.add([entry(21)])
        while min(seat.position for seat, _, _ in crowd.seats) < 20:
            handed = min(seat.position for seat, _, _ in crowd.seats)
            assert sum(counts.fanouts.values()) <= handed
            await turns(1)
        await fan.settled()
    crowd.check()
    assert sum(counts.fanouts.values()) == 21
    assert counts.deliveries == 21 + 21 + 1


async def test_who_goes_live_has_not_stalled() -> None:
    """Or it would be closed at once where it takes nothing for a moment, much later."""
    crowd = Crowd(Config())
    crowd.join()
    seat, listener, _ = crowd.seats[0]
    listener.blocked = True
    crowd.fan.add([entry(1)])
    await crowd.fan.settled()
    assert seat.stalled_at is not None
    crowd.come_back(seat, listener)
    assert seat.stalled_at is None


async def test_seat_that_comes_back_in_the_middle_of_anothers_turn_gets_nothing_twice(
    caplog: pytest.LogCaptureFixture,
) -> None:
    crowd = Crowd(Config())
    crowd.join()
    crowd.join()
    _, first, _ = crowd.seats[0]
    other, listener, _ = crowd.seats[1]

    def come_anew() -> None:
        crowd.fan.set_live(other, live=False)
        crowd.come_back(other, listener)

    first.pushed = come_anew
    crowd.fan.add(entries(1, 3))
    await crowd.fan.settled()
    crowd.fan.add([entry(4)])
    await crowd.fan.settled()
    crowd.check()
    assert [seat.position for seat, _, _ in crowd.seats] == [4, 4]
    assert caplog.text == ""


async def test_terminal_is_shown_nothing_of_a_row_that_cannot_be_made_lines() -> None:
    """What was shown before the fault would be shown again."""
    crowd = Crowd(Config(batch_events=1))
    crowd.join(terminal=True)
    seat, listener, _ = crowd.seats[0]
    unreadable = msgspec.structs.replace(entry(2), text='{"type":"of the future"}')
    crowd.fan.add([entry(1), unreadable])
    await crowd.fan.settled()
    assert (seat.live, seat.position, listener.lines) == (False, 0, [])
