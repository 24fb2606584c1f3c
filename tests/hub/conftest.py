"""Hubs in the tests' own process, on a site where everybody may do everything."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from pytest_django import Settings

from chat.hub.hub import Hub
from tests.hub.clients import OPEN_SITE, Connection


@pytest.fixture(autouse=True)
def open_site(settings: Settings) -> None:
    """Let guests post and make rooms, and nobody linger; a test changes what it is about."""
    settings.CHAT = OPEN_SITE


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
