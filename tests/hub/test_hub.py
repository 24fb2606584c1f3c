"""A hub of its loop: whom it lets in, its tasks and its end."""

import asyncio
import gc
import logging
import threading

import pytest
from pytest_django import Settings

from chat import identity, store
from chat.hub import hub as hubs
from chat.hub.hub import Hub, Refused
from chat.models import Node, Room
from tests.fakes import soon, turns
from tests.hub.clients import OPEN_SITE, Wired, memory_layer, off_loop, post

# Which hubs there are


async def test_loop_has_one_hub_which_is_listed_while_it_runs(site: None) -> None:
    assert hubs.running() == []
    hub = hubs.current()
    assert hubs.current() is hub
    assert hubs.running() == [hub]
    await hub.stop()
    assert hubs.running() == []


def test_loop_that_is_closed_keeps_no_hub_alive(site: None) -> None:
    async def use() -> None:
        await hubs.current().stop()

    asyncio.run(use())
    assert hubs.running() == []


def test_hub_of_a_loop_that_is_closed_is_forgotten(site: None) -> None:
    async def make() -> Hub:
        hub = hubs.current()
        await hub.stop()
        hubs._hubs[asyncio.get_running_loop()] = hub  # as where nobody stopped it
        return hub

    ended = asyncio.run(make())

    async def make_another() -> list[Hub]:
        hub = hubs.current()
        found = hubs.running()
        await hub.stop()
        return found

    assert ended not in asyncio.run(make_another())


# Who is let in


async def test_sessions_of_one_user_are_limited_and_places_come_free(
    site: None, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "SESSIONS_PER_USER": 2, "SESSIONS_PER_ADDRESS": 0}
    hub = hubs.current()
    who = identity.new_guest()
    first, _ = Wired(who=who), Wired(who=who)
    with pytest.raises(Refused) as refused:
        hub.admit(who, "192.0.2.1")
    assert refused.value.code == 4003
    hub.admit(identity.new_guest(), "192.0.2.1")
    first.session.gone()
    hub.admit(who, "192.0.2.1")


async def test_sessions_of_one_address_are_limited_and_places_come_free(
    site: None, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "SESSIONS_PER_USER": 0, "SESSIONS_PER_ADDRESS": 2}
    hub = hubs.current()
    first, _ = Wired(), Wired()
    with pytest.raises(Refused) as refused:
        hub.admit(identity.new_guest(), "192.0.2.1")
    assert refused.value.code == 4003
    hub.admit(identity.new_guest(), "192.0.2.2")
    first.session.gone()
    hub.admit(identity.new_guest(), "192.0.2.1")


async def test_limits_of_zero_limit_nothing(site: None, settings: Settings) -> None:
    settings.CHAT = {**OPEN_SITE, "SESSIONS_PER_USER": 0, "SESSIONS_PER_ADDRESS": 0}
    who = identity.new_guest()
    for _ in range(50):
        hubs.current().admit(who, "192.0.2.1")
        Wired(who=who)


async def test_guests_are_not_let_in_where_the_site_has_none(
    site: None, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "GUESTS": "none"}
    with pytest.raises(Refused) as refused:
        hubs.current().admit(identity.new_guest(), "192.0.2.1")
    assert refused.value.code == 4501


async def test_nobody_is_let_in_while_the_process_leaves(site: None) -> None:
    hub = hubs.current()
    hub.draining = True
    with pytest.raises(Refused) as refused:
        hub.admit(identity.new_guest(), "192.0.2.1")
    assert refused.value.code == 4000


async def test_session_that_ends_twice_is_counted_off_once(site: None) -> None:
    hub = hubs.current()
    first, second = (Wired(who=identity.new_guest()) for _ in range(2))
    first.session.gone()
    first.session.gone()
    assert hub._by_address == {"192.0.2.1": 1}
    assert list(hub.sessions) == [second.session]


# Tasks


async def test_task_that_fails_is_logged(site: None, caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise RuntimeError("a bug")

    with caplog.at_level(logging.ERROR, "chat"):
        hubs.current().spawn(fail())
        await soon(lambda: bool(caplog.records))
    assert "a task of the hub failed" in caplog.text


async def test_tasks_end_with_the_hub(site: None) -> None:
    hub = hubs.current()
    task = hub.spawn(asyncio.sleep(3600))
    await hub.stop()
    assert task.cancelled()
    assert not hub._tasks


# The end


async def test_stopping_stores_what_was_taken_and_leaves_the_roster(site: None) -> None:
    hub = hubs.current()
    await soon(lambda: hub.presence.node is not None)
    wired = Wired()
    wired.say(*(post(number) for number in range(20)))
    await soon(lambda: bool(hub.writer._waiting or wired.told("ack")))
    await hub.stop()
    assert await off_loop(Node.objects.count) == 0
    (live,) = await off_loop(lambda: list(Room.objects.all()))
    assert live.head == 20


async def test_stopping_leaves_every_group(site: None) -> None:
    hub = hubs.current()
    await Wired().join()
    layer = memory_layer()
    await soon(lambda: bool(layer.groups))
    await hub.stop()
    assert layer.groups == {}


async def test_stopping_while_a_room_opens_leaves_no_failure_behind(
    site: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The room's loading goes on when the writer's thread has ended already."""
    hub = hubs.current()
    original, stop_writer = store.open_room, hub.threads._writer.close
    ended = threading.Event()

    def when_ended(slug: str, tail: int) -> store.Opened | None:
        ended.wait(10)
        return original(slug, tail)

    def close() -> None:
        stop_writer()
        ended.set()

    monkeypatch.setattr(store, "open_room", when_ended)
    monkeypatch.setattr(hub.threads._writer, "close", close)
    Wired(hub).say({"type": "join", "room": "a"})
    await turns()
    await hub.stop()
    await turns()
    gc.collect()
    assert "never retrieved" not in caplog.text
