"""Memory of a session that is in the room and does nothing."""

import asyncio
from dataclasses import dataclass

from benchmarks.generator.crowd import Crowd
from benchmarks.server import Server

# The first sessions load code, fill caches and start threads; that is the process's memory and not
# theirs.
_FIRST = 100

_SETTLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class IdleMemory:
    """Memory in bytes, as `Server.memory` counts it."""

    before: int
    after: int
    sessions: int
    per_session: float
    connect_seconds: float


async def measure(server: Server, crowd: Crowd, sessions: int) -> IdleMemory:
    """Fill the room with `sessions` and return what those after the first hundred cost each."""
    loop = asyncio.get_running_loop()
    first = min(_FIRST, sessions // 2)
    await crowd.connect(first, of=sessions)
    await asyncio.sleep(_SETTLE_SECONDS)
    before = server.memory()
    start = loop.time()
    await crowd.connect(sessions - first, of=sessions)
    took = loop.time() - start
    await asyncio.sleep(_SETTLE_SECONDS)
    after = server.memory()
    more = sessions - first
    return IdleMemory(before, after, more, (after - before) / more, took)
