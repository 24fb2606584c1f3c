"""Hubs in the tests' own process, on a site where everybody may do everything."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from unittest.mock import patch

import pytest
import pytest_asyncio
from pytest_django import Settings

from chat.conf import Config
from chat.hub import fanout
from chat.hub.heart import Heart
from chat.hub.hub import Hub
from chat.hub.session import BEATS
from tests.hub.clients import OPEN_SITE, Connection

USUAL_BEAT = Config().heartbeat / BEATS
FOREVER = 3600.0


@pytest.fixture(autouse=True)
def open_site(settings: Settings) -> None:
    """Let guests post and make rooms, and nobody linger; a test changes what it is about."""
    settings.CHAT = OPEN_SITE


@pytest.fixture(autouse=True)
def no_beat_of_its_own_accord(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the log looked at when somebody asks for it, or soon, where a test wants beats.

    One that comes by itself in the middle of a test, on a slow machine, sees half of what it does.
    """
    original = Heart._rest

    async def rest(heart: Heart, seconds: float) -> None:
        await original(heart, seconds if seconds < USUAL_BEAT else FOREVER)

    monkeypatch.setattr(Heart, "_rest", rest)


@pytest.fixture(scope="module")
def turns_by_count() -> Iterator[None]:
    """Let as many sessions have their turns at once as may, however long that takes."""
    with patch.object(fanout, "SECONDS_AT_ONCE", float("inf")):
        yield


@pytest.fixture
def site(connections: list[Connection]) -> None:
    """A database, and at the end of the test no hub any more."""


MakeHub = Callable[[], Hub]


@pytest_asyncio.fixture
async def make_hub(site: None) -> AsyncIterator[MakeHub]:
    """Make hubs, each as another process would have it: they share a layer and a database."""
    made: list[Hub] = []

    def make() -> Hub:
        hub = Hub(asyncio.get_running_loop())
        hub.start()
        made.append(hub)
        return hub

    yield make
    for hub in made:
        await hub.stop()
