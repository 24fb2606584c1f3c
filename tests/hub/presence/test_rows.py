"""The rows that a process writes of its sessions."""

import asyncio
from typing import Any

import pytest

from chat import store
from chat.hub.people import OWN
from chat.hub.signals import Came
from chat.models import Connection, Node
from chat.protocol.errors import Unavailable
from chat.store import Roster
from tests.fakes import soon, turns
from tests.hub.clients import Wired, off_loop
from tests.hub.conftest import MakeHub
from tests.hub.roster import enrolled, presences


async def test_sessions_are_written_with_their_rooms_and_taken_away(make_hub: MakeHub) -> None:
    hub = make_hub()
    node = await enrolled(hub)
    wired = Wired(hub)
    await wired.join("a")
    await wired.join("b")
    rows: list[dict[str, Any]] = []

    async def until(count: int, rooms: list[str] | None = None) -> None:
        async with asyncio.timeout(60):
            while True:
                rows[:] = await off_loop(
                    lambda: [
                        dict(row)
                        for row in Connection.objects.values(
                            "node_id", "session", "sender_key", "sender_name", "rooms"
                        )
                    ]
                )
                if len(rows) == count and (rooms is None or rows[0]["rooms"] == rooms):
                    return

    await until(1, ["a", "b"])
    who = wired.session.identity
    assert rows == [
        {
            "node_id": node,
            "session": wired.session.id,
            "sender_key": who.key,
            "sender_name": who.sender.name,
            "rooms": ["a", "b"],
        }
    ]
    wired.say({"type": "leave", "room": "a"})
    await until(1, ["b"])
    wired.session.gone()
    await until(0)


async def test_rows_that_could_not_be_written_are_written_later(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    await enrolled(hub)
    gone = Wired(hub)
    await gone.join()
    await soon(lambda: not hub.presence.register.due)
    asked = 0

    def away(*_: object) -> None:
        nonlocal asked
        asked += 1
        raise Unavailable

    wired = Wired(hub)
    with monkeypatch.context() as broken:
        broken.setattr(store, "revise", away)
        await wired.join()
        gone.session.gone()
        await soon(lambda: asked >= 1)
    await wired.join("other")
    await soon(lambda: not hub.presence.register.due)
    await hub.threads.write(lambda: None)
    rows = await off_loop(lambda: list(Connection.objects.values_list("session", "rooms")))
    assert rows == [(wired.session.id, ["main", "other"])]


async def test_process_that_has_left_the_roster_stays_away(make_hub: MakeHub) -> None:
    """Sessions that end late are no reason to enroll again."""
    hub = make_hub()
    await enrolled(hub)
    wired = Wired(hub)
    await wired.join()
    await soon(lambda: not hub.presence.register.due)
    await hub.presence.stop()
    wired.session.gone()
    await soon(lambda: not hub.presence._wake.is_set())
    await turns()
    await hub.threads.write(lambda: None)
    await turns()
    await hub.threads.write(lambda: None)
    assert await off_loop(Node.objects.count) == 0


async def test_leaving_without_a_database_is_quiet(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    await enrolled(hub)

    def away(*_: object) -> None:
        raise Unavailable

    monkeypatch.setattr(store, "withdraw", away)
    await hub.presence.stop()


async def test_process_that_hears_of_others_writes_nothing(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every process would else write, and read all of every other, for each change of one."""
    hub = make_hub()
    node = await enrolled(hub)
    wired = Wired(hub)
    await wired.join()
    await soon(lambda: not hub.presence.register.due and bool(presences(wired)))
    await hub.threads.write(lambda: None)
    before = (await off_loop(Node.objects.get, pk=node)).revision
    hub.hear(Came(node + 1000, 0, [("main", "5", "far", OWN)], []))
    await soon(lambda: len(presences(wired)) == 2)
    await turns()
    await hub.threads.write(lambda: None)
    assert (await off_loop(Node.objects.get, pk=node)).revision == before


def test_roster_is_what_the_rows_say() -> None:
    assert Roster(1, 2, 3) == Roster(node=1, beats=2, revision=3)
