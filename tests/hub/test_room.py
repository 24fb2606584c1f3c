import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from chat.conf import Config
from chat.hub.fanout import PING
from chat.hub.room import Room
from chat.hub.seat import Hint, Seat
from chat.models import Room as Record
from chat.protocol import events
from chat.protocol.errors import Unavailable
from chat.store import Entry, Opened
from tests.fakes import (
    Listener,
    Log,
    delete,
    edit,
    entries,
    entry,
    record,
    seat_of,
    soon,
    turns,
)

CONFIG = Config(gap_wait=0, tail=16, batch_events=4, window=256, resume_limit=100)


class Live:
    """A room on a fake log."""

    def __init__(self, found: Sequence[Entry] = (), config: Config = CONFIG) -> None:
        self.log = Log(found)
        opened = Opened(record(self.log.head), list(found)[-config.tail :])
        self.room = Room(opened, config, read=self.log.read_room, head=self.log.read_head)

    def commit(self, *added: Entry) -> list[Entry]:
        """Append to the log, without a word to the room."""
        self.log.entries += added
        return list(added)

    def hear(self, *added: Entry) -> None:
        """Append to the log, and let the bus tell of it."""
        self.room.accept(self.commit(*added))

    def sit(self, listener: Listener, at: int | None = None) -> Seat:
        """Give a listener a seat, at the head or elsewhere."""
        seat = seat_of(listener, self.room, at=self.room.sent if at is None else at)
        self.room.sit(seat)
        return seat

    async def join(self, listener: Listener, at: int | None = None) -> Seat:
        """Give a listener a seat and let it catch up."""
        seat = self.sit(listener, at)
        await self.room.catch_up(seat)
        return seat


Make = Callable[..., Live]


@pytest_asyncio.fixture
async def make() -> AsyncIterator[Make]:
    """Make live rooms, which are stopped at the end."""
    made: list[Live] = []

    def make(found: Sequence[Entry] = (), config: Config = CONFIG) -> Live:
        made.append(Live(found, config))
        return made[-1]

    yield make
    for live in made:
        await live.room.stop()


# Coming in


async def test_fresh_seat_at_the_head_is_live_at_once(make: Make) -> None:
    live = make(entries(1, 5))
    listener = Listener()
    seat = await live.join(listener)
    assert seat.live
    assert listener.messages == []
    live.hear(entry(6))
    await live.room.fanout.settled()
    assert listener.seqs == [6]


async def test_seat_catches_up_from_memory_in_frames_of_a_batch(make: Make) -> None:
    live = make(entries(1, 10))
    listener = Listener()
    seat = await live.join(listener, at=1)
    assert listener.seqs == list(range(2, 11))
    assert [len(frame) for frame in listener.frames] == [4, 4, 1]
    assert (seat.position, seat.live) == (10, True)
    assert live.log.reads == []


async def test_seat_further_back_than_memory_catches_up_from_the_log(make: Make) -> None:
    live = make(entries(1, 90))
    listener = Listener()
    await live.join(listener, at=3)
    assert listener.seqs == list(range(4, 91))
    assert live.room.backfill.queries == 1


async def test_terminal_catches_up_in_lines(make: Make) -> None:
    live = make(entries(1, 3))
    terminal = Listener("8", terminal=True)
    seat = await live.join(terminal, at=1)
    assert terminal.lines == ["bob: m2", "bob: m3"]
    assert seat.live


async def test_joiner_during_a_flush_gets_each_event_once(make: Make) -> None:
    live = make(entries(1, 5))
    first = Listener("1")
    joiner = Listener("2")
    await live.join(first)
    joining: list[asyncio.Task[Seat]] = []

    def join() -> None:
        first.pushed = lambda: None
        joining.append(asyncio.create_task(live.join(joiner, at=4)))

    first.pushed = join
    live.hear(entry(6))
    await turns()
    live.hear(entry(7))
    await joining[0]
    await live.room.fanout.settled()
    assert first.seqs == [6, 7]
    assert joiner.seqs == [5, 6, 7]


async def test_events_that_come_while_one_catches_up_are_sent_once_in_order(make: Make) -> None:
    live = make(entries(1, 90))
    live.log.open.clear()
    listener = Listener()
    joining = asyncio.create_task(live.join(listener, at=0))
    await turns()
    for seq in range(91, 96):
        live.hear(entry(seq))
        await turns()
    live.log.open.set()
    seat = await joining
    assert seat.live
    live.hear(entry(96))
    await live.room.fanout.settled()
    assert listener.seqs == list(range(1, 97))


async def test_two_catch_ups_of_one_seat_send_everything_once(make: Make) -> None:
    live = make(entries(1, 90))
    live.log.open.clear()
    listener = Listener()
    seat = live.sit(listener, at=0)
    both = [asyncio.create_task(live.room.catch_up(seat)) for _ in range(2)]
    await turns()
    live.log.open.set()
    await asyncio.gather(*both)
    assert (listener.seqs, listener.slow) == (list(range(1, 91)), 0)


async def test_event_that_comes_with_the_last_of_what_was_missed_is_sent_once(make: Make) -> None:
    """Nothing may come between the last look at what is sent and being live."""
    live = make(entries(1, 6))
    listener = Listener()

    def hear() -> None:
        if listener.seqs[-1] == 6:
            listener.pushed = lambda: None
            live.hear(entry(7))

    listener.pushed = hear
    await live.join(listener, at=0)
    await live.room.fanout.settled()
    live.hear(entry(8))
    await live.room.fanout.settled()
    assert listener.seqs == list(range(1, 9))


async def test_who_leaves_while_catching_up_is_not_made_live(make: Make) -> None:
    live = make(entries(1, 90))
    live.log.open.clear()
    listener = Listener()
    seat = live.sit(listener, at=0)
    catching = asyncio.create_task(live.room.catch_up(seat))
    await turns()
    live.room.rise(seat)
    live.log.open.set()
    await catching
    assert not seat.live
    assert not live.room.fanout.live
    live.hear(entry(91))
    await live.room.fanout.settled()
    assert 91 not in listener.seqs


async def test_a_thousand_resumes_at_once_are_one_query(make: Make) -> None:
    live = make(entries(1, 90))
    live.log.open.clear()
    listeners = [Listener(str(number)) for number in range(1000)]
    joins = [
        asyncio.create_task(live.join(listener, at=number % 50))
        for number, listener in enumerate(listeners)
    ]
    await turns()
    live.log.open.set()
    await asyncio.gather(*joins)
    assert all(listener.seqs[-1] == 90 for listener in listeners)
    assert len(live.log.reads) == 1


async def test_hint_is_sent_to_those_who_are_live(make: Make) -> None:
    live = make(entries(1, 5))
    there, not_yet = Listener("1"), Listener("2")
    await live.join(there)
    live.sit(not_yet, at=0)
    live.room.hint(Hint(PING))
    await live.room.fanout.settled()
    assert (len(there.messages), len(not_yet.messages)) == (1, 0)


async def test_who_leaves_while_its_past_is_read_is_sent_nothing_of_it(make: Make) -> None:
    live = make(entries(1, 500))
    listener = Listener()
    seat = live.sit(listener, at=0)
    catching_up = asyncio.create_task(live.room.catch_up(seat))
    await asyncio.sleep(0)
    live.room.rise(seat)
    await catching_up
    assert listener.seqs == []


async def test_reaching_a_position_does_not_wait_until_a_busy_room_is_idle(make: Make) -> None:
    live = make()
    await live.join(Listener())
    going_on = True

    async def talk() -> None:
        for seq in itertools.count(1001):
            if not going_on:
                return
            live.hear(entry(seq))
            await asyncio.sleep(0)

    live.hear(*entries(1, 1000))
    talking = asyncio.create_task(talk())
    async with asyncio.timeout(5):
        assert await live.room.reach(200)
    assert live.room.sent >= 200
    going_on = False
    await talking


# Those who cannot take it


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


# What the layer loses, doubles and reorders


async def test_batch_that_comes_twice_is_sent_once(make: Make) -> None:
    live = make()
    listener = Listener()
    await live.join(listener)
    batch = live.commit(*entries(1, 3))
    live.room.accept(batch)
    live.room.accept(batch)
    await live.room.fanout.settled()
    assert listener.seqs == [1, 2, 3]
    assert live.log.reads == []


async def test_batches_out_of_order_are_sent_in_order_without_a_query(make: Make) -> None:
    live = make(config=Config(gap_wait=60))
    listener = Listener()
    await live.join(listener)
    first, second = live.commit(*entries(1, 2)), live.commit(*entries(3, 4))
    live.room.accept(second)
    await turns()
    live.room.accept(first)
    await live.room.fanout.settled()
    assert listener.seqs == [1, 2, 3, 4]
    assert live.log.reads == []


async def test_lost_batch_is_read_from_the_log(make: Make) -> None:
    live = make()
    listener = Listener()
    await live.join(listener)
    live.commit(*entries(1, 3))
    live.hear(entry(4))
    await soon(lambda: listener.seqs == [1, 2, 3, 4])
    assert live.room.healed == 4
    assert live.log.reads == [(0, 4)]


async def test_lost_tail_is_read_when_the_head_is_heard_of(make: Make) -> None:
    live = make()
    listener = Listener()
    await live.join(listener)
    live.commit(*entries(1, 3))
    live.room.expect(2)
    live.room.expect(3)
    await soon(lambda: listener.seqs == [1, 2, 3])
    assert len(live.log.reads) == 1


async def test_head_that_is_no_news_asks_nothing(make: Make) -> None:
    live = make(entries(1, 5))
    live.room.expect(5)
    live.room.expect(4)
    await turns()
    assert live.log.reads == []


async def test_hole_stays_until_the_database_is_back(make: Make) -> None:
    live = make()
    listener = Listener()
    await live.join(listener)
    live.log.away = True
    live.commit(entry(1))
    live.hear(entry(2))
    await soon(lambda: bool(live.log.reads))
    await turns()
    assert listener.messages == []
    live.log.away = False
    live.room.expect(2)
    await soon(lambda: listener.seqs == [1, 2])


async def test_hole_that_fills_while_it_is_read_sends_nothing_twice(make: Make) -> None:
    live = make()
    listener = Listener()
    await live.join(listener)
    first = live.commit(*entries(1, 2))
    live.log.open.clear()
    live.hear(entry(3))
    await soon(lambda: bool(live.log.reads))
    live.room.accept(first)
    live.hear(entry(4))
    live.log.open.set()
    await turns()
    await live.room.fanout.settled()
    assert listener.seqs == [1, 2, 3, 4]


async def test_log_without_what_is_missing_is_given_up_with_an_error(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    live = make(entries(1, 5))
    with caplog.at_level(logging.ERROR, "chat"):
        live.room.expect(9)
        await soon(lambda: bool(caplog.records))
    assert "no entry 6" in caplog.text
    assert not live.room.order.behind
    live.hear(entry(6))
    assert live.room.order.head == 6


@given(st.integers(1, 12), st.data())
def test_whatever_the_layer_does_everybody_sees_everything_once(
    count: int, data: st.DataObject
) -> None:
    batches, first = [], 1
    for _ in range(count):
        last = first + data.draw(st.integers(0, 3))
        batches.append(entries(first, last))
        first = last + 1
    came = data.draw(st.lists(st.sampled_from(batches), max_size=2 * count))
    blocks = data.draw(st.lists(st.booleans(), min_size=len(came), max_size=len(came)))

    async def run() -> None:
        live = Live()
        steady, shaky = Listener("1"), Listener("2")
        await live.join(steady)
        seat = await live.join(shaky)
        live.commit(*(e for batch in batches for e in batch))
        for batch, blocked in zip(came, blocks, strict=True):
            shaky.blocked = blocked
            live.room.accept(batch)
            await turns(2)
        live.room.expect(first - 1)
        await soon(lambda: live.room.sent == first - 1)
        await live.room.fanout.settled()
        shaky.blocked = False
        await live.room.catch_up(seat)
        assert steady.seqs == shaky.seqs == list(range(1, first))
        await live.room.stop()

    asyncio.run(run())


# Reaching a position


async def test_position_that_was_sent_is_reached(make: Make) -> None:
    live = make(entries(1, 5))
    assert await live.room.reach(5)
    assert await live.room.reach(0)
    assert live.log.reads == []


async def test_position_the_log_has_is_reached_and_sent(make: Make) -> None:
    live = make(entries(1, 5))
    listener = Listener()
    await live.join(listener)
    live.commit(entry(6), entry(7))
    assert await live.room.reach(7)
    assert live.room.sent == 7
    assert listener.seqs == [6, 7]


async def test_position_beyond_the_log_is_not_reached(make: Make) -> None:
    live = make(entries(1, 5))
    assert not await live.room.reach(6)
    assert not live.room.order.behind


async def test_position_is_not_reached_without_a_database(make: Make) -> None:
    live = make(entries(1, 5))
    live.log.away = True
    with pytest.raises(Unavailable):
        await live.room.reach(6)


# Changes of messages


async def test_resume_is_shown_a_message_as_it_now_is(make: Make) -> None:
    live = make(entries(1, 3))
    live.hear(edit(4, 2, "new"), delete(5, 3))
    await live.room.fanout.settled()
    listener = Listener()
    await live.join(listener, at=0)
    shown = "".join(message["text"] for message in listener.messages)
    assert listener.seqs == [1, 2, 3, 4, 5]
    assert "m2" not in shown
    assert "m3" not in shown


async def test_resume_from_the_log_is_shown_no_text_that_was_deleted_since(make: Make) -> None:
    """Neither from the page of the message nor from that of its edit."""
    log = [entry(1, "secret"), *entries(2, 300), edit(301, 1, "secret"), *entries(302, 600)]
    live = make(log, Config(resume_limit=1000, tail=16))
    await live.join(Listener(), at=0)
    # What the database answers after the deletion: it keeps no text of a deleted message.
    live.log.entries[0] = entry(1, " ")
    live.log.entries[300] = edit(301, 1, " ")
    live.hear(delete(601, 1))
    await live.room.fanout.settled()
    listener = Listener()
    await live.join(listener, at=0)
    assert listener.seqs == list(range(1, 602))
    assert not [e for frame in listener.frames for e in frame if "secret" in str(e)]


# Its row


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epoch", "other"),
        ("title", "Other"),
        ("kind", "private"),
        ("guests", "read"),
        ("slow_mode", 5),
        ("max_length", 10),
        ("archived", True),
        ("pk", 2),
    ],
)
async def test_policy_is_another_when_a_field_is(make: Make, field: str, value: object) -> None:
    row = record(5)
    setattr(row, field, value)
    assert not make(entries(1, 5)).room.same_policy(row)


async def test_policy_is_the_same_when_only_the_head_moved(make: Make) -> None:
    row: Record = record(99)
    assert make(entries(1, 5)).room.same_policy(row)


async def test_stopped_room_reads_and_sends_no_more(make: Make) -> None:
    live = make()
    listener = Listener()
    await live.join(listener)
    live.commit(entry(1))
    live.hear(entry(2))
    await live.room.stop()
    await turns()
    assert listener.messages == []
    assert live.log.reads == []
