import asyncio
import logging
import threading
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from django.db import IntegrityError, InterfaceError, OperationalError, connections

from chat.hub import threads as silence
from chat.hub.threads import Threads
from chat.models import Room
from chat.protocol.errors import Unavailable
from tests.fakes import soon, turns


@pytest_asyncio.fixture
async def threads(transactional_db: None) -> AsyncIterator[Threads]:
    """A hub's threads, stopped at the end."""
    found = Threads(readers=3)
    yield found
    await asyncio.to_thread(found.stop)


async def test_answer_of_a_call_is_returned(threads: Threads) -> None:
    assert await threads.read(divmod, 7, 2) == (3, 1)
    assert await threads.write(dict, a=1) == {"a": 1}


async def test_writes_are_made_one_after_another_in_one_thread(threads: Threads) -> None:
    running, most, names = 0, 0, set()

    def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        names.add(threading.current_thread().name)
        Room.objects.count()
        running -= 1

    await asyncio.gather(*(threads.write(work) for _ in range(20)))
    assert most == len(names) == 1


async def test_reads_are_made_beside_each_other_in_a_bounded_number_of_threads(
    threads: Threads,
) -> None:
    together = threading.Barrier(3, timeout=60)
    names: set[str] = set()

    def work() -> None:
        together.wait()
        names.add(threading.current_thread().name)

    await asyncio.gather(*(threads.read(work) for _ in range(6)))
    assert len(names) == 3


async def test_thread_keeps_its_connection_between_calls(threads: Threads) -> None:
    def connection() -> object:
        Room.objects.count()
        return connections["default"].connection

    first = await threads.write(connection)
    assert first is not None
    assert await threads.write(connection) is first


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
async def test_call_without_a_database_is_unavailable_and_its_connection_closed(
    threads: Threads, kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    calls = []

    def fail() -> None:
        Room.objects.count()
        calls.append(connections["default"].connection)
        raise kind("away")

    with caplog.at_level(logging.WARNING, "chat"), pytest.raises(Unavailable):
        await threads.write(fail)
    assert len(calls) == 1
    assert await threads.write(lambda: connections["default"].connection) is None
    assert "away" in caplog.text


async def test_call_on_a_dead_connection_is_made_again_on_a_new_one(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[object] = []

    def work() -> int:
        found = Room.objects.count()
        connection = connections["default"]
        used.append(connection.connection)
        if len(used) == 1:
            connection.is_usable = lambda: False  # type: ignore[method-assign]  # as after a restart
            raise OperationalError("server closed the connection unexpectedly")
        del connection.is_usable
        return found

    assert await threads.read(work) == 0
    assert len(used) == 2
    assert used[0] is not used[1]


async def test_call_is_made_again_where_django_itself_has_a_new_connection(
    threads: Threads,
) -> None:
    """As after a transaction during which the server went away."""
    calls = []

    def work() -> int:
        calls.append(1)
        if len(calls) == 2:
            connections["default"].close()
            Room.objects.count()
            raise OperationalError("terminating connection due to administrator command")
        return Room.objects.count()

    assert await threads.write(work) == 0
    assert await threads.write(work) == 0
    assert len(calls) == 3


async def test_call_that_fails_on_a_new_connection_too_is_unavailable(threads: Threads) -> None:
    calls = []

    def work() -> None:
        calls.append(1)
        connection = connections["default"]
        connection.ensure_connection()
        connection.is_usable = lambda: False  # type: ignore[method-assign]  # as after a restart
        raise OperationalError("away")

    def mend() -> None:
        del connections["default"].is_usable

    with pytest.raises(Unavailable):
        await threads.write(work)
    assert len(calls) == 2
    await threads.write(mend)


async def test_other_errors_are_raised_as_they_are(threads: Threads) -> None:
    def twice() -> None:
        Room.objects.create(slug="a")
        Room.objects.create(slug="a")

    with pytest.raises(IntegrityError):
        await threads.write(twice)


async def test_read_of_a_silent_database_is_unavailable(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    try:
        with monkeypatch.context() as hasty:
            hasty.setattr(silence, "SILENT_SECONDS", 0.01)
            for _ in range(5):  # more than there are threads
                with pytest.raises(Unavailable):
                    await threads.read(answers.wait)
    finally:
        answers.set()
    assert await threads.read(divmod, 7, 2) == (3, 1)


async def test_write_that_has_begun_is_waited_for_and_those_behind_it_are_not_made(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, begun = threading.Event(), threading.Event()
    made: list[str] = []

    def stuck() -> bool:
        begun.set()
        return answers.wait()

    try:
        first = asyncio.create_task(threads.write(stuck))
        await soon(begun.is_set)
        with monkeypatch.context() as hasty:
            hasty.setattr(silence, "SILENT_SECONDS", 0.01)
            with pytest.raises(Unavailable):
                await threads.write(made.append, "behind it")
        assert not first.done()
    finally:
        answers.set()
    assert await first
    await threads.write(made.append, "after it")
    assert made == ["after it"]


async def test_call_that_nobody_waits_for_any_more_is_not_made(threads: Threads) -> None:
    answers = threading.Event()
    made: list[str] = []
    try:
        first = asyncio.create_task(threads.write(answers.wait))
        second = asyncio.create_task(threads.write(made.append, "in vain"))
        await turns()
        second.cancel()
        await asyncio.wait([second])
    finally:
        answers.set()
    assert await first
    await threads.write(made.append, "after it")
    assert made == ["after it"]


async def test_answer_that_comes_after_its_loop_has_closed_troubles_nobody(
    threads: Threads, caplog: pytest.LogCaptureFixture
) -> None:
    answers, called = threading.Event(), threading.Event()

    def work() -> None:
        called.set()
        answers.wait()

    def in_a_loop_of_its_own() -> None:
        loop = asyncio.new_event_loop()
        task = loop.create_task(threads.write(work))
        loop.run_until_complete(asyncio.sleep(0))
        called.wait()
        task.cancel()
        loop.run_until_complete(asyncio.wait([task]))
        loop.close()

    try:
        await asyncio.to_thread(in_a_loop_of_its_own)
    finally:
        answers.set()
    assert await threads.write(divmod, 7, 2) == (3, 1)
    assert caplog.text == ""


async def test_stopping_closes_the_connection_of_every_thread(transactional_db: None) -> None:
    threads = Threads(readers=4)
    together = threading.Barrier(4, timeout=60)
    opened = []

    def connect() -> None:
        together.wait()
        connection = connections["default"]
        connection.ensure_connection()
        opened.append(connection)

    await asyncio.gather(*(threads.read(connect) for _ in range(4)))
    await asyncio.to_thread(threads.stop)
    assert [connection.connection for connection in opened] == [None] * 4


async def test_call_that_raises_leaves_the_thread_to_the_next(threads: Threads) -> None:
    with pytest.raises(ZeroDivisionError):
        await threads.write(divmod, 1, 0)
    assert await threads.write(divmod, 7, 2) == (3, 1)


async def test_thread_that_could_not_be_started_is_started_for_the_next_call(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fails)
        with pytest.raises(RuntimeError):
            await threads.write(divmod, 7, 2)
    assert await threads.write(divmod, 7, 2) == (3, 1)
