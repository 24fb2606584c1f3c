"""What all tests of the checks need."""

import pytest

from chat import health


@pytest.fixture(autouse=True)
def afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known to fail yet."""
    monkeypatch.setattr(health, "_failing", set())
