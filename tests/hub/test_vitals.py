import asyncio
import math
from datetime import timedelta

import pytest
from django.utils import timezone

from chat import store
from chat.hub import vitals
from chat.hub.hub import Hub
from chat.hub.vitals import LOOKED_SECONDS, lag_of
from chat.models import Connection
from chat.protocol.errors import Unavailable
from tests.fakes import soon
from tests.hub.clients import Wired, off_loop, post
from tests.hub.conftest import MakeHub
from tests.hub.roster import enrolled, written


@pytest.fixture(autouse=True)
def as_often_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let those who look again and again be answered each time."""
    monkeypatch.setattr(vitals, "BETWEEN_SECONDS", 0.0)


async def settle(hub: Hub) -> None:
    """Beat as a hub does, and wait until everything is written."""
    await hub.presence.beat()
    await hub.vitals.beat()
    await soon(lambda: not hub.presence.register.due)
    await hub.threads.write(lambda: None)


async def row_of(wired: Wired) -> Connection:
    """Return a session's row."""
    return await off_loop(Connection.objects.get, session=wired.session.id)


async def test_nothing_is_told_while_nobody_looks(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def noted(*_: object) -> bool:
        raise AssertionError("nobody looks")

    monkeypatch.setattr(store, "note_signs", noted)
    hub = make_hub()
    await enrolled(hub)
    wired = Wired(hub)
    await wired.join()
    await settle(hub)
    row = await row_of(wired)
    assert (row.heard_at, row.lag) == (None, None)


async def test_look_brings_the_last_sign_of_life_and_the_lag_of_every_session(
    make_hub: MakeHub,
) -> None:
    hubs = [make_hub(), make_hub()]
    crowd = []
    for hub in hubs:
        await enrolled(hub)
        crowd.append(Wired(hub))
        await crowd[-1].join()
    crowd[0].say(*(post(number) for number in range(5)))
    await soon(lambda: all(len(wired.seqs) == 5 for wired in crowd))
    roomless, terminal = Wired(hubs[0]), Wired(hubs[1], terminal=True)
    crowd[1].session.heard_at -= 30
    for hub in hubs:
        await settle(hub)
    await off_loop(store.ask_all)
    for hub in hubs:
        await settle(hub)
    ages = []
    for wired in crowd:
        row = await row_of(wired)
        assert row.lag == 5
        assert row.heard_at is not None
        ages.append((timezone.now() - row.heard_at) / timedelta(seconds=1))
    assert ages[0] < 30 <= ages[1] < 60
    assert (await row_of(roomless)).lag == 0
    row = await row_of(terminal)
    assert row.lag is None
    assert row.heard_at is not None
    crowd[0].say({"type": "pong", "seen": {"main": 5}})
    for hub in hubs:
        await settle(hub)
    assert [(await row_of(wired)).lag for wired in crowd] == [0, 5]


async def test_lag_is_that_of_the_room_it_is_furthest_behind_in(make_hub: MakeHub) -> None:
    hub = make_hub()
    wired = Wired(hub)
    assert lag_of(wired.session) == 0
    await wired.join("a")
    await wired.join("b")
    wired.say(*(post(number, "a") for number in range(2)))
    wired.say(*(post(number, "b") for number in range(3)))
    await soon(lambda: len(wired.seqs) == 5)
    assert lag_of(wired.session) == 3
    wired.say({"type": "pong", "seen": {"b": 3}})
    assert lag_of(wired.session) == 2


async def test_only_those_are_written_again_who_have_something_new(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    original = store.note_signs

    def noted(node: int, rows: list[store.SessionRow]) -> bool:
        written.extend(row.session for row in rows)
        return original(node, rows)

    monkeypatch.setattr(store, "note_signs", noted)
    hub = make_hub()
    await enrolled(hub)
    still, heard, behind = (Wired(hub) for _ in range(3))
    for wired in (still, heard, behind):
        wired.session.heard_at -= 10
    await behind.join()
    behind.say(post(1))
    await soon(lambda: len(behind.seqs) == 1)
    behind.session.heard_at -= 10
    await off_loop(store.ask_all)
    await settle(hub)
    assert len(written) == 3
    written.clear()
    heard.say({"type": "pong", "seen": {}})
    await hub.vitals.beat()
    assert sorted(written) == sorted([heard.session.id, behind.session.id])


async def test_what_was_told_is_taken_back_when_nobody_looks_any_more(make_hub: MakeHub) -> None:
    hub = make_hub()
    await enrolled(hub)
    wired = Wired(hub)
    await wired.join()
    await off_loop(store.ask_all)
    await settle(hub)
    assert (await row_of(wired)).lag == 0
    assert hub.vitals._until - hub.loop.time() > LOOKED_SECONDS - 10
    hub.vitals._until = -math.inf
    await settle(hub)
    row = await row_of(wired)
    assert (row.heard_at, row.lag) == (None, None)
    await off_loop(store.ask_all)
    await settle(hub)
    assert (await row_of(wired)).lag == 0


async def test_many_sessions_are_written_in_parts_with_posts_in_between(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vitals, "SESSIONS_AT_ONCE", 2)
    hub = make_hub()
    await enrolled(hub)
    crowd = [Wired(hub) for _ in range(5)]
    await crowd[0].join()
    order: list[str] = []
    note, append = store.note_signs, store.append

    def noted(node: int, rows: list[store.SessionRow]) -> bool:
        if not order:
            hub.loop.call_soon_threadsafe(crowd[0].say, post(1))
        order.append(f"{len(rows)} rows")
        return note(node, rows)

    def appended(drafts: list[store.Draft], *, again: bool) -> list[store.Outcome]:
        order.append("post")
        return append(drafts, again=again)

    monkeypatch.setattr(store, "note_signs", noted)
    monkeypatch.setattr(store, "append", appended)
    await off_loop(store.ask_all)
    await settle(hub)
    await soon(lambda: bool(crowd[0].seqs))
    assert sorted(order) == ["1 rows", "2 rows", "2 rows", "post"]
    assert order.index("post") < 3


async def test_session_that_ended_meanwhile_gets_no_row_again(make_hub: MakeHub) -> None:
    hub = make_hub()
    await enrolled(hub)
    gone, stays = Wired(hub), Wired(hub)
    await off_loop(store.ask_all)
    gone.session.gone()
    await settle(hub)
    sessions = await off_loop(lambda: list(Connection.objects.values_list("session", flat=True)))
    assert sessions == [stays.session.id]


@pytest.mark.parametrize("told", [True, False])
async def test_process_that_was_buried_tells_of_all_again(make_hub: MakeHub, told: bool) -> None:
    hub = make_hub()
    node = await enrolled(hub)
    Wired(hub)
    await off_loop(store.ask_all)
    if told:
        await settle(hub)
    else:
        await hub.presence.beat()
        await written(hub)  # nothing is due that would have it enroll by itself
    await off_loop(store.bury, [node])
    if not told:
        await hub.vitals.beat()
    assert await off_loop(Connection.objects.count) == 0
    async with asyncio.timeout(60):
        while await off_loop(Connection.objects.filter(lag__isnull=False).count) < 1:
            await settle(hub)


async def test_telling_that_failed_is_made_up_for_at_the_next_beat(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> bool:
        raise Unavailable

    hub = make_hub()
    await enrolled(hub)
    wired = Wired(hub)
    await settle(hub)
    wired.session.heard_at -= 10
    await off_loop(store.ask_all)
    await hub.presence.beat()
    with monkeypatch.context() as broken:
        broken.setattr(store, "note_signs", away)
        with pytest.raises(Unavailable):
            await hub.vitals.beat()
    await hub.vitals.beat()
    assert (await row_of(wired)).heard_at is not None


async def test_who_looks_again_at_once_makes_no_more_work(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vitals, "BETWEEN_SECONDS", 3600.0)
    hub = make_hub()
    await enrolled(hub)
    wired = Wired(hub)
    await off_loop(store.ask_all)
    await settle(hub)
    assert (await row_of(wired)).lag == 0
    await off_loop(lambda: Connection.objects.update(lag=9))
    await off_loop(store.ask_all)
    await settle(hub)
    assert (await row_of(wired)).lag == 9
