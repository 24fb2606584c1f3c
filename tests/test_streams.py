"""Sessions over HTTP, in this process: what they are told, and how they end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from django.db import connections as databases
from pytest_django import Settings

from chat import api, identity, moderation, streams
from chat.hub import hub as hubs
from chat.hub.session import Session
from chat.models import Room
from chat.protocol.closing import CloseCode
from chat.protocol.commands import Join
from chat.streams import Stream
from tests.exchange import Exchange
from tests.fakes import soon
from tests.hub.clients import OPEN_SITE, Connect, Connection, off_loop

EVENTS = "/rooms/main/events"

Listen = Callable[..., Coroutine[Any, Any, Exchange]]


@pytest.fixture(autouse=True)
def open_site(settings: Settings) -> None:
    settings.CHAT = OPEN_SITE


@pytest.fixture
async def listen(connections: list[Connection]) -> AsyncIterator[Listen]:
    """Open a stream that has heard ``joined``; it ends with the test."""
    made: list[Exchange] = []

    async def listen(path: str = EVENTS, **kwargs: Any) -> Exchange:
        exchange = Exchange(path, **kwargs)
        made.append(exchange)
        await soon(lambda: exchange.stream.told("joined") != [] or exchange.task.done())
        assert exchange.status == 200, exchange.content
        return exchange

    yield listen
    for exchange in made:
        exchange.open.set()
        if not exchange.task.done():
            await exchange.leave()


def session() -> Session:
    """Return the one session there is."""
    (found,) = hubs.current().sessions
    return found


async def heard(exchange: Exchange, seq: int) -> None:
    """Wait until a stream has brought everything up to ``seq``."""
    await soon(lambda: bool(exchange.stream.seqs) and exchange.stream.seqs[-1] >= seq)


# What is told


async def test_stream_begins_like_a_socket_and_goes_on_live(
    listen: Listen, connect: Connect
) -> None:
    exchange = await listen(EVENTS + "?name=Bob")
    writer = await connect()
    await writer.join()
    await writer.post("hello")
    await heard(exchange, 1)
    stream = exchange.stream
    assert stream.retry is not None
    welcome, joined = list(stream.events)[:2]
    assert (welcome["type"], welcome["sender"]["name"]) == ("welcome", "Bob")
    assert (joined["type"], joined["recovered"], joined["head"]) == ("joined", None, 0)
    assert joined["members"] == [welcome["sender"]]
    ids = {told.id for told in stream.messages if "joined" in str(told.data)}
    assert f"{joined['epoch']}:0" in ids
    assert stream.log == [await writer.event("message")]
    assert stream.last_id == f"{joined['epoch']}:1"
    # Presence comes as to everybody.
    await soon(
        lambda: any(
            writer.events[0]["sender"] in event.get("joined", ()) for event in stream.events
        )
    )


async def test_stream_is_told_of_announcements(listen: Listen) -> None:
    exchange = await listen()
    by = moderation.by_command()
    room = await off_loop(Room.objects.get, slug="main")
    await off_loop(moderation.announce, 'To all: "seq":7', by=by)
    await off_loop(moderation.announce, "To the room", by=by, room=room)
    await soon(lambda: len(exchange.stream.told("notice")) == 2)
    assert {told["text"] for told in exchange.stream.told("notice")} == {
        'To all: "seq":7',
        "To the room",
    }
    assert exchange.stream.last_id.endswith(":0")


async def test_stream_resumes_after_the_last_event_id(listen: Listen, connect: Connect) -> None:
    writer = await connect()
    await writer.join()
    await writer.talk(3)
    first = await listen()
    await heard(first, 3)
    await first.leave()
    await writer.post("while away")
    back = await listen(headers={"last-event-id": first.stream.last_id})
    await writer.post("live")
    await heard(back, 5)
    assert back.stream.told("joined")[0]["recovered"] is True
    assert back.stream.seqs == [4, 5]


async def test_position_in_the_address_counts_until_there_is_another(
    listen: Listen, connect: Connect
) -> None:
    writer = await connect()
    epoch = (await writer.join())["epoch"]
    await writer.talk(3)
    path = f"{EVENTS}?after={epoch}:1"
    first = await listen(path)
    await heard(first, 3)
    assert first.stream.seqs == [2, 3]
    second = await listen(path, headers={"last-event-id": f"{epoch}:2"})
    await heard(second, 3)
    assert second.stream.seqs == [3]


async def test_position_of_another_history_starts_over(listen: Listen, connect: Connect) -> None:
    writer = await connect()
    await writer.join()
    await writer.talk(3)
    stream = (await listen(EVENTS + "?history=2&after=other:1")).stream
    await soon(lambda: stream.seqs == [2, 3])
    assert stream.told("joined")[0]["recovered"] is False


async def test_nothing_is_lost_by_who_comes_back_before_anything_was_said(
    listen: Listen, connect: Connect
) -> None:
    writer = await connect()
    await writer.join()
    await writer.talk(3)
    first = await listen(EVENTS + "?history=0")
    await first.leave()
    await writer.post("while away")
    back = await listen(EVENTS + "?history=0", headers={"last-event-id": first.stream.last_id})
    await heard(back, 4)
    assert back.stream.seqs == [4]


async def test_what_people_write_does_not_pass_for_a_position(
    listen: Listen, connect: Connect
) -> None:
    exchange = await listen()
    writer = await connect()
    text = '{"type":"joined"} "seq":99,\n\nid: x:77\n\r\n"seq":5 {"type":"ping"}'
    await writer.post(text)
    await heard(exchange, 1)
    assert exchange.stream.log[0]["text"] == text
    assert exchange.stream.last_id.endswith(":1")
    assert not exchange.stream.told("ping")


async def test_new_history_is_told_with_positions_in_it(listen: Listen, connect: Connect) -> None:
    exchange = await listen()
    writer = await connect()
    await writer.talk(2)
    await heard(exchange, 2)
    epoch = (await off_loop(api.new_epoch, ["main"]))["main"]
    stream = exchange.stream
    await soon(lambda: len(stream.told("joined")) == 2)
    await writer.post("after")
    await soon(lambda: stream.last_id == f"{epoch}:3")
    assert [joined["recovered"] for joined in stream.told("joined")] == [None, False]
    assert stream.seqs == [1, 2, 1, 2, 3]


# How it ends


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


# What it stands on


asked: list[Any] = []


class Asking:
    """Middleware that asks the database in the request's thread, and notes its connection down."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        databases["default"].ensure_connection()
        asked.append(databases["default"])
        return self.get_response(request)


async def test_stream_keeps_no_connection_to_the_database(
    listen: Listen, settings: Settings
) -> None:
    settings.MIDDLEWARE = [f"{__name__}.Asking", *settings.MIDDLEWARE]
    exchange = await listen()
    assert asked.pop().connection is None
    assert not exchange.task.done()


async def test_stream_is_not_compressed(listen: Listen, settings: Settings) -> None:
    """Django would wait for more, or make a gzip file of each event."""
    settings.MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware", *settings.MIDDLEWARE]
    exchange = await listen(headers={"accept-encoding": "gzip"})
    assert exchange.stream.told("welcome")


async def test_stream_needs_no_transaction(listen: Listen, settings: Settings) -> None:
    """Django has none for asynchronous views, and refuses those that do not do without."""
    settings.DATABASES["default"]["ATOMIC_REQUESTS"] = True
    try:
        databases["default"].settings_dict["ATOMIC_REQUESTS"] = True
        await listen()
    finally:
        databases["default"].settings_dict["ATOMIC_REQUESTS"] = False
