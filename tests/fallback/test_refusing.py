"""Commands over HTTP that are not carried out, and with which status."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from chat import identity
from chat.hub import hub as hubs
from chat.identity import GUEST_COOKIE
from chat.models import Room
from tests.exchange import Exchange
from tests.fakes import soon
from tests.fallback.asking import MESSAGES, answered, error
from tests.hub.clients import OPEN_SITE, Connect
from tests.hub.rooms import room


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_frame"),
        (b"hello", 400, "bad_frame"),
        (b"[]", 400, "bad_frame"),
        (b'[{"text":"x","id":"1"}]', 400, "bad_frame"),
        (b'{"text":"\xff","id":"1"}', 400, "bad_frame"),
        (b'{"text":"\\ud800","id":"1"}', 400, "bad_frame"),
        (b"[" * 60_000, 400, "bad_frame"),
        ({}, 400, "bad_command"),
        ({"text": "x"}, 400, "bad_command"),
        ({"text": "x\0", "id": "1"}, 400, "bad_command"),
        ({"type": 7}, 400, "bad_command"),
        ({"type": "nonsense"}, 400, "unknown_command"),
        ({"type": "join"}, 400, "bad_command"),
        ({"type": "leave"}, 400, "bad_command"),
        ({"type": "pong"}, 400, "bad_command"),
        ({"type": "rename"}, 400, "bad_command"),
        ({"type": "rename", "name": "[UID: 7]"}, 400, "bad_command"),
        ({"text": " \n", "id": "1"}, 400, "empty"),
        ({"text": "x" * 4001, "id": "1"}, 413, "too_long"),
        ({"text": "x" * 70_000, "id": "1"}, 413, "too_long"),
        ({"type": "edit", "seq": 9, "text": "x"}, 404, "not_found"),
    ],
)
async def test_command_that_cannot_be_carried_out_is_an_error(
    body: Any, status: int, code: str
) -> None:
    assert await error(body) == (status, code)


async def test_error_says_which_command_it_is_about() -> None:
    _, event = await answered({"text": "", "id": "a", "ref": 7})
    assert (event["id"], event["ref"]) == ("a", 7)
    _, event = await answered({"type": "join", "ref": 7})
    assert event["ref"] == 7


async def test_rooms_are_open_to_those_who_may_be_there(settings: Settings) -> None:
    await room("secret", kind=Room.Kind.PRIVATE)
    await room("stage", guests=Room.Guests.READ)
    await room("slow", slow_mode=600)
    body = {"text": "x", "id": "1"}
    for kind in ({}, {"type": "history", "before": 9}, {"type": "typing"}):
        assert await error({**body, **kind}, "/rooms/secret/messages") == (404, "unknown_room")
    assert await error(body, "/rooms/stage/messages") == (403, "forbidden")
    cookies = {GUEST_COOKIE: identity.guest_cookie(identity.new_guest())}
    await answered(body, "/rooms/slow/messages", cookies=cookies)
    status, event = await answered(
        {"text": "y", "id": "2"}, "/rooms/slow/messages", cookies=cookies
    )
    assert (status, event["code"]) == (429, "rate_limited")
    assert event["retry_after"] > 500
    settings.CHAT = {**OPEN_SITE, "GUESTS": "none"}
    assert await error({"type": "rooms"}) == (403, "forbidden")


async def test_room_in_the_address_is_the_one_that_is_meant() -> None:
    await room("other")
    _, ack = await answered({"text": "x", "id": "1", "room": "main"}, "/rooms/other/messages")
    assert ack["room"] == "other"


@pytest.mark.parametrize("known", [True, False])
async def test_sender_has_one_limit_over_all_requests(
    settings: Settings, guest: dict[str, str], known: bool
) -> None:
    """A guest without a cookie is a new one each time, but comes from one address."""
    settings.CHAT = {**OPEN_SITE, "POSTS_PER_SECOND": 0.001}
    cookies = guest if known else None
    assert (await answered({"text": "x", "id": "1"}, cookies=cookies))[0] == 200
    for body in ({"text": "x", "id": "2"}, {"type": "rooms"}, {"type": "history", "before": 1}):
        status, event = await answered({**body, "ref": 5}, cookies=cookies)
        assert (status, event["code"], event["ref"]) == (429, "rate_limited", 5)
        assert event["retry_after"] > 500
    other = {GUEST_COOKIE: identity.guest_cookie(identity.new_guest())}
    assert (await answered({"text": "x", "id": "2"}, cookies=other))[0] == 200


async def test_nobody_sees_a_request_come_or_go(
    connect: Connect, guest: dict[str, str], settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "SESSIONS_PER_USER": 1}
    reader = await connect(cookies=guest)
    await reader.join()
    assert (await answered({"text": "x", "id": "1"}, cookies=guest))[0] == 200
    assert len(hubs.current().sessions) == 1


async def test_post_of_a_client_that_goes_may_be_sent_again(
    guest: dict[str, str], monkeypatch: pytest.MonkeyPatch, connect: Connect
) -> None:
    await connect()
    hub = hubs.current()
    waiting: list[Any] = []
    submit = hub.writer.submit
    monkeypatch.setattr(hub.writer, "submit", lambda *given: waiting.append(given))
    body = b'{"text":"hello","id":"a"}'
    token = "a" * 32
    gone = Exchange(
        MESSAGES,
        method="POST",
        headers={"x-csrftoken": token},
        cookies={"csrftoken": token, **guest},
        body=body,
    )
    await soon(lambda: waiting != [])
    await gone.leave()
    submit(*waiting[0])
    monkeypatch.undo()
    status, again = await answered(body, cookies=guest)
    assert (status, again["duplicate"], again["seq"]) == (200, True, 1)
