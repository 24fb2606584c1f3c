"""The stream of events: what may be asked of it, and who is let in."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from chat import store
from chat.hub import hub as hubs
from chat.identity import GUEST_COOKIE
from chat.models import Membership, Message, Room
from chat.protocol.errors import Unavailable
from tests.exchange import Exchange
from tests.fakes import soon
from tests.fallback.asking import EVENTS, MESSAGES, error, refused, stream
from tests.hub.clients import OPEN_SITE, Connect, off_loop, sign_up
from tests.hub.rooms import room

# Streams: what is asked


@pytest.mark.parametrize(
    "query",
    [
        "history=x",
        "history=-1",
        "seconds=0",
        "seconds=nan",
        "after=7",
        "after=e1:",
        "after=e1:-7",
        "after=:7",
        "after=e1:%D9%A7",
        "name=",
        "name=%5BUID%3A%207%5D",
        "name=" + "x" * 41,
    ],
)
async def test_parameter_that_is_not_well_formed_is_an_error(query: str) -> None:
    assert await refused(f"{EVENTS}?{query}") == (400, "bad_command")


async def test_last_event_id_that_is_none_of_ours_is_an_error() -> None:
    assert await refused(headers={"last-event-id": "7"}) == (400, "bad_command")


async def test_stream_is_only_for_reading() -> None:
    exchange = await Exchange(EVENTS, method="HEAD").end()
    assert exchange.status == 405
    assert not hubs.running()


async def test_stream_is_kept_by_nobody_on_its_way() -> None:
    exchange = await stream()
    assert exchange.headers["content-type"] == "text/event-stream"
    assert exchange.headers["cache-control"] == "no-store"
    assert exchange.headers["x-accel-buffering"] == "no"
    await exchange.leave()


# Streams: who is let in


async def test_guest_without_a_cookie_is_given_one_and_is_known_by_it() -> None:
    first = await stream(EVENTS + "?name=Bob")
    cookies = {name: morsel.value for name, morsel in first.cookies.items()}
    assert "csrftoken" in cookies
    second = await stream(cookies=cookies)
    who = [exchange.stream.told("welcome")[0]["sender"]["id"] for exchange in (first, second)]
    assert who[0] == who[1]
    assert GUEST_COOKIE not in second.cookies
    for exchange in (first, second):
        await exchange.leave()


async def test_user_is_known_and_has_the_name_of_the_account() -> None:
    ann = await sign_up("ann")
    exchange = await stream(cookies=ann.cookies)
    sender = {"id": str(ann.user.pk), "name": "ann"}
    assert exchange.stream.told("welcome")[0]["sender"] == sender
    assert GUEST_COOKIE not in exchange.cookies
    await exchange.leave()
    assert await refused(EVENTS + "?name=Zoe", cookies=ann.cookies) == (403, "forbidden")


async def test_guests_are_refused_where_the_chat_or_the_room_is_not_for_them(
    settings: Settings,
) -> None:
    await room("users", guests=Room.Guests.NONE)
    assert await refused("/rooms/users/events") == (403, "forbidden")
    settings.CHAT = {**OPEN_SITE, "GUESTS": "none"}
    assert await refused() == (403, "forbidden")


async def test_private_room_is_not_there_but_for_its_members() -> None:
    private = await room("secret", kind=Room.Kind.PRIVATE)
    ann, bob = await sign_up("ann"), await sign_up("bob")
    await off_loop(Membership.objects.create, room=private, user=ann.user)
    for cookies in (None, bob.cookies):
        assert await refused("/rooms/secret/events", cookies=cookies) == (404, "unknown_room")
    await (await stream("/rooms/secret/events", cookies=ann.cookies)).leave()


async def test_room_that_is_not_there_is_made_where_one_may(settings: Settings) -> None:
    await (await stream("/rooms/räume/events")).leave()
    settings.CHAT = {**OPEN_SITE, "ROOM_CREATION": "staff"}
    assert await refused("/rooms/other/events") == (404, "unknown_room")


@pytest.mark.parametrize("limit", ["SESSIONS_PER_USER", "SESSIONS_PER_ADDRESS"])
async def test_stream_counts_among_the_sessions(
    settings: Settings, guest: dict[str, str], limit: str
) -> None:
    settings.CHAT = {**OPEN_SITE, limit: 1}
    first = await stream(cookies=guest)
    exchange = await Exchange(EVENTS, cookies=guest).end()
    assert (exchange.status, exchange.json["code"]) == (429, "rate_limited")
    assert int(exchange.headers["retry-after"]) >= 1
    await first.leave()
    await soon(lambda: not hubs.current().sessions)
    await (await stream(cookies=guest)).leave()


async def test_nobody_is_let_in_while_draining(connect: Connect) -> None:
    await connect()
    hubs.current().draining = True
    exchange = await Exchange(EVENTS).end()
    assert (exchange.status, exchange.json["code"]) == (503, "unavailable")
    assert exchange.json["retry_after"] == 1.0
    assert exchange.headers["retry-after"] == "1"
    assert await error({"text": "x", "id": "1"}) == (503, "unavailable")
    assert not await off_loop(Message.objects.exists)


async def test_nothing_works_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object) -> None:
        raise Unavailable

    monkeypatch.setattr(store, "open_room", away)
    monkeypatch.setattr(store, "find_room", away)
    assert await refused() == (503, "unavailable")
    assert await error({"text": "x", "id": "1"}) == (503, "unavailable")


async def test_who_may_no_longer_be_there_is_told_and_refused_then() -> None:
    board = await room("board")
    exchange = await stream("/rooms/board/events")
    await off_loop(Room.objects.filter(pk=board.pk).update, kind=Room.Kind.PRIVATE)
    hubs.current().heart.look()
    await soon(lambda: exchange.stream.told("left") != [])
    await exchange.leave()
    assert await refused("/rooms/board/events") == (404, "unknown_room")


# Without an ASGI server


@pytest.mark.django_db
def test_process_without_a_loop_says_what_it_needs(client: Client) -> None:
    for answer in (
        client.get(EVENTS),
        client.post(MESSAGES, {"text": "x"}, content_type="application/json"),
    ):
        assert answer.status_code == 501
        assert answer.json()["code"] == "unavailable"
        assert "ASGI" in answer.json()["detail"]
    assert not hubs.running()
