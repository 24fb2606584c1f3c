import asyncio

import pytest

from chat.hub import stepping


async def test_work_that_waits_for_nothing_is_done_at_once() -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    assert stepping.begin(work()) is stepping.DONE
    assert done == [1]


async def test_what_work_raises_at_once_is_raised() -> None:
    async def work() -> None:
        raise ValueError("at once")

    with pytest.raises(ValueError, match="at once"):
        stepping.begin(work())


async def test_work_that_waits_goes_on_with_what_it_waited_for() -> None:
    first: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    second: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    got: list[int] = []

    async def work() -> None:
        got.append(await first)
        got.append(await second)

    started = work()
    waits_for = stepping.begin(started)
    assert waits_for is not stepping.DONE
    rest = asyncio.ensure_future(_awaited(started, waits_for))
    first.set_result(1)
    await asyncio.sleep(0)
    second.set_result(2)
    await rest
    assert got == [1, 2]


async def test_failure_of_what_work_waits_for_is_raised_in_it_and_then_out_of_it() -> None:
    failing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    seen: list[str] = []

    async def work() -> None:
        try:
            await failing
        except ValueError as error:
            seen.append(str(error))
            raise

    started = work()
    waits_for = stepping.begin(started)
    failing.set_exception(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        await _awaited(started, waits_for)
    assert seen == ["no"]


async def test_cancelling_reaches_the_work() -> None:
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    ended: list[str] = []

    async def work() -> None:
        try:
            await never
        finally:
            ended.append("tidied up")

    started = work()
    rest = asyncio.ensure_future(_awaited(started, stepping.begin(started)))
    await asyncio.sleep(0)
    rest.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rest
    assert ended == ["tidied up"]


async def _awaited(work: object, waits_for: object) -> None:
    await stepping.rest_of(work, waits_for)  # type: ignore[arg-type]  # a coroutine that has begun
