"""A site where everybody may do everything, and a guest of it."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from chat import identity
from chat.identity import GUEST_COOKIE
from tests.hub.clients import OPEN_SITE, Connection


@pytest.fixture(autouse=True)
def open_site(settings: Settings, connections: list[Connection]) -> None:
    settings.CHAT = OPEN_SITE


@pytest.fixture
def guest() -> dict[str, str]:
    """The cookie of a guest."""
    return {GUEST_COOKIE: identity.guest_cookie(identity.new_guest())}
