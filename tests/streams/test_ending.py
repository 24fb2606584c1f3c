"""Sessions over HTTP, in this process: how they end, and how they wait."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from chat import identity, streams
from chat.hub import hub as hubs
from chat.protocol.closing import CloseCode
from chat.protocol.commands import Join
from chat.streams import Stream
from tests.fakes import soon
from tests.hub.clients import OPEN_SITE, Connect, Connection
from tests.streams.listening import EVENTS, Listen, heard, session


async def test_stream_ends_after_a_window_of_events_and_goes_on_where_it_was(
    listen: Listen, connect: Connect, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "WINDOW": 64}
    writer = await connect()
    epoch = (await writer.join())["epoch"]
    await writer.talk(300)
    position, streams = f"{epoch}:0", 0
    seqs: list[int] = []
    while len(seqs) < 300:
        exchange = await listen(headers={"last-event-id": position})
        if 300 - len(seqs) >= 64:
            await exchange.end()
        else:
            await heard(exchange, 300)
        assert exchange.stream.told("joined")[0]["recovered"] is True
        assert exchange.stream.code is None
        seqs += exchange.stream.seqs
        position, streams = exchange.stream.last_id, streams + 1
    assert seqs == list(range(1, 301))
    assert streams > 1


async def test_stream_ends_after_a_window_of_bytes(
    listen: Listen, connect: Connect, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "WINDOW_BYTES": 65_536}
    exchange = await listen()
    writer = await connect()
    for _ in range(20):
        await writer.post("x" * 4000)
    await exchange.end()
    assert exchange.stream.code is None
    assert 65_536 <= len(exchange.content) < 2 * 65_536


async def test_stream_lasts_only_as_long_as_was_asked(listen: Listen) -> None:
    exchange = await listen(EVENTS + "?seconds=0.3")
    await exchange.end()
    assert exchange.stream.code is None
    assert not exchange.stream.told("ping"), "nothing has to happen for it to end"
    await soon(lambda: not hubs.current().sessions)


async def test_stream_whose_time_is_up_ends_though_there_is_more(
    connections: list[Connection],
) -> None:
    stream = Stream(hubs.current(), identity.new_guest(), "192.0.2.1", seconds=0)
    await stream.join(Join(room="main"))
    assert [part async for part in stream] == [f"retry: {streams.RETRY_MILLISECONDS}\n\n"]


async def test_client_that_goes_is_gone_at_once(listen: Listen) -> None:
    exchange = await listen()
    hub = hubs.current()
    assert hub.presence.online("main") == 1
    await exchange.leave()
    await soon(lambda: not hub.sessions)
    await soon(lambda: hub.presence.online("main") == 0)


async def test_client_that_goes_while_its_socket_is_blocked_is_gone_too(
    listen: Listen, connect: Connect
) -> None:
    exchange = await listen()
    hub, mine = hubs.current(), session()
    exchange.open.clear()
    await (await connect()).talk(3)
    await exchange.leave()
    await soon(lambda: mine not in hub.sessions)


async def test_close_is_told_with_its_code(listen: Listen) -> None:
    exchange = await listen()
    session().close(CloseCode.GOING_AWAY)
    await exchange.end()
    assert exchange.stream.code == 4000
    assert b'event: close\ndata: {"code": 4000}\n\n' in exchange.content


async def test_idle_stream_is_pinged_and_not_taken_for_dead(
    listen: Listen, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "STUCK_SECONDS", 0.1)  # less than passes between two pings
    settings.CHAT = {**OPEN_SITE, "HEARTBEAT": 0.2}
    exchange = await listen()
    await soon(lambda: len(exchange.stream.told("ping")) >= 5)
    assert not exchange.task.done()


async def test_stream_that_is_never_sent_is_closed(
    connections: list[Connection], settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "HEARTBEAT": 0.1}
    hub = hubs.current()
    stream = Stream(hub, identity.new_guest(), "192.0.2.1", seconds=3600)
    await stream.join(Join(room="main"))
    await soon(lambda: not hub.sessions)


# Those who do not read


async def test_blocked_stream_is_held_and_goes_on_where_it_was(
    listen: Listen, connect: Connect
) -> None:
    exchange = await listen()
    seat = session().seats["main"]
    exchange.open.clear()
    writer = await connect()
    await writer.join()
    while seat.live:  # until its queue is full
        await writer.post("x")
    assert seat.position <= 2 * streams.WAITING_MOST * hubs.current().config.batch_events
    last = (await writer.post("last"))["seq"]
    exchange.open.set()
    await heard(exchange, last)
    assert exchange.stream.seqs == list(range(1, last + 1))


async def test_request_of_a_client_that_does_not_read_ends(
    listen: Listen, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "STUCK_SECONDS", 0.05)
    exchange = await listen()
    mine = session()
    exchange.open.clear()
    await (await connect()).post("x")
    await exchange.end()
    await soon(lambda: mine not in hubs.current().sessions)
