"""Rooms that are made by joining them: by whom, and for how long they are there."""

import pytest
from pytest_django import Settings

from chat.hub import hub as hubs
from chat.models import Room
from tests.fakes import soon
from tests.hub.clients import OPEN_SITE, Connect, off_loop, sign_up
from tests.hub.rooms import room


@pytest.mark.parametrize(
    ("creation", "who", "made"),
    [
        ("anyone", "guest", True),
        ("anyone", "user", True),
        ("users", "guest", False),
        ("users", "user", True),
        ("staff", "guest", False),
        ("staff", "user", False),
        ("staff", "staff", True),
    ],
)
async def test_room_that_is_not_there_is_made_by_those_who_may(
    connect: Connect, settings: Settings, creation: str, who: str, made: bool
) -> None:
    settings.CHAT = {**OPEN_SITE, "ROOM_CREATION": creation}
    cookies = None
    if who != "guest":
        cookies = (await sign_up("ann", is_staff=who == "staff")).cookies
    client = await connect(cookies=cookies)
    reply = await client.ask("join", room="new")
    assert (reply["type"], reply.get("code")) == (
        ("joined", None) if made else ("error", "unknown_room")
    )
    assert await off_loop(Room.objects.filter(slug="new").exists) == made


async def test_limit_on_making_rooms_can_be_lifted(connect: Connect, settings: Settings) -> None:
    settings.CHAT = {**OPEN_SITE, "ROOMS_PER_SESSION": 1, "ROOMS_CREATED_PER_MINUTE": 0}
    client = await connect()
    for number in range(5):
        await client.join(f"new-{number}")
        await client.ask("leave", room=f"new-{number}")


async def test_main_is_there_for_those_who_may_make_no_room(
    connect: Connect, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "ROOM_CREATION": "staff"}
    await (await connect()).join("main")


async def test_room_made_by_joining_goes_with_its_last_session_if_nothing_was_said(
    connect: Connect,
) -> None:
    first, second = await connect(), await connect()
    await first.join("brief")
    await second.join("brief")
    await first.ask("leave", room="brief")
    (hub,) = hubs.running()
    assert await off_loop(Room.objects.filter(slug="brief").exists)
    await second.close()
    await soon(lambda: "brief" not in hub.rooms)
    assert not await off_loop(Room.objects.filter(slug="brief").exists)


async def test_room_made_by_joining_stays_where_something_was_said(connect: Connect) -> None:
    client = await connect()
    await client.join("lasting")
    await client.post("hi", "lasting")
    await client.ask("leave", room="lasting")
    await client.answered()
    assert await off_loop(Room.objects.filter(slug="lasting").exists)
    assert (await client.join("lasting"))["head"] == 1


async def test_room_that_was_made_on_purpose_stays_though_nothing_was_said(
    connect: Connect,
) -> None:
    await room("kitchen")
    client = await connect()
    await client.join("kitchen")
    await client.ask("leave", room="kitchen")
    await client.join("brief")
    await client.ask("leave", room="brief")
    (hub,) = hubs.running()
    await soon(lambda: "brief" not in hub.rooms)
    assert await off_loop(Room.objects.filter(slug="kitchen").exists)


async def test_room_can_be_made_again_after_it_went(connect: Connect) -> None:
    client = await connect()
    first = await client.join("brief")
    await client.ask("leave", room="brief")
    (hub,) = hubs.running()
    await soon(lambda: "brief" not in hub.rooms)
    second = await client.join("brief")
    assert first["epoch"] != second["epoch"]
    assert (await client.post("hi", "brief"))["seq"] == 1


async def test_many_who_join_a_room_at_once_share_it(connect: Connect) -> None:
    clients = [await connect() for _ in range(10)]
    for client in clients:
        await client.send({"type": "join", "room": "busy"})
    epochs = {(await client.event("joined"))["epoch"] for client in clients}
    assert len(epochs) == 1
    await clients[0].post("hi", "busy")
    for client in clients:
        await client.event("message", text="hi")


async def test_session_that_makes_many_rooms_is_first_told_that_it_is_in_too_many(
    connect: Connect, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "ROOMS_PER_SESSION": 15, "ROOMS_CREATED_PER_MINUTE": 1}
    client = await connect()
    for number in range(15):
        await client.join(f"room-{number}")
    assert await client.refusal("join", room="room-15") == "too_many_rooms"
    for number in range(15, 30):
        await client.ask("leave", room=f"room-{number - 15}")
        await client.join(f"room-{number}")
    await client.ask("leave", room="room-29")
    reply = await client.ask("join", room="one-more")
    assert (reply["type"], reply["code"]) == ("error", "rate_limited")
    assert 0 < reply["retry_after"] <= 60
    await client.join("main")
    await client.ask("leave", room="main")
    await off_loop(Room.objects.create, slug="there")
    await client.join("there")


async def test_room_that_was_deleted_is_not_made_again_by_those_who_were_in_it(
    connect: Connect,
) -> None:
    """It would have the old epoch, and numbers that all who were there have seen."""
    client, other = await connect(), await connect()
    for each in (client, other):
        await each.join("brief")
    await client.post("one", "brief")
    await client.post("two", "brief")
    await off_loop(Room.objects.filter(slug="brief").delete)
    assert (await client.post("three", "brief"))["code"] == "unknown_room"
    (hub,) = hubs.running()
    hub.heart.look()
    for each in (client, other):
        assert (await each.event("left"))["room"] == "brief"
