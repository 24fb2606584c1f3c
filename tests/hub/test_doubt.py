"""Commits of which it is not known whether they were."""

import pytest

from chat.hub import writer as writing
from chat.protocol.errors import Unavailable
from tests.fakes import soon, turns
from tests.hub.desks import Desk


@pytest.fixture(autouse=True)
def asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the writer ask again without waiting."""
    monkeypatch.setattr(writing, "RETRY_SECONDS", 0)


async def test_whose_commit_is_in_doubt_is_told_when_the_database_is_back() -> None:
    desk = Desk()
    desk.database.doubts = 1
    desk.submit(0)
    await soon(lambda: desk.database.away)
    desk.submit(1)
    await soon(lambda: len(desk.threads.batches) >= 3)
    # It may be stored, or not: neither may be said. What came later was not.
    assert desk.outcomes == {"#1": Unavailable}
    desk.database.away = False
    await desk.writer.settled()
    assert desk.outcomes == {"#0": 1, "#1": Unavailable}
    desk.submit(2)
    await desk.writer.settled()
    assert desk.outcomes["#2"] == 2
    assert (desk.database.again[0], desk.database.again[-1]) == (False, False)
    assert all(desk.database.again[1:-1])


async def test_doubt_outlasts_a_database_that_comes_back_read_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk()
    desk.database.doubts = 1
    for number in range(2):
        desk.submit(number)
    await soon(lambda: desk.database.away)
    desk.database.read_only, desk.database.away = True, False
    await soon(lambda: "still in doubt" in caplog.text)
    await turns()
    assert desk.outcomes == {}, "neither may be said"
    desk.database.read_only = False
    await desk.writer.settled()
    assert desk.outcomes == {"#0": 1, "#1": 2}


async def test_doubt_that_a_fault_of_ours_keeps_open_stops_nobody_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk()
    desk.database.doubts = 1
    desk.submit(0, text="bug")
    await soon(lambda: desk.database.away)
    desk.database.away = False
    await desk.writer.settled()
    assert desk.outcomes == {"#0": Unavailable}
    assert "could not be found out" in caplog.text
    desk.submit(1)
    await desk.writer.settled()
    assert desk.outcomes["#1"] == 1
