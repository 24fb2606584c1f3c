"""One load on one deployment: sessions come, some post by the clock, and the books are read."""

from __future__ import annotations

import asyncio
import gc
import ssl
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from time import monotonic
from urllib.parse import urlsplit

from chat.load.crowd import POSTERS, Crowd, kind_of
from chat.load.dialects import HUB
from chat.load.percentiles import percentile
from chat.load.schedule import post_on_schedule

SHARES = (0.5, 0.95, 0.99, 0.999)

_PATIENCE = 10.0

# Nobody posts at quite the rate that each is allowed: clocks differ, and buckets fill in steps.
_OF_ALLOWED = 0.8


class TrialError(Exception):
    """The load cannot be put on that deployment; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is asked for: `rate` posts a second, all together."""

    url: str
    sessions: int
    rooms: Sequence[str]
    rate: float
    seconds: float
    text_bytes: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it. Latencies in milliseconds, percentiles in the order of `SHARES`."""

    arrival_seconds: float
    posted: int
    acked: int
    delivered: int
    expected: int
    latency: Sequence[float]
    ack_latency: Sequence[float]
    by_second: Sequence[Sequence[float]]
    generator_cpu: float
    """As a share of one core: near 1 it may have been what was slow."""
    silent_rooms: int
    """In how many rooms nobody posted, as the time was over before their turn."""
    problems: Sequence[str]


async def run(trial: Trial) -> Outcome:
    """Put the load on and return what came of it.

    Raises TrialError when not everybody gets in, or the server allows no such rate.
    """
    crowd = _crowd(trial)
    try:
        began = monotonic()
        await _fill(crowd, trial.sessions)
        took = monotonic() - began
        posters = crowd.posters(posters_for(trial, crowd.posts_per_second or 0.0))
        # What is there by now stays: the collector's walks through it would show up as latency.
        gc.collect()
        gc.freeze()
        crowd.sampling = True
        used, began = time.process_time(), monotonic()
        watching = asyncio.create_task(_seconds(crowd, ceil(trial.seconds)))
        await post_on_schedule(crowd, posters, trial.rate, trial.seconds)
        share = (time.process_time() - used) / (monotonic() - began)
        ends = await watching
        await crowd.quiesce(_PATIENCE)
        # What came after the last second counts as its.
        ends[-1] = len(crowd.latencies)
    finally:
        gc.unfreeze()
        await crowd.leave()
    seconds = [crowd.latencies[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    return Outcome(
        arrival_seconds=took,
        posted=crowd.posted,
        acked=crowd.acked,
        delivered=crowd.delivered,
        expected=sum(room.expected for room in crowd.rooms),
        latency=percentiles(crowd.latencies),
        ack_latency=percentiles(crowd.ack_latencies),
        by_second=[percentiles(second) for second in seconds],
        generator_cpu=share,
        silent_rooms=sum(not room.posted for room in crowd.rooms),
        problems=crowd.problems(),
    )


def _crowd(trial: Trial) -> Crowd:
    address = urlsplit(trial.url)
    if address.scheme not in ("ws", "wss") or not address.hostname:
        raise TrialError(
            f"{trial.url!r} is no address of a WebSocket, such as ws://127.0.0.1:5000/ws"
        )
    secure = address.scheme == "wss"
    port = address.port or (443 if secure else 80)
    path = address.path or "/"
    return Crowd(
        HUB,
        [(address.hostname, port)],
        f"{path}?{address.query}" if address.query else path,
        rooms=trial.rooms,
        text_bytes=trial.text_bytes,
        seed=trial.seed,
        tls=ssl.create_default_context() if secure else None,
    )


async def _fill(crowd: Crowd, sessions: int) -> None:
    arrivals = await crowd.arrive(sessions, of=sessions)
    reasons = Counter(kind_of(arrival.failure) for arrival in arrivals if arrival.failure)
    if reasons:
        said = "; ".join(f"{reason} ({count} times)" for reason, count in reasons.most_common(3))
        raise TrialError(f"not all of {sessions} sessions got into their rooms: {said}")


def posters_for(trial: Trial, allowed: float) -> int:
    """Return how many have to post so that none posts faster than `allowed`, 0 for no limit.

    No fewer than there are rooms, so that somebody posts in each. Raises TrialError where there are
    not enough sessions for that rate.
    """
    enough = max(POSTERS, len(trial.rooms))
    if not allowed:
        return enough
    needed = ceil(trial.rate / (allowed * _OF_ALLOWED))
    if needed > trial.sessions:
        most = trial.sessions * allowed * _OF_ALLOWED
        raise TrialError(
            f"the server allows each session {allowed:g} posts a second: {trial.sessions} sessions "
            f"can post {most:g} a second, not {trial.rate:g}"
        )
    return max(enough, needed)


async def _seconds(crowd: Crowd, seconds: int) -> list[int]:
    """Return how many latencies there were after each second."""
    began = monotonic()
    ends = []
    for second in range(1, seconds + 1):
        await asyncio.sleep(began + second - monotonic())
        ends.append(len(crowd.latencies))
    return ends


def percentiles(nanoseconds: Iterable[int]) -> list[float]:
    """Return the percentiles of `SHARES` in milliseconds; none without samples."""
    ordered = sorted(nanoseconds)
    return [percentile(ordered, share) / 1e6 for share in SHARES] if ordered else []
