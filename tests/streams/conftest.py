"""An open site, and who listens to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pytest_django import Settings

from tests.exchange import Exchange
from tests.fakes import soon
from tests.hub.clients import OPEN_SITE, Connection
from tests.streams.listening import EVENTS, Listen


@pytest.fixture(autouse=True)
def open_site(settings: Settings) -> None:
    settings.CHAT = OPEN_SITE


@pytest.fixture
async def listen(connections: list[Connection]) -> AsyncIterator[Listen]:
    """Open a stream that has heard ``joined``; it ends with the test."""
    made: list[Exchange] = []

    async def listen(path: str = EVENTS, **kwargs: Any) -> Exchange:
        exchange = Exchange(path, **kwargs)
        made.append(exchange)
        await soon(lambda: exchange.stream.told("joined") != [] or exchange.task.done())
        assert exchange.status == 200, exchange.content
        return exchange

    yield listen
    for exchange in made:
        exchange.open.set()
        if not exchange.task.done():
            await exchange.leave()
