"""How much a session is sent: by what it confirms, and by what its socket takes."""

import asyncio

import pytest
from pytest_django import Settings

from chat.hub import hub as hubs
from chat.hub import sending
from tests.fakes import soon, turns
from tests.hub.clients import OPEN_SITE, Connect, Wired, post

# Replies


async def test_replies_of_one_turn_share_a_frame(site: None) -> None:
    wired = Wired()
    wired.say(*[{"type": "leave", "room": "a", "ref": number} for number in range(5)])
    await turns()
    assert len(wired.socket.texts) == 2  # the welcome and this
    assert [event.get("ref") for event in wired.told("error")] == list(range(5))


async def test_client_that_reads_no_replies_is_pinged_and_then_closed(
    site: None, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "WINDOW_BYTES": 65_536}
    wired = Wired()
    for number in range(1000):
        wired.say({"type": "nonsense", "ref": f"{number}" + "x" * 50})
        await turns(3)
        if wired.socket.code is not None:
            break
    assert wired.socket.code == 4002
    assert len(wired.told("ping")) == 1
    assert 65_536 < sum(map(len, wired.socket.texts)) < 65_536 * 1.1


async def test_client_that_confirms_what_it_was_not_sent_is_held_at_the_window(
    site: None, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "WINDOW": 64}
    liar, talker = Wired(), Wired()
    await liar.join(history=0)
    await talker.join(history=0)
    seat = liar.session.seats["main"]
    for number in range(4 * 64):
        talker.say(post(number))
        await soon(lambda n=number: len(talker.seqs) == n + 1)  # type: ignore[misc]
        liar.say({"type": "pong", "seen": {"main": 2**53 - 1}})
        talker.say({"type": "pong", "seen": {"main": number + 1}})
    assert len(liar.seqs) <= 64 + 64 // 4
    assert seat.stalled_at is not None


async def test_client_that_answers_pings_may_ask_on_and_on(site: None, settings: Settings) -> None:
    settings.CHAT = {**OPEN_SITE, "WINDOW_BYTES": 65_536}
    wired = Wired()
    pings = 0
    for number in range(1000):
        wired.say({"type": "nonsense", "ref": f"{number}" + "x" * 50})
        await turns(3)
        if '"ping"' in wired.socket.texts[-1]:
            pings += 1
            wired.say({"type": "pong"})
    assert wired.socket.code is None
    assert pings > 5


async def test_answer_to_a_ping_does_not_wait_for_what_was_asked_before(
    site: None, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "WINDOW_BYTES": 65_536}
    speaker, reader = Wired(), Wired()
    speaker.say(*(post(number, text="x" * 2000) for number in range(10)))
    await soon(lambda: len(speaker.told("ack")) == 10)
    await reader.join(history=0)
    page = {"type": "history", "room": "main", "before": 11, "limit": 10}
    reader.say(*[page] * 30)  # nine times the window
    pings = 0
    while len(reader.told("history")) < 30 and reader.socket.code is None:
        await turns()
        while pings < len(reader.told("ping")):
            pings += 1
            reader.say({"type": "pong"})
    assert reader.socket.code is None
    assert pings > 5


async def test_who_asks_on_and_answers_no_ping_is_closed(site: None, settings: Settings) -> None:
    settings.CHAT = {**OPEN_SITE, "WINDOW_BYTES": 65_536, "HEARTBEAT": 1}
    speaker, reader = Wired(), Wired()
    speaker.say(*(post(number, text="x" * 2000) for number in range(10)))
    await soon(lambda: len(speaker.told("ack")) == 10)
    await reader.join(history=0)
    for _ in range(10):
        reader.say({"type": "history", "room": "main", "before": 11, "limit": 10})
    while reader.socket.code is None:
        reader.say({"type": "typing", "room": "main"})  # it is alive
        await asyncio.sleep(0.05)
    assert reader.socket.code == 4002
    assert sum(map(len, reader.socket.texts)) < 65_536


async def test_client_that_answers_every_ping_is_served_everything(
    site: None, settings: Settings
) -> None:
    """What it reads of the log shares the bound with replies, but neither starves for the other."""
    settings.CHAT = {**OPEN_SITE, "WINDOW_BYTES": 65_536, "BATCH_BYTES": 8000}
    speaker, reader = Wired(), Wired()
    speaker.say(*(post(number, text="x" * 2000) for number in range(30)))
    await soon(lambda: len(speaker.told("ack")) == 30)
    # Else what is still to be sent would come to the reader as what is said now.
    await soon(lambda: speaker.hub.rooms["main"].sent == 30)
    await reader.join()
    await turns()
    assert 0 < len(reader.seqs) < 30
    answered = 0
    for number in range(60):
        # Replies, which come whatever is unread of the log.
        reader.say({"type": "nonsense", "ref": f"{number}" + "x" * 50, "other": "x"})
        reader.say({"type": "nonsense" + "x" * 50, "ref": "x" * 60})
        await turns(3)
    for _ in range(200):
        if len(reader.told("ping")) > answered:
            answered = len(reader.told("ping"))
            reader.say({"type": "pong", "seen": {"main": reader.seqs[-1]}})
        await asyncio.sleep(0.001)
    assert reader.socket.code is None
    assert reader.seqs == list(range(1, 31))


# A socket that blocks


async def test_blocked_session_holds_up_no_other_and_misses_nothing(site: None) -> None:
    blocked, other = Wired(), Wired()
    await blocked.join()
    await other.join()
    await turns()
    blocked.socket.block()
    for number in range(20):
        other.say(post(number))
        await soon(lambda n=number: len(other.told("message")) == n + 1)  # type: ignore[misc]  # its own number
    assert len(blocked.told("message")) == 0
    blocked.socket.unblock()
    await soon(lambda: len(blocked.told("message")) == 20)
    other.say(post(20))
    await soon(lambda: len(blocked.told("message")) == 21)
    assert [event["seq"] for event in blocked.told("message")] == list(range(1, 22))


async def test_replies_to_a_blocked_session_are_sent_when_it_reads_again(site: None) -> None:
    wired = Wired()
    await turns()
    wired.socket.block()
    for number in range(10):
        wired.say({"type": "leave", "room": "a", "ref": number})
        await turns()
    assert wired.told("error") == []
    wired.socket.unblock()
    await soon(lambda: len(wired.told("error")) == 10)
    assert [event["ref"] for event in wired.told("error")] == list(range(10))


async def test_blocked_session_that_is_closed_is_told_so_when_it_reads_again(site: None) -> None:
    wired = Wired()
    await turns()
    wired.socket.block()
    wired.say({"type": "leave", "room": "a", "ref": 1})
    await turns()
    wired.session.too_slow()
    assert wired.session not in wired.hub.sessions
    wired.socket.unblock()
    await soon(lambda: wired.socket.code is not None)
    assert wired.socket.code == 4002
    assert wired.socket.messages[-1]["type"] == "websocket.close"


async def test_socket_that_stays_blocked_after_its_close_is_given_up(
    site: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "CLOSE_SECONDS", 0.0)
    wired = Wired()
    await turns()
    wired.socket.block()
    wired.session.too_slow()
    await soon(lambda: wired.session._outlet._parked is None)
    wired.socket.unblock()
    await turns()
    assert wired.socket.code is None


async def test_terminal_whose_socket_blocks_misses_no_line(site: None) -> None:
    blocked, other = Wired(terminal=True), Wired()
    await soon(lambda: "main" in blocked.session.seats)
    await other.join()
    blocked.socket.block()
    for number in range(20):
        other.say(post(number, text=f"line {number}"))
    await soon(lambda: len(other.told("message")) == 20)
    blocked.socket.unblock()
    await soon(lambda: len(blocked.socket.texts) >= 20)
    said = [line for line in blocked.socket.texts if ": line " in line]
    assert [line.rpartition(": ")[2] for line in said] == [f"line {n}" for n in range(20)]


# What was seen


async def test_pong_counts_where_it_is_of_what_was_sent_and_never_back(connect: Connect) -> None:
    client = await connect()
    await client.join()
    await client.talk(3)
    await client.event("message", seq=3)
    (hub,) = hubs.running()
    (session,) = hub.sessions
    seat = session.seats["main"]
    for seen, expected in ((2, 2), (99, 2), (3, 3), (1, 3)):
        await client.send({"type": "pong", "seen": {"main": seen, "nowhere": 7}})
        await client.answered()
        assert seat.seen == expected
