"""Posting by the clock, whatever comes back: the load of people who do not wait for each other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from itertools import count, cycle
from time import monotonic_ns

from chat.load.client import Client
from chat.load.crowd import Crowd

_SECOND = 1_000_000_000


def moments(start: int, rate: float, seconds: float) -> Iterator[int]:
    """Yield when to post, in nanoseconds: `rate` times a second, evenly, from `start` on."""
    for turn in count():
        after = round(turn * _SECOND / rate)
        if after >= seconds * _SECOND:
            return
        yield start + after


async def post_on_schedule(
    crowd: Crowd, posters: Sequence[Client], rate: float, seconds: float
) -> None:
    """Have the posters post in turn, `rate` messages a second all together.

    A post that is late, because the generator or the server was held up, is sent as soon as may be
    and its latency counts from when it was due: a server that stands still for a second makes all
    that should have been posted in it wait, not one message (coordinated omission).
    """
    turns = cycle(posters)
    for due in moments(monotonic_ns(), rate, seconds):
        # Also when it is late, or nothing would be received meanwhile.
        await asyncio.sleep(max(0, due - monotonic_ns()) / _SECOND)
        crowd.post(next(turns), [due])
