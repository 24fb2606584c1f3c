"""More is stored than can be sent: memory has an end, and nobody is sent a hole."""

import asyncio

import pytest

from chat.hub import fanout
from chat.hub.fanout import Fanout
from chat.hub.seat import Hint, Seat
from tests.fakes import Listener, entries, entry
from tests.hub.test_fanout import CONFIG, TYPING, sitting


async def test_who_is_too_far_behind_what_is_stored_is_left_to_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More is stored than can be sent, for as long as you like: memory has an end."""
    monkeypatch.setattr(fanout, "LONGEST", 100)
    overtaken: list[Seat] = []
    fan = Fanout(CONFIG, 0, overtaken=overtaken.extend)
    early, late = Listener("1"), Listener("2")
    (seat,) = sitting(fan, early)
    for seq in range(1, 1001):
        if seq == 980:
            (other,) = sitting(fan, late)
        fan.add([entry(seq)])
        assert fan._reel.end - fan._reel.start <= 100
    assert (seat.live, other.live) == (False, True)
    assert overtaken == [seat]
    assert seat.stalled_at is None, "it takes what it is sent"
    await fan.settled()
    assert (early.seqs, seat.position) == ([], 0)
    assert late.seqs == list(range(980, 1001))


async def test_who_has_come_since_is_sent_what_the_others_are_left_to_the_log_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fanout, "LONGEST", 100)
    fan = Fanout(CONFIG, 0)
    early, late = Listener("1"), Listener("2")
    (seat,) = sitting(fan, early)
    for seq in range(1, 97):
        fan.add([entry(seq)])
    (other,) = sitting(fan, late)
    for seq in range(97, 110):
        fan.add([entry(seq)])
    await fan.settled()
    assert (seat.live, other.live) == (False, True)
    assert early.seqs == []
    assert late.seqs == list(range(97, 110))


async def test_more_at_once_than_there_may_be_is_left_to_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fanout, "LONGEST", 100)
    fan = Fanout(CONFIG, 0)
    listener = Listener()
    (seat,) = sitting(fan, listener)
    fan.add(entries(1, 300))
    await fan.settled()
    assert (seat.live, seat.position, listener.seqs, fan.sent) == (False, 0, [], 300)
    assert fan._reel.end == fan._reel.start
    assert caplog.text == ""


async def test_hints_alone_have_the_same_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "LONGEST", 100)
    fan = Fanout(CONFIG, 0)
    (seat,) = sitting(fan, Listener())
    for _ in range(1000):
        fan.hint(Hint(TYPING))
    assert fan._reel.end - fan._reel.start <= 100
    assert not seat.live


async def test_what_there_is_is_sent_in_time_though_more_comes_all_the_time() -> None:
    fan = Fanout(CONFIG, 0)
    listeners = [Listener(str(number)) for number in range(200)]
    sitting(fan, *listeners)
    fan.add(entries(1, 3))

    async def type_on() -> None:
        while True:
            fan.hint(Hint(TYPING))
            await asyncio.sleep(0)

    typing = asyncio.create_task(type_on())
    try:
        async with asyncio.timeout(20):
            await fan.has_sent()
    finally:
        typing.cancel()
    assert all(listener.seqs == [1, 2, 3] for listener in listeners)
