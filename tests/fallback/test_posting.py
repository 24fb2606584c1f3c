"""Commands over HTTP, and what answers them."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from chat import identity, store
from chat.hub import hub as hubs
from chat.hub.session import TYPING_BURST, TYPING_RATE
from chat.identity import GUEST_COOKIE
from chat.models import Message, Room
from tests.exchange import Exchange, post
from tests.fakes import soon
from tests.fallback.asking import MESSAGES, answered, error, stream
from tests.hub.clients import Connect, off_loop, sign_up


async def test_message_is_acknowledged_once_it_is_stored(
    connect: Connect, guest: dict[str, str]
) -> None:
    reader = await connect()
    await reader.join()
    exchange = await post(MESSAGES, {"text": "hello", "id": "a", "ref": 7}, cookies=guest)
    ack = {"type": "ack", "ref": 7, "room": "main", "seq": 1, "id": "a", "duplicate": False}
    assert (exchange.status, exchange.json) == (200, [ack])
    assert exchange.headers["cache-control"] == "no-store"
    assert await off_loop(Message.objects.filter(seq=1, text="hello").exists)
    message = await reader.event("message")
    assert (message["text"], message["id"]) == ("hello", "a")


async def test_same_id_is_stored_once_over_both_transports(
    connect: Connect, guest: dict[str, str]
) -> None:
    body = {"text": "hello", "id": "a"}
    assert (await answered(body, cookies=guest))[1]["duplicate"] is False
    status, again = await answered(body, cookies=guest)
    assert (status, again["seq"], again["duplicate"]) == (200, 1, True)
    socket = await connect(cookies=guest)
    over_there = await socket.post("hello", id="a")
    assert (over_there["seq"], over_there["duplicate"]) == (1, True)
    await socket.post("more", id="b")
    assert (await answered({"text": "more", "id": "b"}, cookies=guest))[1]["duplicate"] is True


async def test_post_to_an_unused_room_that_was_just_removed_is_stored(
    guest: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await off_loop(store.create_room, "brief")
    epoch = (await off_loop(Room.objects.get, slug="brief")).epoch
    find_room = store.find_room

    def found_and_removed(slug: str) -> Room | None:
        room = find_room(slug)
        assert store.remove_transient(slug)
        return room

    monkeypatch.setattr(store, "find_room", found_and_removed)
    status, ack = await answered({"text": "x", "id": "a"}, "/rooms/brief/messages", cookies=guest)
    assert (status, ack["type"], ack["seq"]) == (200, "ack", 1)
    assert (await off_loop(Room.objects.get, slug="brief")).epoch == epoch


async def test_request_without_a_csrf_token_is_refused(guest: dict[str, str]) -> None:
    exchange = await Exchange(MESSAGES, method="POST", body=b"{}", cookies=guest).end()
    assert exchange.status == 403
    assert b"CSRF" in exchange.content
    assert not hubs.running()


async def test_guest_speaks_under_the_name_it_gives(
    connect: Connect, guest: dict[str, str]
) -> None:
    reader = await connect()
    await reader.join()
    exchange = await post(MESSAGES, {"text": "x", "id": "1", "name": " Bob "}, cookies=guest)
    assert exchange.status == 200
    assert (await reader.event("message"))["sender"]["name"] == "Bob"
    assert GUEST_COOKIE not in exchange.cookies
    for name in ("[UID: 7]", "", 7, None):
        body = {"text": "x", "id": "2", "name": name}
        assert await error(body, cookies=guest) == (400, "bad_command")
    ann = await sign_up("ann")
    body = {"text": "x", "id": "3", "name": "Zoe"}
    assert await error(body, cookies=ann.cookies) == (403, "forbidden")


async def test_name_is_found_to_be_one_that_a_guest_may_have(guest: dict[str, str]) -> None:
    rename = {"type": "rename", "name": "Bob", "ref": 3}
    status, renamed = await answered(rename, cookies=guest)
    who = identity.of_guest(guest[GUEST_COOKIE])
    assert who is not None
    sender = {"id": who.sender.id, "name": "Bob"}
    assert (status, renamed) == (200, {"type": "renamed", "ref": 3, "sender": sender})
    ann = await sign_up("ann")
    assert await error(rename, cookies=ann.cookies) == (403, "forbidden")


async def test_site_without_accounts_has_guests(settings: Settings) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if ".auth." not in name]
    await (await stream()).leave()


async def test_guest_without_a_cookie_is_given_one_with_the_answer() -> None:
    exchange = await post(MESSAGES, {"text": "x", "id": "1"})
    assert identity.of_guest(exchange.cookies[GUEST_COOKIE].value) is not None


async def test_messages_are_changed_and_taken_away(guest: dict[str, str]) -> None:
    await answered({"text": "hello", "id": "a"}, cookies=guest)
    edit = {"type": "edit", "seq": 1, "text": "new"}
    assert (await answered(edit, cookies=guest))[1] == {
        "type": "ack",
        "room": "main",
        "seq": 2,
        "target": 1,
    }
    assert await error(edit) == (403, "forbidden")  # somebody else's
    assert (await answered({"type": "delete", "seq": 1}, cookies=guest))[1]["seq"] == 3
    assert await error({"type": "delete", "seq": 1}, cookies=guest) == (404, "not_found")


async def test_history_and_rooms_are_answered(guest: dict[str, str]) -> None:
    for number in (1, 2, 3):
        await answered({"text": f"m{number}", "id": str(number)}, cookies=guest)
    status, page = await answered({"type": "history", "before": 3, "limit": 1, "ref": "r"})
    assert (status, page["type"], page["more"], page["ref"]) == (200, "history", True, "r")
    assert [message["text"] for message in page["messages"]] == ["m2"]
    status, listed = await answered({"type": "rooms", "seen": {"main": 1}})
    line = {"room": "main", "title": "main", "online": 0, "unread": 2, "members": []}
    assert (status, listed["rooms"]) == (200, [line])


async def test_typing_is_told_no_more_often_than_by_a_session(
    connect: Connect, guest: dict[str, str]
) -> None:
    reader = await connect()
    await reader.join()
    who = identity.of_cookies(guest)
    typist = hubs.current().typists.of(who.key)
    assert (typist.rate, typist.burst) == (TYPING_RATE, TYPING_BURST)
    typist.rate = 1 / 3600
    there = await stream(cookies=guest)
    for _ in range(4):
        assert (await post(MESSAGES, {"type": "typing"}, cookies=guest)).status == 200
    await reader.answered()
    assert [event["type"] for event in reader.events].count("typing") == TYPING_BURST
    await there.leave()


async def test_typing_is_told_where_its_sender_is(connect: Connect, guest: dict[str, str]) -> None:
    typing = {"type": "typing", "ref": 3}
    reader = await connect()
    await reader.join()
    assert await error(typing, cookies=guest) == (409, "not_joined")
    there = await stream(cookies=guest)
    exchange = await post(MESSAGES, typing, cookies=guest)
    assert (exchange.status, exchange.json) == (200, [])
    who = there.stream.told("welcome")[0]["sender"]
    await reader.event("typing", room="main", sender=who)
    await off_loop(Room.objects.filter(slug="main").update, guests="read")
    hubs.current().heart.look()
    await soon(lambda: hubs.current().rooms["main"].record.guests == "read")
    assert await error(typing, cookies=guest) == (403, "forbidden")
    await there.leave()
