"""Rooms that are not what they were: whoever is in them starts over."""

import asyncio
from collections.abc import Collection
from dataclasses import replace

import pytest
from django.db import OperationalError

from chat import identity, store
from chat.hub import hub as hubs
from chat.hub import visiting
from chat.hub.room import Room as LiveRoom
from chat.hub.session import Session
from chat.hub.signals import Batch
from chat.models import Room
from chat.protocol.commands import Position
from tests.fakes import entry, soon, turns
from tests.hub.clients import Connect, Wired, off_loop, post
from tests.hub.conftest import MakeHub
from tests.hub.rooms import idle, texts
from tests.hub.roster import enrolled


async def test_new_epoch_lets_everybody_start_over_and_says_so(make_hub: MakeHub) -> None:
    hub = make_hub()
    wired, terminal = Wired(hub), Wired(hub, terminal=True)
    joined = await wired.join()
    wired.say(*(post(number) for number in range(3)))
    await soon(lambda: wired.seqs == [1, 2, 3])
    await off_loop(store.renew_epochs, None)
    hub.heart.look()
    await soon(lambda: len(wired.told("joined")) == 2)
    again = wired.told("joined")[1]
    assert again["recovered"] is False
    assert again["epoch"] != joined["epoch"]
    await soon(lambda: wired.seqs == [1, 2, 3, 1, 2, 3])
    wired.say(post(9))
    await soon(lambda: wired.seqs[-1] == 4)
    assert wired.seqs == [1, 2, 3, 1, 2, 3, 4]
    await soon(lambda: terminal.socket.texts[-1].endswith(": hi"))
    assert terminal.session.seats["main"].live
    assert hub.presence.online("main") == 2


async def test_batch_of_another_epoch_makes_the_process_look(make_hub: MakeHub) -> None:
    hub = make_hub()
    wired = Wired(hub)
    await wired.join()
    changed = await off_loop(store.renew_epochs, None)
    hub.hear(Batch("main", changed["main"], [entry(5)]))
    await soon(lambda: len(wired.told("joined")) == 2)
    assert wired.told("joined")[1]["epoch"] == changed["main"]
    assert wired.seqs == []


async def test_main_that_is_deleted_starts_over(make_hub: MakeHub) -> None:
    hub = make_hub()
    wired = Wired(hub)
    await wired.join()
    wired.say(post(1))
    await soon(lambda: wired.seqs == [1])
    await off_loop(Room.objects.all().delete)
    hub.heart.look()
    await soon(lambda: len(wired.told("joined")) == 2)
    assert wired.told("joined")[1]["head"] == 0


async def test_who_starts_over_keeps_no_seat_in_the_old_room(make_hub: MakeHub) -> None:
    hub = make_hub()
    wired = Wired(hub)
    await wired.join()
    old = hub.rooms["main"]
    await off_loop(store.renew_epochs, None)
    hub.heart.look()
    await soon(lambda: len(wired.told("joined")) == 2)
    assert not old.seats
    assert not old.fanout.live
    assert list(hub.rooms["main"].seats) == [wired.session.seats["main"]]


async def test_who_cannot_start_over_is_told_to_have_left(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    await enrolled(hub)
    wired = Wired(hub)
    await wired.join()
    room = hub.rooms["main"]
    monkeypatch.setattr(store, "open_room", lambda *_: None)
    monkeypatch.setattr(store, "create_room", lambda *_, **__: None)
    await off_loop(store.renew_epochs, None)
    (record,) = (await off_loop(store.heads, ["main"])).values()
    await hub.rooms.alter(room, record)
    await soon(lambda: bool(wired.told("left")))
    assert wired.session.seats == {}


@pytest.mark.parametrize("terminal", [False, True])
async def test_who_cannot_start_over_for_want_of_a_database_is_to_come_back(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    hub = make_hub()
    await enrolled(hub)
    wired = Wired(hub, terminal=terminal)
    await (soon(lambda: "main" in wired.session.seats) if terminal else wired.join())
    room = hub.rooms["main"]
    await off_loop(store.renew_epochs, None)
    (record,) = (await off_loop(store.heads, ["main"])).values()

    def away(*_: object, **__: object) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(store, "open_room", away)
    await hub.rooms.alter(room, record)
    assert wired.socket.code == 4000


async def test_fault_in_starting_one_session_over_keeps_no_other_from_it(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    first, second = Wired(hub), Wired(hub)
    for wired in (first, second):
        await wired.join()
    start_over = visiting.start_over

    async def fail_once(session: Session, slug: str) -> None:
        if session is first.session:
            raise RuntimeError("a bug")
        await start_over(session, slug)

    monkeypatch.setattr(visiting, "start_over", fail_once)
    await off_loop(store.renew_epochs, None)
    hub.heart.look()
    await soon(lambda: len(second.told("joined")) == 2)
    assert first.socket.code == 4000


async def test_crowd_that_starts_over_asks_for_its_roles_together(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    await enrolled(hub)

    async def look_at(*_: object, **__: object) -> None:
        """Do not find out that they are made up."""

    monkeypatch.setattr(hub.guard, "_look_at", look_at)
    guest = identity.new_guest()
    people = [replace(guest, key=f"u:{number}", user_pk=number) for number in range(1, 101)]
    crowd = [Wired(hub, who=who) for who in people]
    await asyncio.gather(*(wired.join() for wired in crowd))
    asked: list[int] = []
    roles_in = store.roles_in

    def count(room: int, users: Collection[object]) -> dict[object, str]:
        asked.append(len(users))
        return roles_in(room, users)

    monkeypatch.setattr(store, "roles_in", count)
    await off_loop(store.renew_epochs, None)
    (record,) = (await off_loop(store.heads, ["main"])).values()
    await hub.rooms.alter(hub.rooms["main"], record)
    assert all(len(wired.told("joined")) == 2 for wired in crowd)
    assert len(asked) <= 4


async def test_room_that_goes_while_all_start_over_is_not_made_again(make_hub: MakeHub) -> None:
    """It is cleared before it is deleted, and a process may be slow to hear of that."""
    hub = make_hub()
    await enrolled(hub)
    wired = Wired(hub)
    await wired.join("brief")
    wired.say(post(1, "brief"))
    await soon(lambda: wired.seqs == [1])
    room = hub.rooms["brief"]
    cleared = await off_loop(store.clear, "brief")
    await off_loop(Room.objects.filter(slug="brief").delete)
    await hub.rooms.alter(room, cleared)
    assert wired.session.seats == {}
    await soon(lambda: bool(wired.told("left")))
    assert not await off_loop(Room.objects.filter(slug="brief").exists)


async def test_room_that_was_deleted_and_made_again_begins_anew(connect: Connect) -> None:
    """Even should it have the same epoch: its numbers mean something else."""
    client = await connect()
    await client.join("brief")
    await client.post("one", "brief")
    epoch = (await off_loop(Room.objects.get, slug="brief")).epoch
    await off_loop(Room.objects.filter(slug="brief").delete)
    await off_loop(Room.objects.create, slug="brief", epoch=epoch)
    (hub,) = hubs.running()
    hub.heart.look()
    assert (await client.event("joined", recovered=False))["head"] == 0
    await client.post("first", "brief")
    assert (await client.event("message", text="first"))["seq"] == 1


async def test_join_during_a_start_over_leaves_one_seat(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heart lets sessions start over whatever they are just doing."""
    client, other = await connect(), await connect()
    await client.join()
    await client.post("hi")
    (hub,) = hubs.running()
    session = next(iter(hub.rooms["main"].seats)).listener
    assert isinstance(session, Session)
    original = LiveRoom.recovers
    met, waiting = asyncio.Event(), 0

    async def recovers(live: LiveRoom, after: Position) -> bool:
        nonlocal waiting
        waiting += 1
        if waiting == 2:
            met.set()
        await met.wait()
        return await original(live, after)

    monkeypatch.setattr(LiveRoom, "recovers", recovers)
    await client.send({"type": "join", "room": "main", "after": {"epoch": "other", "seq": 0}})
    await off_loop(store.renew_epochs, None)
    hub.heart.look()
    for _ in range(2):
        await client.event("joined", recovered=False)
    assert list(hub.rooms["main"].seats) == [session.seats["main"]]
    await client.ask("leave", room="main")
    assert hub.presence.online("main") == 0
    await other.post("ho")
    await idle()
    await client.answered()
    assert "ho" not in texts(client)


async def test_session_that_ends_while_it_starts_over_is_in_no_room(
    site: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wired = Wired()
    await wired.join()
    hub = wired.hub
    ended = asyncio.Event()

    async def recovers(room: object, after: object) -> bool:
        wired.session.gone()
        ended.set()
        return False

    monkeypatch.setattr(LiveRoom, "recovers", recovers)
    await off_loop(store.renew_epochs, None)
    hub.heart.look()
    await ended.wait()
    await turns()
    assert wired.session.seats == {}
    assert not any(room.seats for room in hub.rooms.values())
    assert hub.presence.online("main") == 0


async def test_session_that_has_left_meanwhile_does_not_start_over(site: None) -> None:
    wired = Wired()
    await wired.join()
    wired.say({"type": "leave", "room": "main"})
    await visiting.start_over(wired.session, "main")
    assert wired.session.seats == {}
    assert len(wired.told("joined")) == 1
