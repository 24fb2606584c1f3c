"""Hubs that tell of comings and goings as they happen."""

import pytest

from chat.hub import presence


@pytest.fixture(autouse=True)
def told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell of changes without gathering them first."""
    monkeypatch.setattr(presence, "FLUSH_SECONDS", 0.0)
    monkeypatch.setattr(presence, "FLUSH_SECONDS_PER_SESSION", 0.0)
