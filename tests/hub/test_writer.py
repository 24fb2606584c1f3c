import asyncio
import logging
from collections.abc import Sequence

import pytest
from django.db import DataError, InternalError

from chat import store
from chat.hub import writer as writing
from chat.hub.writer import Writer
from chat.protocol.errors import Forbidden, Unavailable
from chat.store import Draft, Outcome, PostDraft, Stored
from tests.fakes import EPOCH, Threads, entry, soon, turns


def draft(number: int, room: str = "main", text: str = "") -> PostDraft:
    """Return a post with an id of its own."""
    return PostDraft(
        room=room, sender_key="u:7", sender_name="bob", id=f"i{number}", text=text or f"m{number}"
    )


class Database:
    """What ``store.append`` does: gives seqs, refuses poison, or is away."""

    def __init__(self) -> None:
        self.heads: dict[str, int] = {}
        self.away = False
        self.doubts = 0
        """How many of the next transactions are stored while their commits seem to fail."""
        self.read_only = False
        self.again: list[bool] = []
        """Of each transaction, whether it was said to be one more try."""
        self.others = 0
        """Messages that another process adds before each transaction of ours."""

    def append(self, drafts: Sequence[Draft], *, again: bool) -> list[Outcome]:
        """Store all of ``drafts`` or none."""
        self.again.append(again)
        if self.read_only:
            raise InternalError("cannot execute INSERT in a read-only transaction")
        if self.away:
            raise Unavailable
        if self.doubts:
            self.doubts -= 1
            self.away = True
            raise store.CommitInDoubt("server closed the connection unexpectedly")
        posts = [draft for draft in drafts if isinstance(draft, PostDraft)]
        if any(post.text == "poison" for post in posts):
            raise DataError("poison")
        if any(post.text == "bug" for post in posts):
            raise RuntimeError("bug")
        for room in {post.room for post in posts}:
            self.heads[room] = self.heads.get(room, 0) + self.others
        return [self._one(post) for post in posts]

    def _one(self, post: PostDraft) -> Outcome:
        if post.text == "forbidden":
            return Forbidden()
        if post.text == "double":
            return Stored(room=post.room, epoch=EPOCH, seq=1)
        seq = self.heads[post.room] = self.heads.get(post.room, 0) + 1
        return Stored(room=post.room, epoch=EPOCH, seq=seq, entry=entry(seq, room=post.room))


class Desk:
    """A writer on a fake database, and what it said."""

    def __init__(self, *, batch: int = 100) -> None:
        self.database = Database()
        self.threads = Threads(self.database.append)
        self.said: list[tuple[str, object]] = []
        self.writer = Writer(self.threads, batch=batch, publish=self._publish)  # type: ignore[arg-type]  # a stand-in

    def _publish(self, room: str, epoch: str, entries: list[store.Entry]) -> None:
        assert epoch == EPOCH
        self.said.append((room, [entry.seq for entry in entries]))

    def submit(self, number: int, room: str = "main", text: str = "") -> None:
        """Submit a draft, whose outcome is noted down under its number."""
        self.writer.submit(
            draft(number, room, text), lambda outcome: self.said.append((f"#{number}", outcome))
        )

    @property
    def outcomes(self) -> dict[str, object]:
        """What became of each draft: its seq, or the type of its problem."""
        return {
            name: outcome.seq if isinstance(outcome, Stored) else type(outcome)
            for name, outcome in self.said
            if name.startswith("#")
        }

    @property
    def published(self) -> list[tuple[str, object]]:
        """What was published, by room."""
        return [(name, seqs) for name, seqs in self.said if not name.startswith("#")]


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


async def test_whose_commit_is_in_doubt_is_told_when_the_database_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing, "RETRY_SECONDS", 0)
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
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writing, "RETRY_SECONDS", 0)
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
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writing, "RETRY_SECONDS", 0)
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
