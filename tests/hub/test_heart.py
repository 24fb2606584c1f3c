import asyncio
import logging
import time
from collections.abc import Callable

import pytest
from pytest_django import Settings

from chat import store
from chat.hub import heart
from chat.hub.bus import CONTROL, group_of
from chat.hub.hub import Hub
from chat.hub.session import BEATS
from chat.models import Outbox, Room
from chat.protocol.errors import Unavailable
from tests.fakes import soon, turns
from tests.hub.clients import OPEN_SITE, Wired, memory_layer, off_loop, post

MakeHub = Callable[[], Hub]


def draft(number: int, room: str = "main") -> store.PostDraft:
    """Return a post."""
    return store.PostDraft(
        room=room, sender_key="s:x", sender_name="x", id=f"d{number}", text=f"d{number}"
    )


@pytest.fixture
def fast(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hearts beat a hundred times a second, and nobody die of a silence of two of them."""
    settings.CHAT = {**OPEN_SITE, "HEARTBEAT": 0.04}
    monkeypatch.setattr(heart, "SILENT_HEARTBEATS", 1e6)


# Sessions


async def test_beats_ping_each_session_once_a_heartbeat_and_no_terminal(
    make_hub: MakeHub,
) -> None:
    hub = make_hub()
    wired = [Wired(hub) for _ in range(8)]
    terminal = Wired(hub, terminal=True)
    await turns()
    pinged = []
    for turn in range(BEATS):
        await hub.heart._ping(turn)
        pinged.append(sum(len(one.told("ping")) for one in wired))
    assert pinged == [2, 4, 6, 8]
    assert [len(one.told("ping")) for one in wired] == [1] * 8
    assert terminal.socket.texts == []


async def test_session_without_a_sign_of_life_is_closed_in_its_turn(make_hub: MakeHub) -> None:
    hub = make_hub()
    dead, alive, terminal = Wired(hub), Wired(hub), Wired(hub, terminal=True)
    now = hub.loop.time()
    dead.session.heard_at = now - 2.6 * hub.config.heartbeat
    alive.session.heard_at = now - 2.4 * hub.config.heartbeat
    terminal.session.heard_at = now - 1e6
    for turn in range(BEATS):
        await hub.heart._ping(turn)
    assert (dead.socket.code, alive.socket.code, terminal.socket.code) == (4001, None, None)
    assert dead.session not in hub.sessions


@pytest.mark.parametrize("frame", [{"type": "pong"}, {"type": "nonsense"}])
async def test_anything_a_client_says_is_a_sign_of_life(
    make_hub: MakeHub, frame: dict[str, str]
) -> None:
    hub = make_hub()
    wired = Wired(hub)
    wired.session.heard_at = 0.0
    wired.say(frame)
    await hub.heart._ping(wired.session.turn)
    assert wired.socket.code is None


async def test_ping_of_many_sessions_lets_the_loop_go_on(make_hub: MakeHub) -> None:
    hub = make_hub()
    wired = [Wired(hub) for _ in range(BEATS * 300)]
    for one in wired:
        one.session.turn = 0
    await turns()
    pinging = asyncio.create_task(hub.heart._ping(0))
    await turns(2)
    assert not pinging.done()
    await pinging
    assert all(one.told("ping") for one in wired)


async def test_timer_pings_without_being_told(site: None, fast: None) -> None:
    wired = Wired()
    await soon(lambda: len(wired.told("ping")) >= 2)


async def test_beat_that_fails_is_logged_and_the_next_one_comes(
    site: None, fast: None, caplog: pytest.LogCaptureFixture
) -> None:
    wired = Wired()
    beating = wired.hub.heart
    ping, beats = beating._ping, []

    async def fail(turn: int, *, judge: bool = True) -> None:
        beats.append(turn)
        if len(beats) == 1:
            raise RuntimeError("a bug")
        await ping(turn, judge=judge)

    beating._ping = fail  # type: ignore[method-assign]  # one beat of it fails
    await soon(lambda: bool(wired.told("ping")))
    assert "a beat of the sessions failed" in caplog.text


# The log


async def test_lost_tail_is_found_by_a_beat(site: None, fast: None) -> None:
    wired = Wired()
    await wired.join()
    await off_loop(store.append, [draft(1), draft(2)])
    await soon(lambda: wired.seqs == [1, 2])
    assert wired.hub.rooms["main"].healed == 2


async def test_changed_policy_is_found_by_a_beat(site: None, fast: None) -> None:
    wired = Wired()
    await wired.join()
    await off_loop(Room.objects.filter(slug="main").update, archived=True)
    await soon(lambda: wired.hub.rooms["main"].record.archived)
    wired.say(post(1))
    await soon(lambda: bool(wired.told("error")))
    assert wired.told("error")[0]["code"] == "forbidden"


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
    assert group_of("main") not in memory_layer().groups
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

    def remove(slug: str) -> bool:
        def join() -> None:
            second.say({"type": "join", "room": "brief"})
            joined.set()

        hub.loop.call_soon_threadsafe(join)
        asyncio.run_coroutine_threadsafe(joined.wait(), hub.loop).result(10)
        return original(slug)

    monkeypatch.setattr(store, "remove_transient", remove)
    await hub.heart._close_idle_rooms()
    seat = second.session.seats["brief"]
    assert hub.rooms.get("brief") is seat.room


async def test_silence_is_not_held_against_clients_while_the_process_was_away(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    judged: list[bool] = []

    async def ping(turn: int, *, judge: bool) -> None:
        judged.append(judge)

    monkeypatch.setattr(hub.heart, "_ping", ping)
    monkeypatch.setattr(type(hub.heart), "_beat", 0.02)
    beating = asyncio.create_task(hub.heart._beat_sessions())
    await soon(lambda: judged[-2:] == [True, True])
    time.sleep(0.1)  # noqa: ASYNC251  # the loop is blocked
    await soon(lambda: False in judged)
    beating.cancel()


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
        broken.setattr(store, "heads", away)
        await off_loop(store.append, [draft(1)])
        await soon(lambda: asked >= 3)
    await soon(lambda: wired.seqs == [1])


# The layer


async def test_probe_that_comes_back_lets_the_memberships_be(make_hub: MakeHub) -> None:
    hub = make_hub()
    groups = memory_layer().groups
    await soon(lambda: CONTROL in groups and hub.heart._renewed_at > 0)
    await soon(lambda: hub.heart.probed_at is None)
    renewed: list[int] = []

    async def renew() -> None:
        renewed.append(1)

    hub.bus.renew = renew  # type: ignore[method-assign]  # counted
    await hub.heart._probe()
    await soon(lambda: hub.heart.probed_at is None)
    assert renewed == []


async def test_probe_that_does_not_come_back_renews_the_memberships(make_hub: MakeHub) -> None:
    hub = make_hub()
    wired = Wired(hub)
    await wired.join()
    await soon(lambda: hub.heart._renewed_at > 0 and hub.heart.probed_at is None)
    layer = memory_layer()
    layer.groups.clear()
    await hub.heart._probe()
    await turns()
    assert hub.heart.probed_at is not None
    assert layer.groups == {}
    await hub.heart._probe()  # at once again, as somebody had it look: too soon to tell
    assert layer.groups == {}
    hub.heart.probed_at -= hub.heart._beat
    await hub.heart._probe()
    assert set(layer.groups) == {CONTROL, group_of("main")}
    await soon(lambda: hub.heart.probed_at is None)


async def test_listener_that_hears_nothing_though_it_is_in_every_group_is_replaced(
    make_hub: MakeHub,
) -> None:
    """A connection may be dead without a word: nothing but silence tells."""
    hub = make_hub()
    await soon(lambda: hub.heart._renewed_at > 0 and hub.heart.probed_at is None)
    deaf = hub.loop.create_future()
    dead, hub.bus._listener = hub.bus._listener, asyncio.ensure_future(deaf)
    assert dead is not None
    dead.cancel()
    await soon(dead.done)
    await hub.heart._probe()
    await turns()
    assert hub.heart.probed_at is not None
    hub.heart.probed_at -= 2 * hub.heart._beat
    await hub.heart._probe()
    await soon(lambda: hub.heart.probed_at is None)
    assert deaf.cancelled()


async def test_group_that_could_not_be_entered_is_entered_by_the_next_beat(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    await soon(lambda: hub.heart._renewed_at > 0 and hub.heart.probed_at is None)
    layer = memory_layer()

    async def fail(*_: object) -> None:
        raise ConnectionError("away for a moment")

    with monkeypatch.context() as broken:
        broken.setattr(layer, "group_add", fail)
        await Wired(hub).join()
    assert group_of("main") not in layer.groups
    await hub.heart._probe()
    assert group_of("main") in layer.groups


async def test_memberships_are_renewed_each_hour(make_hub: MakeHub) -> None:
    hub = make_hub()
    await soon(lambda: hub.heart._renewed_at > 0 and hub.heart.probed_at is None)
    hub.heart._renewed_at = hub.loop.time() - 3601
    layer = memory_layer()
    layer.groups.clear()
    await hub.heart._probe()
    assert set(layer.groups) == {CONTROL}
