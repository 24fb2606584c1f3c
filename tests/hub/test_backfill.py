import asyncio

import pytest

from chat.hub import backfill
from chat.hub.backfill import PAGE, Backfill
from chat.protocol.errors import Unavailable
from chat.store import Entry
from tests.fakes import Log, edit, entries, entry, turns


def seqs(found: list[Entry]) -> list[int]:
    """Return the seqs of ``found``."""
    return [entry.seq for entry in found]


@pytest.mark.parametrize(
    ("position", "upto"),
    [
        (0, 1),
        (0, PAGE),
        (0, PAGE + 1),
        (PAGE - 1, PAGE + 1),
        (PAGE, PAGE + 1),
        (PAGE, 2 * PAGE),
        (5, 3 * PAGE),
        (7, 7),
        (PAGE, PAGE),
    ],
)
async def test_range_is_read_without_holes_whatever_pages_it_touches(
    position: int, upto: int
) -> None:
    log = Log(entries(1, 3 * PAGE + 10))
    found = await Backfill(log.read).after(position, upto)
    assert seqs(found) == list(range(position + 1, upto + 1))


async def test_readers_of_one_range_share_its_queries() -> None:
    log = Log(entries(1, 2 * PAGE))
    log.open.clear()
    pages = Backfill(log.read)
    readers = [asyncio.create_task(pages.after(n, 2 * PAGE)) for n in range(200)]
    await turns()
    log.open.set()
    found = await asyncio.gather(*readers)
    assert [len(part) for part in found] == [2 * PAGE - n for n in range(200)]
    assert pages.queries == len(log.reads) == 2


async def test_later_reader_is_served_from_memory() -> None:
    log = Log(entries(1, PAGE))
    pages = Backfill(log.read)
    await pages.after(0, PAGE)
    await pages.after(10, 20)
    assert pages.queries == 1


async def test_failed_page_is_read_again() -> None:
    log = Log(entries(1, 10))
    pages = Backfill(log.read)
    log.away = True
    with pytest.raises(Unavailable):
        await pages.after(0, 10)
    log.away = False
    assert seqs(await pages.after(0, 10)) == list(range(1, 11))


async def test_all_who_wait_for_a_failing_page_are_told() -> None:
    log = Log(entries(1, 10))
    log.open.clear()
    log.away = True
    pages = Backfill(log.read)
    readers = [asyncio.create_task(pages.after(0, 10)) for _ in range(5)]
    await turns()
    log.open.set()
    told = await asyncio.gather(*readers, return_exceptions=True)
    assert [type(answer) for answer in told] == [Unavailable] * 5
    assert pages.queries == 1


async def test_reader_that_gives_up_leaves_the_others_their_page() -> None:
    log = Log(entries(1, 10))
    log.open.clear()
    pages = Backfill(log.read)
    first, second = (asyncio.create_task(pages.after(0, 10)) for _ in range(2))
    await turns()
    first.cancel()
    await turns()
    log.open.set()
    assert seqs(await second) == list(range(1, 11))
    assert pages.queries == 1


async def test_page_that_was_read_in_part_is_read_again_for_those_who_want_more() -> None:
    log = Log(entries(1, 10))
    pages = Backfill(log.read)
    await pages.after(0, 10)
    log.entries += entries(11, 20)
    assert seqs(await pages.after(5, 20)) == list(range(6, 21))
    assert seqs(await pages.after(5, 15)) == list(range(6, 16))
    assert pages.queries == 2


async def test_page_on_its_way_is_not_waited_for_by_those_who_want_more() -> None:
    """It may have been read before what they want was committed."""
    log = Log(entries(1, 10))
    log.open.clear()
    stale: asyncio.Future[list[Entry]] = asyncio.get_running_loop().create_future()
    answers = [stale, None]

    async def read(after: int, upto: int) -> list[Entry]:
        answer = answers.pop(0)
        return await answer if answer is not None else await log.read(after, upto)

    pages = Backfill(read)
    early = asyncio.create_task(pages.after(0, 10))
    await turns()
    log.entries += entries(11, 12)
    late = asyncio.create_task(pages.after(0, 12))
    await turns()
    stale.set_result(entries(1, 10))
    log.open.set()
    assert seqs(await early) == list(range(1, 11))
    assert seqs(await late) == list(range(1, 13))


async def test_forgotten_page_is_read_again() -> None:
    log = Log(entries(1, 2 * PAGE))
    pages = Backfill(log.read)
    await pages.after(0, 2 * PAGE)
    log.entries[9] = entry(10, "changed")
    pages.forget(10)
    found = await pages.after(0, 2 * PAGE)
    assert "changed" in found[9].text


@pytest.mark.parametrize(("seq", "kept"), [(PAGE, []), (PAGE + 1, [0]), (3 * PAGE, [0, 1])])
async def test_forget_takes_the_page_of_the_seq_and_those_that_may_hold_its_edits(
    seq: int, kept: list[int]
) -> None:
    log = Log(entries(1, 3 * PAGE))
    pages = Backfill(log.read)
    await pages.after(0, 3 * PAGE)
    pages.forget(seq)
    assert list(pages._pages) == kept


async def test_forgetting_what_was_never_read_does_nothing() -> None:
    pages = Backfill(Log().read)
    pages.forget(5)
    assert pages.queries == 0


async def test_entries_beyond_what_was_asked_for_are_not_shown() -> None:
    """They are to come with the fan-out, which has not sent them yet."""
    log = Log([*entries(1, 10), edit(11, 3, "x")])
    assert seqs(await Backfill(log.read).after(0, 10)) == list(range(1, 11))


async def test_no_more_pages_are_kept_than_the_bound_and_the_latest_stay() -> None:
    most = backfill.PAGES_KEPT
    log = Log(entries(1, (most + 1) * PAGE))
    pages = Backfill(log.read)
    for number in range(most):
        await pages.after(number * PAGE, (number + 1) * PAGE)
    await pages.after(0, PAGE)  # used again
    await pages.after(most * PAGE, (most + 1) * PAGE)
    assert len(pages._pages) == most
    assert 0 in pages._pages
    assert 1 not in pages._pages
