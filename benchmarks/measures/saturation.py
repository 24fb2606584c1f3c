"""Deliveries per second and latency with a fixed number of posts always on their way."""

import asyncio
import gc
import os
import resource
from array import array
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from time import monotonic

from benchmarks.generator.crowd import Crowd
from benchmarks.generator.percentiles import percentile
from benchmarks.server import Server, core_seconds

# From this share of its core on, the generator and not the server may set the pace.
GENERATOR_LIMIT = 0.95

# From this share of either core on, somebody else's work may have changed the figures. Even on a
# core the generator leaves idle: virtual cores can be halves of one, and share cache in any case.
DISTURBED_LIMIT = 0.05

_DRAIN_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Point:
    """One load and what came of it. Shares are of one core."""

    in_flight: int
    seconds: float
    deliveries_per_second: float
    posts_per_second: float
    p50_ms: float | None
    p99_ms: float | None
    latency_samples: int
    server_cpu: float
    generator_cpu: float
    others_on_server_core: float
    others_on_generator_core: float
    connected: int
    frames_decoded: int
    problems: list[str] = field(default_factory=list)

    @property
    def generator_limited(self) -> bool:
        """Whether the generator may have been the limit."""
        return self.generator_cpu >= GENERATOR_LIMIT

    @property
    def disturbed(self) -> bool:
        """Whether other processes had a noticeable part of either core."""
        return max(self.others_on_server_core, self.others_on_generator_core) >= DISTURBED_LIMIT


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a point is warmed up and measured, in seconds.

    Nothing is put on its way that would take longer than `longest_wait` to arrive: the in-memory
    layer forgets messages after 60 s and takes their receivers out of the group, and nobody chats
    at that pace.
    """

    warm_up: float
    measured: float
    longest_wait: float


async def sweep(
    server: Server, crowd: Crowd, loads: Iterable[int], timing: Timing, cores: tuple[int, int]
) -> AsyncIterator[Point]:
    """Yield a point per load. `cores` are the server's and the generator's.

    Ends early after a point with problems, and before one whose last post would wait too long.
    """
    best = 0.0
    for in_flight in loads:
        if best and in_flight * len(crowd.clients) / best > timing.longest_wait:
            return
        point = await _point(server, crowd, in_flight, timing, cores)
        yield point
        if point.problems:
            return
        best = max(best, point.deliveries_per_second)


async def _point(
    server: Server, crowd: Crowd, in_flight: int, timing: Timing, cores: tuple[int, int]
) -> Point:
    await _warm_up(crowd, in_flight, timing)
    # The generator's own collections would show up as latency.
    gc.collect()
    gc.freeze()
    gc.disable()
    crowd.latencies = array("q")
    crowd.sampling = True
    before = _reading(server, crowd, cores)
    await asyncio.sleep(timing.measured)
    after = _reading(server, crowd, cores)
    crowd.sampling = False
    gc.enable()
    crowd.stop_posting()
    arrived = await crowd.quiesce(_DRAIN_PATIENCE)
    problems = crowd.problems()
    if not arrived and not problems:
        problems = ["deliveries were still missing when the wait for them ended"]
    seconds, delivered, posted, decoded, server_cpu, own_cpu, on_core, on_own = (
        new - old for old, new in zip(before, after, strict=True)
    )
    ordered = sorted(crowd.latencies)
    return Point(
        in_flight=in_flight,
        seconds=seconds,
        deliveries_per_second=delivered / seconds,
        posts_per_second=posted / seconds,
        p50_ms=percentile(ordered, 0.50) / 1e6 if ordered else None,
        p99_ms=percentile(ordered, 0.99) / 1e6 if ordered else None,
        latency_samples=len(ordered),
        server_cpu=server_cpu / seconds,
        generator_cpu=own_cpu / seconds,
        others_on_server_core=max(0.0, on_core - server_cpu) / seconds,
        others_on_generator_core=max(0.0, on_own - own_cpu) / seconds,
        connected=sum(client.ended is None for client in crowd.clients),
        frames_decoded=int(decoded),
        problems=problems,
    )


async def _warm_up(crowd: Crowd, in_flight: int, timing: Timing) -> None:
    # Before everything posted at the start has arrived, the queues still fill and latency rises.
    settled = crowd.delivered + in_flight * len(crowd.clients)
    end = monotonic() + 3 * timing.longest_wait
    crowd.start_posting(in_flight)
    await asyncio.sleep(timing.warm_up)
    # Asked now and then: to be told at once, every delivery would have to look.
    while crowd.delivered < settled and monotonic() < end:  # noqa: ASYNC110 - see above
        await asyncio.sleep(0.05)


def _reading(server: Server, crowd: Crowd, cores: tuple[int, int]) -> tuple[float, ...]:
    own = resource.getrusage(resource.RUSAGE_SELF)
    server_core, generator_core = cores
    return (
        monotonic(),
        crowd.delivered,
        crowd.posted,
        crowd.digests.decoded,
        server.cpu_seconds() if server.alive() else 0.0,
        own.ru_utime + own.ru_stime,
        core_seconds(server_core),
        core_seconds(generator_core),
    )


def pin_generator(core: int) -> None:
    """Keep this process to one core, and let it hold as many sockets as it may."""
    os.sched_setaffinity(0, {core})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
