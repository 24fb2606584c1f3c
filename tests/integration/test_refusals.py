"""What the server refuses to do, with which code, and to whom."""

import json
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.integration.clients import JsonClient
from tests.integration.people import Visits
from tests.integration.settings import overriding
from tests.servers import Serve, SiteServer


@pytest.fixture(scope="module")
def server(serve_module: Serve) -> SiteServer:
    """A site where three rooms are enough for anybody, with a private and an archived one."""
    server = serve_module(env=overriding(ROOMS_PER_SESSION=3, RESUME_LIMIT=20, POSTS_PER_SECOND=0))
    server.manage(
        "shell",
        "-c",
        "from chat.models import Room\n"
        "Room.objects.create(slug='secret', kind='private')\n"
        "Room.objects.create(slug='museum', archived=True)\n"
        "Room.objects.create(slug='members', guests='none')\n"
        "Room.objects.create(slug='stage', guests='read', title='The stage')\n"
        "Room.objects.create(slug='slow', slow_mode=600, max_length=5)",
    )
    return server


@pytest.fixture(scope="module")
def strict(serve_module: Serve) -> SiteServer:
    """A site where guests may read, and only staff makes rooms."""
    return serve_module("uvicorn", env={"CHAT_GUESTS": "read", "CHAT_ROOM_CREATION": "staff"})


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ({"type": "nonsense"}, "unknown_command"),
        ({"type": "join"}, "bad_command"),
        ({"type": 5}, "bad_command"),
        ({}, "bad_command"),
        ({"type": "join", "room": ""}, "bad_command"),
        ({"type": "join", "room": "not a slug"}, "bad_command"),
        ({"type": "join", "room": "x" * 65}, "bad_command"),
        ({"type": "join", "room": "main", "history": -1}, "bad_command"),
        ({"type": "join", "room": "main", "after": {"epoch": "e"}}, "bad_command"),
        ({"type": "join", "room": "secret"}, "unknown_room"),
        ({"type": "join", "room": "members"}, "forbidden"),
        ({"type": "history", "room": "secret", "before": 1}, "unknown_room"),
        ({"type": "history", "room": "members", "before": 1}, "forbidden"),
        ({"type": "history", "room": "nowhere", "before": 1}, "unknown_room"),
        ({"type": "post", "room": "nowhere", "text": "x", "id": "1"}, "unknown_room"),
        ({"type": "post", "room": "secret", "text": "x", "id": "1"}, "unknown_room"),
        ({"type": "post", "room": "members", "text": "x", "id": "1"}, "forbidden"),
        ({"type": "post", "room": "museum", "text": "x", "id": "1"}, "forbidden"),
        ({"type": "post", "room": "stage", "text": "x", "id": "1"}, "forbidden"),
        ({"type": "post", "room": "main", "text": "x"}, "bad_command"),
        ({"type": "post", "room": "main", "text": "x", "id": ""}, "bad_command"),
        ({"type": "post", "room": "main", "text": "x", "id": "1" * 65}, "bad_command"),
        ({"type": "post", "room": "main", "text": " \n", "id": "1"}, "empty"),
        ({"type": "post", "room": "main", "text": "x" * 4001, "id": "1"}, "too_long"),
        ({"type": "post", "room": "slow", "text": "x" * 6, "id": "1"}, "too_long"),
        ({"type": "edit", "room": "main", "seq": 10**9, "text": "x"}, "not_found"),
        ({"type": "delete", "room": "main", "seq": 10**9}, "not_found"),
        ({"type": "leave", "room": "main"}, "not_joined"),
        ({"type": "typing", "room": "main"}, "not_joined"),
        ({"type": "rename", "name": ""}, "bad_command"),
        ({"type": "rename", "name": "x" * 41}, "bad_command"),
        ({"type": "pong", "seen": {"main": "1"}}, "bad_command"),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value)[:60],
)
async def test_refused(
    server: SiteServer, visit: Visits, command: dict[str, Any], code: str
) -> None:
    client = await visit.json(server)
    await client.send_text(json.dumps({**command, "ref": 7}))
    error = await client.event("error", ref=7)
    assert error["code"] == code
    understood = command.get("type") == "post" and code != "bad_command"
    assert error.get("id") == (command["id"] if understood else None)
    await client.ask("rooms")


@pytest.mark.parametrize("frame", ["{", "hello", "5", "null", "[1]", json.dumps([{}] * 101)])
async def test_bad_frame(server: SiteServer, visit: Visits, frame: str) -> None:
    client = await visit.json(server)
    await client.send_text(frame)
    await client.event("error", code="bad_frame")
    await client.ask("rooms")


async def test_messages_of_others_cannot_be_changed(
    server: SiteServer, visit: Visits, room: str
) -> None:
    anna, bert = [await visit.json(server, room) for _ in range(2)]
    seq = (await anna.post(room, "mine"))["seq"]
    assert (await bert.refusal("edit", room=room, seq=seq, text="x"))["code"] == "forbidden"
    assert (await bert.refusal("delete", room=room, seq=seq))["code"] == "forbidden"
    await anna.ask("delete", room=room, seq=seq)
    assert (await anna.refusal("edit", room=room, seq=seq, text="x"))["code"] == "not_found"
    assert (await anna.refusal("delete", room=room, seq=seq))["code"] == "not_found"


async def test_number_of_rooms_is_limited(server: SiteServer, visit: Visits, room: str) -> None:
    client = await visit.json(server, *(f"{room}-{number}" for number in range(3)))
    assert (await client.refusal("join", room=room))["code"] == "too_many_rooms"
    await client.join(f"{room}-0")  # it is there already
    await client.ask("leave", room=f"{room}-1")
    await client.join(room)


async def test_slow_mode_says_how_long_to_wait(server: SiteServer, visit: Visits) -> None:
    client = await visit.json(server, "slow")
    await client.post("slow", "one")
    error = await client.refusal("post", room="slow", text="two", id="2")
    assert error["code"] == "rate_limited"
    assert 500 < error["retry_after"] <= 600


async def test_resume_of_too_many_events_starts_over(
    server: SiteServer, visit: Visits, room: str
) -> None:
    anna = await visit.json(server, room)
    after = anna.position(room)
    for number in range(21):
        await anna.post(room, str(number))
    joined = await anna.join(room, after=after, history=2)
    assert (joined["head"], joined["recovered"]) == (21, False)
    assert anna.texts(room) == ["19", "20"]
    joined = await anna.join(room, after={**after, "seq": 1})
    assert joined["recovered"] is True
    assert len(anna.texts(room)) == 20


async def test_title_is_told_and_private_rooms_are_not(server: SiteServer, visit: Visits) -> None:
    client = await visit.json(server)
    assert (await client.join("stage"))["title"] == "The stage"
    lines = {line["room"]: line["title"] for line in (await client.ask("rooms"))["rooms"]}
    assert lines["stage"] == "The stage"
    assert "secret" not in lines


async def test_guests_who_may_only_read(strict: SiteServer, visit: Visits) -> None:
    client = await visit.json(strict, "main")
    assert (await client.refusal("join", room="new"))["code"] == "unknown_room"
    assert (await client.refusal("post", room="main", text="x", id="1"))["code"] == "forbidden"
    assert (await client.refusal("typing", room="main"))["code"] == "forbidden"


async def test_other_sites_pages_are_refused(server: SiteServer, strict: SiteServer) -> None:
    for site, malformed in ((server, 400), (strict, 403)):
        async with await JsonClient.connect(site.ws_url, origin=site.url) as own:
            await own.event("welcome")
        for origin, status in {
            "https://evil.example": 403,
            "null": 403,
            "nonsense": malformed,
            "http://[": malformed,
        }.items():
            with pytest.raises(InvalidStatus) as refused:
                await JsonClient.connect(site.ws_url, origin=origin)
            assert refused.value.response.status_code == status, origin
