"""Beats that look at the log and the rooms, and see to what is behind."""

import asyncio
import logging

import pytest
from django.db import connections

from chat import store
from chat.hub.seat import Seat
from chat.hub.signals import group_of
from chat.models import Message, Outbox, Room
from chat.protocol.errors import Unavailable
from chat.store import search
from tests.fakes import soon, turns
from tests.hub.clients import Wired, memory_layer, off_loop, post
from tests.hub.conftest import MakeHub
from tests.hub.rooms import draft
from tests.hub.roster import enrolled


@pytest.mark.usefixtures("fast")
async def test_beats_let_the_index_of_words_have_what_was_said_and_forget_what_is_gone(
    make_hub: MakeHub,
) -> None:
    make_hub()
    if not await off_loop(search.has_index):
        pytest.skip("this database keeps its index itself")
    await off_loop(store.append, [draft(1), draft(2)])

    def state() -> tuple[int, int, int]:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT upto, forgotten, settled FROM chat_search_state")
            return tuple(cursor.fetchone())

    last = await off_loop(lambda: Message.objects.get(seq=2).pk)
    while (await off_loop(state))[0] < last:
        await turns()
    deletion = store.DeleteDraft(room="main", sender_key="s:x", sender_name="x", seq=1)
    _, before, _ = await off_loop(state)
    await off_loop(store.append, [deletion])
    while (found := await off_loop(state))[1] == before or found[1] != found[2]:
        await turns()


async def test_lost_tail_is_found_by_a_beat(site: None, fast: None) -> None:
    wired = Wired()
    await wired.join()
    await off_loop(store.append, [draft(1), draft(2)])
    await soon(lambda: wired.seqs == [1, 2])
    assert wired.hub.rooms["main"].counts.healed == 2


async def test_changed_policy_is_found_by_a_beat(site: None, fast: None) -> None:
    wired = Wired()
    await wired.join()
    await off_loop(Room.objects.filter(slug="main").update, archived=True)
    await soon(lambda: wired.hub.rooms["main"].record.archived)
    wired.say(post(1))
    await soon(lambda: bool(wired.told("error")))
    assert wired.told("error")[0]["code"] == "forbidden"


async def test_rooms_of_which_nothing_changes_are_not_read_whole(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    await enrolled(hub)
    wired = Wired(hub)
    await wired.join()
    read: list[str] = []
    original = store.heads

    def heads(slugs: list[str]) -> dict[str, Room]:
        read.extend(slugs)
        return original(slugs)

    monkeypatch.setattr(store, "heads", heads)
    await off_loop(store.append, [draft(1)])
    await hub.heart._compare_heads()
    await soon(lambda: wired.seqs == [1])
    assert read == []
    await off_loop(Room.objects.filter(slug="main").update, title="Hall")
    await hub.heart._compare_heads()
    assert hub.rooms["main"].record.title == "Hall"
    assert set(read) == {"main"}
    read.clear()
    await hub.heart._compare_heads()
    assert read == []


async def test_room_that_could_not_be_read_whole_is_compared_again(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    wired = Wired(hub)
    await wired.join()

    def away(_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as broken:
        broken.setattr(store, "heads", away)
        # Not before: a beat of the hub's own might see it.
        await off_loop(Room.objects.filter(slug="main").update, title="Hall")
        hub.heart._altered.add("main")
        with pytest.raises(Unavailable):
            await hub.heart._compare_heads()
        assert hub.heart._altered == {"main"}, "as it was told that it changed"
        assert hub.rooms["main"].record.title == ""
    await hub.heart._compare_heads()
    assert hub.rooms["main"].record.title == "Hall"


async def test_outbox_of_a_publisher_that_died_is_emptied_by_a_beat(site: None, fast: None) -> None:
    wired = Wired()
    await wired.join()
    await off_loop(store.put_aside, draft(1))
    await soon(lambda: wired.seqs == [1])
    assert await off_loop(Outbox.objects.count) == 0


async def test_long_outbox_is_emptied_whole(make_hub: MakeHub) -> None:
    hub = make_hub()
    wired = Wired(hub)
    await wired.join(history=0)

    def publish() -> None:
        for number in range(300):
            store.put_aside(draft(number))

    await off_loop(publish)
    hub.heart.look()
    await soon(lambda: wired.seqs == list(range(1, 301)))


async def test_room_in_which_nobody_is_for_a_whole_beat_is_closed(site: None, fast: None) -> None:
    wired = Wired()
    await wired.join()
    hub = wired.hub
    await turns()
    assert group_of("main") in memory_layer().groups
    wired.say({"type": "leave", "room": "main"})
    await soon(lambda: "main" not in hub.rooms)
    await soon(lambda: group_of("main") not in memory_layer().groups)
    assert (await wired.join())["room"] == "main"


async def test_room_that_somebody_enters_while_it_is_found_idle_stays_open(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at its seats and its closing the database is asked."""
    hub = make_hub()
    first = Wired(hub)
    await first.join("brief")
    await off_loop(store.append, [draft(1, "brief")])  # not heard of yet
    await hub.heart._close_idle_rooms()
    room = hub.rooms["brief"]
    room.rise(next(iter(room.seats)))
    await hub.heart._close_idle_rooms()
    second = Wired(hub)
    original, joined = store.remove_transient, asyncio.Event()

    def remove(slug: str, *, node: int | None) -> bool:
        def join() -> None:
            second.say({"type": "join", "room": "brief"})
            joined.set()

        hub.loop.call_soon_threadsafe(join)
        asyncio.run_coroutine_threadsafe(joined.wait(), hub.loop).result(10)
        return original(slug, node=node)

    monkeypatch.setattr(store, "remove_transient", remove)
    await hub.heart._close_idle_rooms()
    seat = second.session.seats["brief"]
    assert hub.rooms.get("brief") is seat.room


async def test_straggler_is_served_by_a_beat(make_hub: MakeHub) -> None:
    hub = make_hub()
    wired, other = Wired(hub), Wired(hub)
    await wired.join()
    await other.join()
    await soon(lambda: hub.heart._renewed_at > 0)  # the beat it starts with is over
    room = hub.rooms["main"]
    seat = wired.session.seats["main"]
    room.fanout.set_live(seat, live=False)
    other.say(post(1))
    await soon(lambda: other.seqs == [1])
    assert wired.seqs == []
    hub.heart.look()
    await soon(lambda: wired.seqs == [1])
    assert seat.live


async def test_session_that_takes_nothing_for_half_a_heartbeat_is_closed(
    make_hub: MakeHub,
) -> None:
    hub = make_hub()
    await enrolled(hub)
    slow, stalled = Wired(hub), Wired(hub)
    for wired in (slow, stalled):
        await wired.join()
        seat = wired.session.seats["main"]
        hub.rooms["main"].fanout.set_live(seat, live=False)
        seat.stall(hub.loop.time())
    stalled.session.seats["main"].stalled_at = hub.loop.time() - 0.51 * hub.config.heartbeat
    await hub.heart._serve_stragglers()
    assert (slow.socket.code, stalled.socket.code) == (None, 4002)
    assert slow.session.seats["main"].live


async def test_straggler_that_cannot_be_served_is_closed_and_the_others_are_served(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hub = make_hub()
    await enrolled(hub)
    cursed, other = Wired(hub), Wired(hub)
    room = None
    for wired in (cursed, other):
        await wired.join()
        room = hub.rooms["main"]
        room.fanout.set_live(wired.session.seats["main"], live=False)
    assert room is not None
    catch_up = room.catch_up

    async def fails(seat: Seat) -> None:
        if seat is cursed.session.seats.get("main"):
            raise ValueError("a bug")
        await catch_up(seat)

    monkeypatch.setattr(room, "catch_up", fails)
    await hub.heart._serve_stragglers()
    assert cursed.socket.code == 4002
    assert other.session.seats["main"].live
    assert "could not be served" in caplog.text


async def test_step_that_fails_keeps_no_other_from_its_work(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hub = make_hub()
    wired = Wired(hub)
    await wired.join()

    async def fail() -> None:
        raise RuntimeError("a bug")

    async def away() -> None:
        raise Unavailable

    monkeypatch.setattr(hub.heart, "_compare_heads", fail)
    monkeypatch.setattr(hub.presence, "beat", away)
    with caplog.at_level(logging.ERROR, "chat"):
        hub.heart.look()
        await soon(lambda: bool(caplog.records))
        await off_loop(store.put_aside, draft(1))
        hub.heart.look()
        await soon(lambda: wired.seqs == [1])
    assert {record.getMessage() for record in caplog.records} == {"a beat of the log failed: fail"}


async def test_database_that_is_away_for_a_while_is_asked_again(
    site: None, fast: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wired = Wired()
    await wired.join()
    asked = 0

    def away(*_: object) -> None:
        nonlocal asked
        asked += 1
        raise Unavailable

    with monkeypatch.context() as broken:
        broken.setattr(store, "standings", away)
        await off_loop(store.append, [draft(1)])
        await soon(lambda: asked >= 3)
    await soon(lambda: wired.seqs == [1])


async def test_hub_that_is_to_look_in_the_turn_in_which_it_stops_does_stop(
    make_hub: MakeHub,
) -> None:
    hub = make_hub()
    await enrolled(hub)
    resting = asyncio.create_task(hub.heart._rest(60))
    await turns()
    hub.heart.look()
    resting.cancel()
    await asyncio.wait([resting])
    assert resting.cancelled()
