"""M6: what of the way back is not the clients' own waiting."""

import asyncio
from dataclasses import dataclass
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks.measures import recovery
from benchmarks.measures.recovery import Returning


@dataclass(eq=False)
class Away:
    """A client whose connecting takes so long."""

    seconds: float
    unacked: tuple[()] = ()

    def back(self) -> None:
        """Begin anew with the connection."""

    def resend(self) -> None:
        """Send nothing: all is acknowledged."""


class SlowCrowd:
    """Lets each client in after its own `seconds`."""

    async def connect_one(self, client: Away) -> None:
        await asyncio.sleep(client.seconds)


async def test_the_slowest_way_back_counts_and_not_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = iter([0.0, 1.5])
    monkeypatch.setattr(recovery, "_FIRST_WAIT", 1.0)
    returning = Returning(cast(Any, SlowCrowd()), seed=1)
    monkeypatch.setattr(returning, "_random", SimpleNamespace(random=lambda: next(waits)))
    returning.killed = monotonic()
    slow, last = cast(Any, Away(0.3)), cast(Any, Away(0.0))
    returning.lost(slow)
    returning.lost(last)
    async with asyncio.timeout(10):
        while not returning.all_back:
            await asyncio.sleep(0.01)
    assert monotonic() - returning.killed >= 1.5
    assert 0.3 <= returning.beyond_waits < 1.5
