"""What the integration tests ask for besides tests/servers.py and tests/services.py."""

import secrets
from collections.abc import AsyncIterator

import pytest

from tests.integration.people import Visits


@pytest.fixture
async def visit() -> AsyncIterator[Visits]:
    """Opens sessions that end with the test, which fails if any was told nonsense."""
    async with Visits() as visits:
        yield visits


@pytest.fixture
def room() -> str:
    """A room that no other test is in."""
    return f"room-{secrets.token_hex(4)}"
