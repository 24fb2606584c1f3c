import asyncio
import signal
import threading
from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings

from chat.hub import drain
from chat.hub import hub as hubs
from chat.hub.hub import Hub
from chat.models import Node
from tests.fakes import soon
from tests.hub.clients import OPEN_SITE, Wired, off_loop, post

MakeHub = Callable[[], Hub]


@pytest.fixture(autouse=True)
def in_no_time(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CHAT = {**OPEN_SITE, "DRAIN_SECONDS": 20}
    monkeypatch.setattr(drain, "LINGER_SECONDS", 0.0)
    monkeypatch.setattr(drain, "SPREAD", 0.0)


@pytest.fixture
def handled() -> Iterator[list[int]]:
    """The signals that reached the server's own handler, which is there before the hub."""
    found: list[int] = []

    def handle(number: int, frame: object) -> None:
        found.append(number)

    before = signal.signal(signal.SIGTERM, handle)
    yield found
    signal.signal(signal.SIGTERM, before)


async def test_sigterm_closes_everybody_and_then_reaches_the_server(
    handled: list[int], make_hub: MakeHub
) -> None:
    hub = make_hub()
    await soon(lambda: hub.presence.node is not None)
    wired = [Wired(hub) for _ in range(5)]
    for one in wired:
        await one.join()
    signal.raise_signal(signal.SIGTERM)
    assert hub.draining
    await soon(lambda: bool(handled))
    assert [one.socket.code for one in wired] == [4000] * 5
    assert handled == [signal.SIGTERM]
    assert await off_loop(Node.objects.count) == 0


async def test_posts_that_were_taken_are_stored_before_the_server_stops(
    handled: list[int],
    make_hub: MakeHub,
    settings: Settings,
) -> None:
    settings.CHAT = {**OPEN_SITE, "DRAIN_SECONDS": 20, "COMMIT_BATCH": 1}
    hub = make_hub()
    wired = Wired(hub)
    await wired.join()
    wired.say(*(post(number) for number in range(50)))
    signal.raise_signal(signal.SIGTERM)
    await soon(lambda: bool(handled))
    assert hub.writer.counts.stored == 50
    assert wired.socket.code == 4000


async def test_second_sigterm_reaches_the_server_at_once(
    handled: list[int], make_hub: MakeHub
) -> None:
    hub = make_hub()
    Wired(hub)
    signal.raise_signal(signal.SIGTERM)
    assert handled == []
    signal.raise_signal(signal.SIGTERM)
    assert handled == [signal.SIGTERM]
    await soon(lambda: len(handled) == 2)


async def test_draining_that_takes_too_long_is_cut_off(
    handled: list[int],
    make_hub: MakeHub,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.CHAT = {**OPEN_SITE, "DRAIN_SECONDS": 0.05}
    hub = make_hub()
    Wired(hub)

    async def never() -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as stuck:
        stuck.setattr(hub.writer, "settled", never)
        signal.raise_signal(signal.SIGTERM)
        await soon(lambda: bool(handled))
    assert "drained not in time" in caplog.text


async def test_without_time_to_drain_everybody_is_still_told(
    handled: list[int], make_hub: MakeHub, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "DRAIN_SECONDS": 0}
    hub = make_hub()
    wired = [Wired(hub) for _ in range(3)]
    for one in wired:
        await one.join()
    signal.raise_signal(signal.SIGTERM)
    await soon(lambda: bool(handled))
    assert [one.socket.code for one in wired] == [4000] * 3


async def test_process_without_sessions_drains_at_once(
    handled: list[int], make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "LINGER_SECONDS", 3600.0)
    make_hub()
    signal.raise_signal(signal.SIGTERM)
    await soon(lambda: bool(handled))


async def test_stopped_hub_gives_the_signal_back(handled: list[int], site: None) -> None:
    before = signal.getsignal(signal.SIGTERM)
    hub = hubs.current()
    assert signal.getsignal(signal.SIGTERM) != before
    await hub.stop()
    assert signal.getsignal(signal.SIGTERM) == before


async def test_signal_that_somebody_took_over_meanwhile_is_left_alone(
    handled: list[int], site: None
) -> None:
    hub = hubs.current()

    def other(number: int, frame: object) -> None:
        """Somebody else's handler."""

    signal.signal(signal.SIGTERM, other)
    await hub.stop()
    assert signal.getsignal(signal.SIGTERM) is other


async def test_signal_that_nobody_handles_is_left_alone(make_hub: MakeHub) -> None:
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    make_hub()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_hub_outside_the_main_thread_takes_no_signal(
    handled: list[int], make_hub: MakeHub
) -> None:
    hub = make_hub()
    hub.drain.uninstall()
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=hub.drain.install)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is before
