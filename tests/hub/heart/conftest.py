"""Hearts that beat fast."""

import pytest
from pytest_django import Settings

from chat.hub import heart
from tests.hub.clients import OPEN_SITE


@pytest.fixture
def fast(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hearts beat a hundred times a second, and nobody die of a silence of two of them."""
    settings.CHAT = {**OPEN_SITE, "HEARTBEAT": 0.04}
    monkeypatch.setattr(heart, "SILENT_HEARTBEATS", 1e6)
