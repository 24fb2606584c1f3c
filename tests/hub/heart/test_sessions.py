"""Beats that ping sessions, and close those that are silent."""

import asyncio
import time

import pytest

from chat import identity
from chat.hub.dialects import JSON, TERMINAL, Dialect
from chat.hub.session import BEATS
from tests.fakes import Socket, soon, turns
from tests.hub.clients import Wired
from tests.hub.conftest import MakeHub
from tests.hub.outlets import Protocol


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


async def test_tasks_do_not_grow_with_the_sessions(make_hub: MakeHub) -> None:
    hub = make_hub()
    first = Wired(hub)
    await first.join()
    await soon(lambda: hub.presence.node is not None)
    await turns()
    before = len(asyncio.all_tasks())
    crowd = [Wired(hub) for _ in range(100)]
    for one in crowd:
        await one.join()
    for turn in range(BEATS):
        await hub.heart._ping(turn)
    await soon(lambda: len(asyncio.all_tasks()) < before + 10)  # others may just be at work


@pytest.mark.parametrize("dialect", [JSON, TERMINAL])
async def test_beat_ends_a_connection_that_overflows(make_hub: MakeHub, dialect: Dialect) -> None:
    hub, protocol = make_hub(), Protocol()
    session = hub.connect(identity.new_guest(), dialect, "192.0.2.1", protocol.send)
    session.begin()
    await hub.heart._ping(0)
    assert session in hub.sessions
    protocol.transport.held = 2**30
    await hub.heart._ping(0)
    assert session not in hub.sessions
    await soon(lambda: protocol.transport.aborted)


async def test_no_ping_comes_before_the_welcome(make_hub: MakeHub) -> None:
    hub, socket = make_hub(), Socket()
    session = hub.connect(identity.new_guest(), JSON, "192.0.2.1", socket.send)
    for _ in range(2):
        for turn in range(BEATS):
            await hub.heart._ping(turn)
        if not socket.messages:
            session.begin()
    assert [event["type"] for event in socket.events] == ["welcome", "ping"]


async def test_silence_does_not_count_before_the_welcome(make_hub: MakeHub) -> None:
    hub, socket = make_hub(), Socket()
    session = hub.connect(identity.new_guest(), JSON, "192.0.2.1", socket.send)
    session.heard_at -= 3 * hub.config.heartbeat
    await hub.heart._ping(0)
    assert not session.closed


@pytest.mark.parametrize("turn", range(BEATS))
async def test_session_without_a_sign_of_life_is_closed_whoever_s_turn_it_is(
    make_hub: MakeHub, turn: int
) -> None:
    hub = make_hub()
    dead, alive, terminal = Wired(hub), Wired(hub), Wired(hub, terminal=True)
    now = hub.loop.time()
    dead.session.heard_at = now - 2.6 * hub.config.heartbeat
    alive.session.heard_at = now - 2.4 * hub.config.heartbeat
    terminal.session.heard_at = now - 1e6
    await hub.heart._ping(turn)
    assert (dead.socket.code, alive.socket.code, terminal.socket.code) == (4001, None, None)
    assert dead.session not in hub.sessions


async def test_silence_does_not_count_where_it_is_not_judged(make_hub: MakeHub) -> None:
    hub = make_hub()
    wired = Wired(hub)
    await turns()
    wired.session.heard_at = hub.loop.time() - 1e6
    await hub.heart._ping(wired.session.turn, judge=False)
    assert (wired.socket.code, len(wired.told("ping"))) == (None, 1)
    await hub.heart._ping(wired.session.turn)
    assert wired.socket.code == 4001


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


async def test_silence_is_not_held_against_clients_while_the_process_was_away(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    judged: list[bool] = []

    async def ping(turn: int, *, judge: bool) -> None:
        judged.append(judge)

    monkeypatch.setattr(hub.heart, "_ping", ping)
    monkeypatch.setattr(type(hub.heart), "_beat", 0.02)
    await soon(lambda: judged[-2:] == [True, True])
    time.sleep(0.1)  # noqa: ASYNC251  # the loop is blocked
    await soon(lambda: False in judged and judged[-1])
    # Nor until each of them has been asked again.
    after = judged[judged.index(False) :]
    assert after.index(True) > BEATS
