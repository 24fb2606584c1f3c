"""Who is in a room by way of other processes: heard of them, and read in their rows."""

import asyncio

import pytest

from chat import store
from chat.hub import signals
from chat.hub.hub import Hub
from chat.hub.people import OWN
from chat.hub.signals import Came
from chat.models import Room
from chat.protocol.errors import Unavailable
from chat.store import SessionRow, Whereabouts
from tests.fakes import soon, turns
from tests.hub.clients import Wired, off_loop
from tests.hub.conftest import MakeHub
from tests.hub.roster import enrolled, name, presences, written


async def test_processes_tell_each_other_who_comes_and_goes(make_hub: MakeHub) -> None:
    first, second = make_hub(), make_hub()
    await enrolled(first)
    await enrolled(second)
    ann, bob = Wired(first), Wired(second)
    await ann.join()
    await soon(lambda: second.presence.online("main") == 1)
    assert (await bob.join())["online"] == 2
    await soon(lambda: (2, [name(bob)], []) in presences(ann))
    assert first.presence.elsewhere("main")
    bob.say({"type": "rename", "name": "Bob"})
    await soon(lambda: (2, ["Bob"], []) in presences(ann))
    bob.session.gone()
    await soon(lambda: (1, [], ["Bob"]) in presences(ann))
    assert not first.presence.elsewhere("main")


async def test_process_that_comes_later_reads_who_is_there(make_hub: MakeHub) -> None:
    first = make_hub()
    await enrolled(first)
    ann = Wired(first)
    await ann.join()
    await soon(lambda: not first.presence.register.due)
    await first.threads.write(lambda: None)
    second = make_hub()
    await enrolled(second)
    second.heart.look()
    await soon(lambda: second.presence.online("main") == 1)
    assert [sender.name for sender in second.presence.members("main")] == [name(ann)]


async def test_change_that_was_lost_is_read_at_the_next_beat(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_hub(), make_hub()
    await enrolled(first)
    await enrolled(second)
    ann = Wired(first)
    with monkeypatch.context() as deaf:
        deaf.setattr(second.presence, "hear", lambda _: None)
        await ann.join()
        await soon(lambda: not first.presence.register.due)
        await first.threads.write(lambda: None)
    assert second.presence.online("main") == 0
    await second.presence.beat()
    assert second.presence.online("main") == 1


async def test_unused_room_stays_while_somebody_is_in_it_on_a_process_that_cannot_be_heard(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_hub(), make_hub()
    await enrolled(first)
    await enrolled(second)
    for hub in (first, second):
        monkeypatch.setattr(hub.presence, "elsewhere", lambda _: False)
    ann, bob = Wired(first), Wired(second)
    await ann.join("brief")
    await bob.join("brief")
    for hub, one, stays in ((first, ann, True), (second, bob, False)):
        await written(first)
        await written(second)
        one.say({"type": "leave", "room": "brief"})
        await turns()
        await hub.threads.write(lambda: None)
        assert await off_loop(Room.objects.filter(slug="brief").exists) is stays


async def test_reading_that_fails_is_made_up_for_at_the_next_beat(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    await enrolled(hub)
    other = await off_loop(store.enroll, "other")
    row = SessionRow(session="s", sender_key="g:5", sender_name="far", rooms=["main"])
    await off_loop(store.revise, other, 1, [row], [])

    def away(*_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as broken:
        broken.setattr(store, "connections_of", away)
        with pytest.raises(Unavailable):
            await hub.presence.beat()
    await hub.presence.beat()
    assert hub.presence.online("main") == 1


async def test_change_heard_while_the_rows_are_read_is_not_undone_by_them(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal is sent before the rows are written: rows may well be older than it."""
    hub = make_hub()
    await enrolled(hub)
    other = await off_loop(store.enroll, "other")
    await off_loop(store.revise, other, 1, [], [])
    original = store.connections_of

    def slowly(node: int) -> list[Whereabouts]:
        rows = original(node)
        monkeypatch.setattr(store, "connections_of", original)
        came = Came(other, 2, [("main", "5", "far", OWN)], [])
        asyncio.run_coroutine_threadsafe(_hear(hub, came), hub.loop).result(10)
        return rows

    monkeypatch.setattr(store, "connections_of", slowly)
    await hub.presence.beat()
    row = SessionRow(session="s", sender_key="g:5", sender_name="far", rooms=["main"])
    await off_loop(store.revise, other, 2, [row], [])
    await hub.presence.beat()
    assert hub.presence.online("main") == 1


async def _hear(hub: Hub, signal: signals.AnySignal) -> None:
    hub.hear(signal)


async def test_own_signals_are_not_heard(make_hub: MakeHub) -> None:
    hub = make_hub()
    node = await enrolled(hub)
    hub.hear(Came(node, 99, [("main", "5", "echo", OWN)], []))
    assert hub.presence.online("main") == 0


async def test_signals_in_a_row_are_believed_without_reading(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    await enrolled(hub)
    other = await off_loop(store.enroll, "other")
    await hub.presence.beat()
    hub.hear(Came(other, 1, [("main", "5", "far", OWN)], []))
    hub.hear(Came(other, 2, [("main", "6", "off", OWN)], [("main", "5")]))
    read: list[int] = []
    original = store.connections_of

    def counted(node: int) -> list[Whereabouts]:
        read.append(node)
        return original(node)

    monkeypatch.setattr(store, "connections_of", counted)
    await off_loop(store.revise, other, 2, [], [])
    await hub.presence.beat()
    assert read == []
    assert [sender.name for sender in hub.presence.members("main")] == ["off"]
    hub.hear(Came(other, 4, [("main", "7", "gap", OWN)], []))
    await hub.presence.beat()
    assert read == []  # its rows are older than what it told: they come
    await off_loop(store.revise, other, 4, [], [])
    await hub.presence.beat()
    assert read == [other]
