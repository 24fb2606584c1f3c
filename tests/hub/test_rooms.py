"""Rooms that a hub opens, closes, and finds removed."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from chat import identity, store
from chat.access import Rights
from chat.hub import hub as hubs
from chat.hub.room import Room as LiveRoom
from chat.hub.signals import Batch, group_of
from chat.models import Room
from chat.protocol.errors import UnknownRoom
from tests.fakes import soon, turns
from tests.hub.clients import OPEN_SITE, Connect, Wired, memory_layer, off_loop, post
from tests.hub.conftest import MakeHub

# Rooms that are opened


async def test_batch_that_comes_while_a_room_opens_is_not_lost(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is read first and heard of last: what comes between is kept for the room."""
    hub = make_hub()
    original = store.open_room
    await off_loop(store.create_room, "main")

    def slowly(slug: str, tail: int) -> store.Opened | None:
        opened = original(slug, tail)
        draft = store.PostDraft(room="main", sender_key="g:1", sender_name="x", id="a", text="hi")
        (stored,) = store.append([draft])
        assert isinstance(stored, store.Stored)
        assert stored.entry is not None
        batch = Batch("main", stored.epoch, [stored.entry])
        hub.loop.call_soon_threadsafe(hub.hear, batch)
        return opened

    monkeypatch.setattr(store, "open_room", slowly)
    wired = Wired(hub)
    await wired.join()
    await soon(lambda: wired.seqs == [1])
    assert hub.rooms["main"].counts.healed == 0


async def test_room_that_could_not_be_loaded_is_loaded_anew(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect()

    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as broken:
        broken.setattr(store, "open_room", fail)
        assert await client.refusal("join", room="main") == "unavailable"
    await client.join()
    (hub,) = hubs.running()
    assert not hub.rooms._opening


async def test_room_that_could_not_be_loaded_leaves_no_membership_behind(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect()
    with monkeypatch.context() as broken:
        broken.setattr(store, "open_room", lambda *_: 1 / 0)
        assert await client.refusal("join", room="main") == "unavailable"
    assert group_of("main") not in memory_layer().groups


async def test_room_that_was_not_there_leaves_no_membership_behind(
    site: None, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "ROOM_CREATION": "staff"}
    hub = hubs.current()
    await Wired().join()
    with pytest.raises(UnknownRoom):
        await hub.enter("nope", identity.new_guest(), create=False)
    assert group_of("nope") not in memory_layer().groups
    assert group_of("main") in memory_layer().groups


async def test_who_may_make_a_room_makes_it_though_another_may_not(
    site: None, settings: Settings
) -> None:
    """Both ask at once, and the one who may not is first: it finds what the other has made."""
    settings.CHAT = {**OPEN_SITE, "ROOM_CREATION": "users"}
    hub = hubs.current()
    user = await off_loop(lambda: identity.of_user(User.objects.create(username="ann")))
    answers = await asyncio.gather(
        hub.enter("new", identity.new_guest(), create=False),
        hub.enter("new", user, create=True),
    )
    assert [room for room, _, _ in answers] == [hub.rooms["new"]] * 2


async def test_who_makes_a_room_waits_for_the_looks_of_no_crowd(
    site: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each first looks whether it is there, and some come just as another did not find it."""
    hub = hubs.current()
    guest, leave, looks = identity.new_guest(), hub.bus.exit, 0
    crowd: list[asyncio.Task[tuple[LiveRoom, Rights, int]]] = []

    def look() -> Coroutine[Any, Any, tuple[LiveRoom, Rights, int]]:
        return hub.enter("new", guest, create=False)

    def just_not_found(slug: str) -> None:
        nonlocal looks
        looks += 1
        leave(slug)
        if looks < 20:
            hub.loop.call_soon(lambda: crowd.append(asyncio.create_task(look())))

    monkeypatch.setattr(hub.bus, "exit", just_not_found)
    with pytest.raises(UnknownRoom):
        await hub.enter("new", guest, create=False)
    room, _, _ = await hub.enter("new", guest, create=True)
    assert hub.rooms["new"] is room
    assert looks == 1
    assert [found for found, _, _ in await asyncio.gather(*crowd)] == [room]
    assert not hub.rooms._opening


async def test_room_in_which_people_are_elsewhere_is_not_removed(make_hub: MakeHub) -> None:
    first, second = make_hub(), make_hub()
    here, there = Wired(first), Wired(second)
    await here.join("brief")
    await there.join("brief")
    await soon(lambda: first.presence.elsewhere("brief"))
    here.say({"type": "leave", "room": "brief"})
    await soon(lambda: bool(here.told("left")))
    await first.threads.write(lambda: None)
    assert await off_loop(Room.objects.filter(slug="brief").exists)


async def test_post_to_a_room_that_another_process_just_removed_is_stored(
    make_hub: MakeHub,
) -> None:
    hub = make_hub()
    wired = Wired(hub)
    joined = await wired.join("brief")
    # The other process looked for who is there before this one had said so.
    assert await off_loop(store.remove_transient, "brief", node=hub.presence.node)
    wired.say(post(1, "brief"))
    await soon(lambda: wired.seqs == [1])
    made = await off_loop(Room.objects.get, slug="brief")
    assert (made.epoch, made.head) == (joined["epoch"], 1)


# Rooms that change


async def test_room_that_is_deleted_is_left_by_everybody(make_hub: MakeHub) -> None:
    hub = make_hub()
    await off_loop(Room.objects.create, slug="kitchen")
    wired = Wired(hub)
    await wired.join("kitchen")
    await off_loop(Room.objects.filter(slug="kitchen").delete)
    hub.heart.look()
    await soon(lambda: bool(wired.told("left")))
    assert wired.told("left") == [{"type": "left", "room": "kitchen"}]
    assert "kitchen" not in hub.rooms
    assert wired.session.seats == {}


async def test_unused_room_that_another_process_removed_is_made_again_for_those_in_it(
    make_hub: MakeHub,
) -> None:
    hub = make_hub()
    wired = Wired(hub)
    joined = await wired.join("brief")
    assert await off_loop(store.remove_transient, "brief", node=hub.presence.node)
    hub.heart.look()
    async with asyncio.timeout(60):
        while not await off_loop(Room.objects.filter(slug="brief").exists):
            pass
    assert (await off_loop(Room.objects.get, slug="brief")).epoch == joined["epoch"]
    assert wired.told("left") == []


async def test_room_that_somebody_enters_while_it_closes_is_heard(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    wired = Wired(hub)
    await wired.join()
    wired.say({"type": "leave", "room": "main"})
    await soon(lambda: bool(wired.told("left")))
    room, stopped = hub.rooms["main"], asyncio.Event()
    stop = room.stop

    async def slowly() -> None:
        await stopped.wait()
        await stop()

    monkeypatch.setattr(room, "stop", slowly)
    closing = asyncio.create_task(hub.rooms.close(room))
    await turns()
    await wired.join()
    stopped.set()
    await closing
    await soon(lambda: not hub.bus._memberships._due)
    assert memory_layer().groups.get(group_of("main"))
    assert hub.rooms["main"].seats
