import asyncio
import logging

import pytest

from chat.hub import writer as writing
from chat.protocol.errors import Forbidden, Unavailable
from chat.store import Outcome
from tests.fakes import soon, turns
from tests.hub.desks import Desk, draft


async def test_what_waits_goes_into_one_transaction_in_order() -> None:
    desk = Desk()
    for number in range(5):
        desk.submit(number)
    await desk.writer.settled()
    assert [len(batch) for batch in desk.threads.batches] == [5]
    assert desk.outcomes == {f"#{number}": number + 1 for number in range(5)}
    assert desk.published == [("main", [1, 2, 3, 4, 5])]
    assert (desk.writer.counts.commits, desk.writer.counts.stored) == (1, 5)


async def test_what_comes_during_a_transaction_goes_into_the_next() -> None:
    desk = Desk()
    desk.threads.open.clear()
    desk.submit(0)
    await turns()
    for number in (1, 2, 3):
        desk.submit(number)
    await turns()
    assert desk.said == []
    desk.threads.open.set()
    await desk.writer.settled()
    assert [len(batch) for batch in desk.threads.batches] == [1, 3]
    assert list(desk.outcomes.values()) == [1, 2, 3, 4]


async def test_what_comes_soon_after_a_transaction_goes_into_one() -> None:
    desk = Desk()
    desk.submit(0)
    while not desk.outcomes:
        await asyncio.sleep(0)
    for number in (1, 2, 3):
        desk.submit(number)
        await asyncio.sleep(0)
    await desk.writer.settled()
    assert [len(batch) for batch in desk.threads.batches] == [1, 3]


async def test_no_more_than_a_batch_goes_into_one_transaction() -> None:
    desk = Desk(batch=2)
    for number in range(5):
        desk.submit(number)
    await desk.writer.settled()
    assert [len(batch) for batch in desk.threads.batches] == [2, 2, 1]


async def test_each_draft_is_answered_before_it_is_published() -> None:
    desk = Desk()
    desk.submit(0)
    desk.submit(1, "other")
    await desk.writer.settled()
    assert [name for name, _ in desk.said] == ["#0", "#1", "main", "other"]


async def test_entries_are_published_by_room() -> None:
    desk = Desk()
    for number in range(4):
        desk.submit(number, "ab"[number % 2])
    await desk.writer.settled()
    assert desk.published == [("a", [1, 2]), ("b", [1, 2])]


async def test_refused_and_doubled_drafts_are_answered_and_not_published() -> None:
    desk = Desk()
    desk.submit(0)
    desk.submit(1, text="forbidden")
    desk.submit(2, text="double")
    desk.submit(3)
    await desk.writer.settled()
    assert desk.outcomes == {"#0": 1, "#1": Forbidden, "#2": 1, "#3": 2}
    assert desk.published == [("main", [1, 2])]


@pytest.mark.parametrize("text", ["poison", "bug"])
async def test_one_bad_draft_harms_no_other(text: str, caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    for number in range(5):
        desk.submit(number, text=text if number == 2 else "")
    with caplog.at_level(logging.WARNING, "chat"):
        await desk.writer.settled()
    assert desk.outcomes == {"#0": 1, "#1": 2, "#2": Unavailable, "#3": 3, "#4": 4}
    assert desk.published == [("main", [1, 2, 3, 4])]
    (logged,) = caplog.records
    assert text in logged.getMessage()
    assert (logged.exc_info is not None) == (text == "bug")


async def test_what_is_published_together_is_consecutive_even_after_a_bad_draft() -> None:
    """Rooms take a batch for consecutive; between single transactions others may write."""
    desk = Desk()
    desk.database.others = 1
    for number in range(4):
        desk.submit(number, text="poison" if number == 1 else "")
    await desk.writer.settled()
    assert desk.outcomes == {"#0": 2, "#1": Unavailable, "#2": 4, "#3": 6}
    for _, seqs in desk.published:
        assert isinstance(seqs, list)
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))


async def test_all_are_told_when_the_database_is_away_and_it_is_asked_once() -> None:
    desk = Desk()
    desk.database.away = True
    for number in range(5):
        desk.submit(number)
    await desk.writer.settled()
    assert set(desk.outcomes.values()) == {Unavailable}
    assert len(desk.threads.batches) == 1
    assert desk.published == []
    assert (desk.writer.counts.commits, desk.writer.counts.stored) == (0, 0)


async def test_writer_goes_on_when_the_database_is_back() -> None:
    desk = Desk()
    desk.database.away = True
    desk.submit(0)
    await desk.writer.settled()
    desk.database.away = False
    desk.submit(1)
    await desk.writer.settled()
    assert desk.outcomes == {"#0": Unavailable, "#1": 1}


async def test_drafts_beyond_the_bound_are_refused_at_once_and_the_others_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing, "WAITING_MOST", 3)
    desk = Desk()
    for number in range(5):
        desk.submit(number)
    assert desk.outcomes == {"#3": Unavailable, "#4": Unavailable}
    refusal = dict(desk.said)["#3"]
    assert isinstance(refusal, Unavailable)
    assert refusal.retry_after == 1.0
    await desk.writer.settled()
    assert desk.outcomes | {"#3": 0, "#4": 0} == {"#0": 1, "#1": 2, "#2": 3, "#3": 0, "#4": 0}


async def test_nobody_waits_behind_a_transaction_that_does_not_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing, "SILENT_SECONDS", 0)
    desk = Desk(batch=1)
    desk.threads.open.clear()
    for number in range(3):
        desk.submit(number)
    await soon(lambda: len(desk.said) == 2)
    desk.submit(3)
    assert desk.outcomes == dict.fromkeys(("#1", "#2", "#3"), Unavailable)
    desk.threads.open.set()
    await desk.writer.settled()
    assert desk.outcomes["#0"] == 1
    desk.submit(4)
    await desk.writer.settled()
    assert desk.outcomes["#4"] == 2


async def test_idle_writer_is_settled() -> None:
    await Desk().writer.settled()


async def test_settled_waits_for_what_is_submitted_meanwhile() -> None:
    desk = Desk(batch=1)
    desk.threads.open.clear()
    desk.submit(0)
    settled = asyncio.create_task(desk.writer.settled())
    await turns()
    desk.submit(1)
    assert not settled.done()
    desk.threads.open.set()
    await settled
    assert desk.outcomes == {"#0": 1, "#1": 2}


async def test_fault_in_telling_one_sender_leaves_the_others_served(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk(batch=1)

    def fail(outcome: Outcome) -> None:
        raise RuntimeError("gone")

    desk.writer.submit(draft(1), fail)
    desk.submit(2)
    await desk.writer.settled()
    assert desk.outcomes == {"#2": 2}
    assert ("main", [1]) in desk.said
    assert "could not be told" in caplog.text
