"""What the layer loses, doubles and reorders, a room gets from the log."""

import asyncio
import itertools
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.conf import Config
from chat.hub import fanout
from chat.hub import room as hub_room
from chat.protocol.errors import Unavailable
from tests.fakes import Listener, entries, entry, soon, turns
from tests.hub.room.conftest import Live, Make

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
    assert live.room.counts.healed == 4
    assert live.log.reads == [(0, 4)]


async def test_long_hole_is_read_no_faster_than_it_is_sent(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_room, "HEAL_PAGE", 10)
    live = make()
    listener = Listener()
    await live.join(listener)
    live.commit(*entries(1, 200))
    read, unsent = live.log.read_room, []

    async def count(*args: object) -> object:
        unsent.append(live.room.sent - len(listener.seqs))
        return await read(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(live.room, "_read", count)
    live.room.expect(200)
    await soon(lambda: listener.seqs == list(range(1, 201)))
    assert unsent == [0] * 20


async def test_who_was_left_to_the_log_is_served_from_it_at_once(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "LONGEST", 50)
    live = make()
    listeners = [Listener(str(number)) for number in range(3)]
    seats = [await live.join(listener) for listener in listeners]
    for first in range(1, 200, 10):
        live.hear(*entries(first, first + 9))
    assert not any(seat.live for seat in seats)
    live.log.away = True
    await turns()
    assert not any(seat.live for seat in seats)
    live.log.away = False
    live.hear(entry(201))
    for seat in live.room.stragglers():
        await live.room.catch_up(seat)  # as the hub's beat does
    assert all(listener.seqs == list(range(1, 202)) for listener in listeners)
    for seat in seats:
        seat.confirm(201)
    for first in range(202, 400, 10):
        live.hear(*entries(first, first + 9))
    await soon(lambda: all(listener.seqs == list(range(1, 402)) for listener in listeners))
    await soon(lambda: all(seat.live for seat in seats))


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


# Reaching a position


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
    async with asyncio.timeout(60):
        assert await live.room.reach(200)
    assert live.room.sent >= 200
    going_on = False
    await talking


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
    await live.room.fanout.settled()
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
