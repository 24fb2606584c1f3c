"""Processes that died are buried by the others, and those that live come back."""

import asyncio
from typing import Any

import pytest

from chat import store
from chat.hub import hub as hubs
from chat.hub.hub import Hub
from chat.models import Connection, Node, Room
from chat.store import Roster, SessionRow
from tests.fakes import soon
from tests.hub.clients import Wired, off_loop
from tests.hub.conftest import MakeHub
from tests.hub.roster import enrolled

# Being taken for dead


async def test_process_that_was_buried_enrolls_again_with_all_its_sessions(
    make_hub: MakeHub,
) -> None:
    hub = make_hub()
    first = await enrolled(hub)
    wired, roomless = Wired(hub), Wired(hub)
    await wired.join()
    await off_loop(store.bury, [first])
    hub.heart.look()
    await soon(lambda: hub.presence.node != first)
    await soon(lambda: not hub.presence.register.due)
    await hub.threads.write(lambda: None)
    rows = await off_loop(lambda: set(Connection.objects.values_list("node", "session")))
    assert rows == {(hub.presence.node, one.session.id) for one in (wired, roomless)}


async def test_process_that_beats_while_it_enrolls_again_does_not_do_so_twice(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    first = await enrolled(hub)
    register, original = hub.presence.register, hub.threads.write
    beats: list[asyncio.Task[list[Roster]]] = []

    async def write(function: Any, *args: Any) -> Any:
        found = await original(function, *args)
        if function is store.enroll and not beats:
            beats.append(asyncio.create_task(register.beat()))
            await asyncio.sleep(0)  # by now it asks about the row that is gone
        return found

    await off_loop(store.bury, [first])
    monkeypatch.setattr(hub.threads, "write", write)
    await register.save(1)
    assert [roster.node for roster in await beats[0]] == [hub.presence.node]


async def test_process_that_notices_its_burial_as_it_writes_enrolls_again(
    make_hub: MakeHub,
) -> None:
    hub = make_hub()
    first = await enrolled(hub)
    await off_loop(store.bury, [first])
    wired = Wired(hub)
    await wired.join()
    await soon(lambda: hub.presence.node != first and not hub.presence.register.due)
    await hub.threads.write(lambda: None)
    assert await off_loop(Connection.objects.count) == 1


# Others


def grow_old(hub: Hub, node: int, heartbeats: float) -> None:
    """Let it be so long ago that the node's count of beats was seen to go up."""
    hub.presence._nodes[node].beaten_at -= heartbeats * hub.config.heartbeat


async def test_unused_room_of_a_process_that_died_is_taken_away(make_hub: MakeHub) -> None:
    hub = make_hub()
    await enrolled(hub)
    dead = await off_loop(store.enroll, "dead")
    await off_loop(store.create_room, "left")
    await off_loop(store.create_room, "here")
    await Wired(hub).join("here")
    await hub.presence.beat()
    grow_old(hub, dead, 2.1)
    await hub.presence.beat()
    assert not await off_loop(Room.objects.filter(slug="left").exists)
    assert await off_loop(Room.objects.filter(slug="here").exists)


async def test_process_whose_heart_stops_is_forgotten_and_buried(make_hub: MakeHub) -> None:
    hub = make_hub()
    await enrolled(hub)
    dead = await off_loop(store.enroll, "dead")
    row = SessionRow(session="s", sender_key="g:5", sender_name="ghost", rooms=["main"])
    await off_loop(store.revise, dead, 1, [row], [])
    await hub.presence.beat()
    assert hub.presence.online("main") == 1
    for _ in range(20):  # as often as others have it look
        await hub.presence.beat()
    assert hub.presence.online("main") == 1
    grow_old(hub, dead, 1.0)
    await hub.presence.beat()
    assert hub.presence.online("main") == 1
    grow_old(hub, dead, 0.6)
    await hub.presence.beat()
    assert hub.presence.online("main") == 0
    assert not await off_loop(Node.objects.filter(pk=dead).exists)


async def test_process_whose_heart_beats_is_not_forgotten(make_hub: MakeHub) -> None:
    hub = make_hub()
    await enrolled(hub)
    other = await off_loop(store.enroll, "slow")
    for _ in range(3):
        await hub.presence.beat()
        grow_old(hub, other, 1.9)
        await off_loop(store.beat, other, store.Report())
    await hub.presence.beat()
    assert await off_loop(Node.objects.filter(pk=other).exists)


async def test_nobody_is_dead_because_the_database_was_away_for_all(make_hub: MakeHub) -> None:
    hub = make_hub()
    await enrolled(hub)
    other = await off_loop(store.enroll, "back a moment later")
    await hub.presence.beat()
    grow_old(hub, other, 3)
    hub.presence._beaten_at -= 3 * hub.config.heartbeat
    await hub.presence.beat()
    assert await off_loop(Node.objects.filter(pk=other).exists)
    grow_old(hub, other, 1.6)  # and it did not come back
    await hub.presence.beat()
    assert not await off_loop(Node.objects.filter(pk=other).exists)


async def test_process_that_left_is_forgotten(make_hub: MakeHub) -> None:
    first, second = hubs.current(), make_hub()
    await enrolled(first)
    await enrolled(second)
    await Wired(first).join()
    await soon(lambda: second.presence.online("main") == 1)
    await first.stop()
    await second.presence.beat()
    assert second.presence.online("main") == 0
