import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from chat import identity, store
from chat.hub import bus as signals
from chat.hub import hub as hubs
from chat.hub import presence
from chat.hub.bus import Came
from chat.hub.hub import Hub
from chat.models import Connection, Node, Room
from chat.protocol.errors import Unavailable
from chat.protocol.events import Sender
from chat.store import Roster, SessionRow
from tests.fakes import soon, turns
from tests.hub.clients import OPEN_SITE, Wired, off_loop

MakeHub = Callable[[], Hub]


@pytest.fixture(autouse=True)
def told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell of changes without gathering them first."""
    monkeypatch.setattr(presence, "FLUSH_SECONDS", 0.0)
    monkeypatch.setattr(presence, "FLUSH_SECONDS_PER_SESSION", 0.0)


async def enrolled(hub: Hub) -> int:
    """Wait until a hub has its row; its number."""
    await soon(lambda: hub.presence.node is not None)
    assert hub.presence.node is not None
    return hub.presence.node


def presences(wired: Wired) -> list[tuple[int, list[str], list[str]]]:
    """Return what a session was told of presence: how many, who came, who went, by name."""
    return [
        (event["online"], *([s["name"] for s in event[kind]] for kind in ("joined", "left")))
        for event in wired.told("presence")
    ]


def name(wired: Wired) -> str:
    """Return what a session's sender is called."""
    return wired.session.identity.sender.name


# In one process


async def test_who_comes_and_goes_is_told_to_those_in_the_room(make_hub: MakeHub) -> None:
    hub = make_hub()
    ann, bob = Wired(hub), Wired(hub)
    await ann.join()
    await soon(lambda: presences(ann) == [(1, [name(ann)], [])])
    joined = await bob.join()
    assert joined["online"] == 2
    assert {member["name"] for member in joined["members"]} == {name(ann), name(bob)}
    await soon(lambda: presences(ann)[1:] == [(2, [name(bob)], [])])
    bob.say({"type": "leave", "room": "main"})
    await soon(lambda: presences(ann)[2:] == [(1, [], [name(bob)])])


async def test_members_are_at_most_a_hundred_and_online_counts_them_all(
    make_hub: MakeHub,
) -> None:
    hub = make_hub()
    wired = Wired(hub)
    for number in range(150):
        hub.presence.people.enter_at(9, "main", Sender(str(number), f"n{number}"))
    joined = await wired.join()
    assert (joined["online"], len(joined["members"])) == (151, 100)
    hub.presence._wake.set()
    await soon(lambda: bool(wired.told("presence")))
    assert [(n, len(came)) for n, came, _ in presences(wired)] == [(151, 100)]


async def test_second_tab_of_one_is_told_to_nobody(make_hub: MakeHub) -> None:
    hub = make_hub()
    who = identity.new_guest()
    ann, first = Wired(hub), Wired(hub, who=who)
    await ann.join()
    await soon(lambda: len(presences(ann)) == 1)
    await first.join()
    await soon(lambda: len(presences(ann)) == 2)
    second = Wired(hub, who=who)
    assert (await second.join())["online"] == 2
    first.session.gone()
    second.say({"type": "leave", "room": "main"})
    await soon(lambda: len(presences(ann)) == 3)
    assert presences(ann)[2] == (1, [], [name(second)])


async def test_who_reloads_the_page_is_not_told_as_gone(
    make_hub: MakeHub, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "PRESENCE_LINGER": 0.2}
    hub = make_hub()
    who = identity.new_guest()
    ann, first, other = Wired(hub), Wired(hub, who=who), Wired(hub)
    await ann.join()
    await first.join()
    await other.join()
    await soon(lambda: sum(len(came) for _, came, _ in presences(ann)) == 3)
    first.session.gone()
    second = Wired(hub, who=who)
    await second.join()
    other.session.gone()
    await soon(lambda: any(left for *_, left in presences(ann)))
    assert [left for *_, left in presences(ann) if left] == [[name(other)]]
    assert hub.presence.online("main") == 2


async def test_who_leaves_on_purpose_does_not_linger(make_hub: MakeHub, settings: Settings) -> None:
    settings.CHAT = {**OPEN_SITE, "PRESENCE_LINGER": 3600}
    hub = make_hub()
    wired = Wired(hub)
    await wired.join()
    wired.say({"type": "leave", "room": "main"})
    assert hub.presence.online("main") == 0


async def test_change_that_cannot_be_told_is_logged_and_the_next_is_told(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hub = make_hub()
    show = hub.presence._show

    def fail(changes: object) -> None:
        monkeypatch.setattr(hub.presence, "_show", show)
        raise RuntimeError("a bug")

    monkeypatch.setattr(hub.presence, "_show", fail)
    ann, bob = Wired(hub), Wired(hub)
    with caplog.at_level(logging.ERROR, "chat"):
        await ann.join()
        await soon(lambda: "presence could not be told" in caplog.text)
    await bob.join()
    await soon(lambda: bool(presences(ann)))


# Its rows


async def test_sessions_are_written_with_their_rooms_and_taken_away(make_hub: MakeHub) -> None:
    hub = make_hub()
    node = await enrolled(hub)
    wired = Wired(hub)
    await wired.join("a")
    await wired.join("b")
    rows: list[dict[str, Any]] = []

    async def until(count: int, rooms: list[str] | None = None) -> None:
        async with asyncio.timeout(10):
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
    await soon(lambda: not hub.presence._rows)
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
    await soon(lambda: not hub.presence._rows and not hub.presence._gone)
    await hub.threads.write(lambda: None)
    rows = await off_loop(lambda: list(Connection.objects.values_list("session", "rooms")))
    assert rows == [(wired.session.id, ["main", "other"])]


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
    await soon(lambda: not hub.presence._rows)
    await hub.threads.write(lambda: None)
    rows = await off_loop(lambda: list(Connection.objects.values_list("node", "session")))
    assert rows == [(hub.presence.node, wired.session.id)]
    assert roomless.session in hub.sessions


async def test_process_that_notices_its_burial_as_it_writes_enrolls_again(
    make_hub: MakeHub,
) -> None:
    hub = make_hub()
    first = await enrolled(hub)
    await off_loop(store.bury, [first])
    wired = Wired(hub)
    await wired.join()
    await soon(lambda: hub.presence.node != first and not hub.presence._rows)
    await hub.threads.write(lambda: None)
    assert await off_loop(Connection.objects.count) == 1


async def test_process_that_has_left_the_roster_stays_away(make_hub: MakeHub) -> None:
    """Sessions that end late are no reason to enroll again."""
    hub = make_hub()
    await enrolled(hub)
    wired = Wired(hub)
    await wired.join()
    await soon(lambda: not hub.presence._rows)
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
    await soon(lambda: not hub.presence._rows and bool(presences(wired)))
    await hub.threads.write(lambda: None)
    before = (await off_loop(Node.objects.get, pk=node)).revision
    hub.hear(Came(node + 1000, 0, [("main", "5", "far")], []))
    await soon(lambda: len(presences(wired)) == 2)
    await turns()
    await hub.threads.write(lambda: None)
    assert (await off_loop(Node.objects.get, pk=node)).revision == before


# Across processes


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
    await soon(lambda: not first.presence._rows)
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
        await soon(lambda: not first.presence._rows)
        await first.threads.write(lambda: None)
    assert second.presence.online("main") == 0
    await second.presence.beat()
    assert second.presence.online("main") == 1


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
    grow_old(hub, dead, 1.9)
    await hub.presence.beat()
    assert hub.presence.online("main") == 1
    grow_old(hub, dead, 0.2)
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
        await off_loop(store.beat, other)
    await hub.presence.beat()
    assert await off_loop(Node.objects.filter(pk=other).exists)


async def test_process_that_left_is_forgotten(make_hub: MakeHub) -> None:
    first, second = hubs.current(), make_hub()
    await enrolled(first)
    await enrolled(second)
    await Wired(first).join()
    await soon(lambda: second.presence.online("main") == 1)
    await first.stop()
    await second.presence.beat()
    assert second.presence.online("main") == 0


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

    def slowly(node: int) -> list[SessionRow]:
        rows = original(node)
        monkeypatch.setattr(store, "connections_of", original)
        came = Came(other, 2, [("main", "5", "far")], [])
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
    hub.hear(Came(node, 99, [("main", "5", "echo")], []))
    assert hub.presence.online("main") == 0


async def test_signals_in_a_row_are_believed_without_reading(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    await enrolled(hub)
    other = await off_loop(store.enroll, "other")
    await hub.presence.beat()
    hub.hear(Came(other, 1, [("main", "5", "far")], []))
    hub.hear(Came(other, 2, [("main", "6", "off")], [("main", "5")]))
    read: list[int] = []
    original = store.connections_of

    def counted(node: int) -> list[SessionRow]:
        read.append(node)
        return original(node)

    monkeypatch.setattr(store, "connections_of", counted)
    await off_loop(store.revise, other, 2, [], [])
    await hub.presence.beat()
    assert read == []
    assert [sender.name for sender in hub.presence.members("main")] == ["off"]
    hub.hear(Came(other, 4, [("main", "7", "gap")], []))
    await hub.presence.beat()
    assert read == []  # its rows are older than what it told: they come
    await off_loop(store.revise, other, 4, [], [])
    await hub.presence.beat()
    assert read == [other]


def test_roster_is_what_the_rows_say() -> None:
    assert Roster(1, 2, 3) == Roster(node=1, beats=2, revision=3)


async def test_who_comes_first_is_before_who_comes_next_whatever_the_clock_says(
    make_hub: MakeHub,
) -> None:
    """Some loops' clocks count in milliseconds: the later one would be told of the earlier."""
    hub = make_hub()
    first, second = Wired(hub, terminal=True), Wired(hub, terminal=True)
    await soon(lambda: all(wired.session.seats for wired in (first, second)))
    earlier, later = first.session.seats["main"], second.session.seats["main"]
    # With a moment in between: that at which the first one came to be known.
    assert earlier.sat_at + 1 < later.sat_at
