"""Running a coroutine at once, as far as it goes without waiting.

Most of what a hub awaits is ready: a socket that takes the frame, a room that is open. A task for
each would cost more than the work. So the coroutine is stepped by hand, and only one that suspends
becomes a task.

What is stepped so must not ask for its current task (as ``asyncio.timeout`` does) before it first
suspends: that task is whoever steps it.
"""

from __future__ import annotations

import types
from collections.abc import Coroutine, Generator
from typing import Any

DONE = object()
"""What ``begin`` returns for a coroutine that has ended."""


def begin(work: Coroutine[Any, Any, None]) -> Any:
    """Run ``work`` until it ends (``DONE``) or suspends; then what it waits for, for ``rest_of``.

    Raises what ``work`` raises.
    """
    try:
        return work.send(None)
    except StopIteration:
        return DONE


@types.coroutine
def rest_of(work: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Go on, in a task, with ``work`` that has begun and waits."""
    try:
        while True:
            try:
                value = yield waits_for
            except BaseException as error:
                waits_for = work.throw(error)
            else:
                waits_for = work.send(value)
    except StopIteration:
        return
