"""A few threads that end with the process, whatever they are in the middle of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Pool:
    """At most ``size`` threads, started as calls come.

    The interpreter waits for the threads of a ``ThreadPoolExecutor`` before it exits: a database
    that hangs would keep a process from leaving that was told to.
    """

    def __init__(self, size: int, *, name: str) -> None:
        self.size = size
        self._name = name
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._closed = False

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Let one of the threads call ``function``. Only one thread may submit at a time.

        Raises ``RuntimeError`` once it is closed.
        """
        if self._closed:
            raise RuntimeError("these threads were ended")
        answer: Future[T] = Future()
        self._calls.put((answer, function))
        if len(self._threads) < self.size:
            name = f"{self._name}_{len(self._threads)}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        return answer

    def close(self) -> None:
        """End the threads when they have done what was submitted. Blocks for that long."""
        self._closed = True
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            _carry_out(*call)
            del call  # what it refers to is not kept until the next one comes


def _carry_out(answer: Future[T], function: Callable[[], T]) -> None:
    if not answer.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except BaseException as error:
        answer.set_exception(error)  # for whoever waits
    else:
        answer.set_result(result)
