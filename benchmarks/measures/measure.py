"""What every measure has, and what several of them do."""

import asyncio
import gc
import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Any, Protocol

import msgspec

from benchmarks import proc
from benchmarks.contenders.contender import Contender
from benchmarks.goals import Goal
from benchmarks.results import Cell, Latency, Point, Result, Results
from benchmarks.stage import Stage
from chat.load.client import Pace
from chat.load.crowd import Crowd
from chat.load.percentiles import percentile
from chat.load.schedule import post_on_schedule

Say = Callable[[str], None]

DRAIN_PATIENCE = 30.0


class Measure(Protocol):
    """A module of this package, such as `deliveries`."""

    KEY: str
    """`M1` and so on: the names of its folder of results and of its place in the prose."""

    def cells(self, quick: bool) -> Iterable[Cell]:
        """Return what is to be measured."""

    async def measure(self, stage: Stage, result: Result, results: Results, say: Say) -> None:
        """Measure `result.cell` of the contender on the stage, and enter what was found.

        `results` is what was found before, by this and by other measures.
        """

    def report(self, results: Sequence[Result], contenders: dict[str, Contender]) -> str:
        """Return what was found as Markdown."""

    def goals(self, results: Sequence[Result], contenders: dict[str, Contender]) -> Sequence[Goal]:
        """Return what was meant to be reached, whether it was measured or not."""

    def charts(self, results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
        """Return SVG pictures of what was found, by the names of their files."""


class Watch:
    """Counts from `start` to `stop`: deliveries, latency, processor time."""

    def __init__(self, stage: Stage, crowd: Crowd) -> None:
        self._stage = stage
        self._crowd = crowd

    def start(self) -> None:
        """Count from now on."""
        # The generator's own collections would show up as latency.
        gc.collect()
        gc.freeze()
        gc.disable()
        self._crowd.latencies = array("q")
        self._crowd.ack_latencies = array("q")
        self._crowd.sampling = True
        self._before = self._reading()

    def stop(self, load: float) -> Point:
        """Return what was counted."""
        after = self._reading()
        self._crowd.sampling = False
        gc.enable()
        gc.unfreeze()
        seconds, delivered, posted, server, services, own, on_server_core, on_own_core = (
            new - old for old, new in zip(self._before, after, strict=True)
        )
        return Point(
            load=load,
            seconds=seconds,
            deliveries=int(delivered),
            posts=int(posted),
            server_cpu=server / seconds,
            services_cpu=services / seconds,
            generator_cpu=own / seconds,
            others_on_server_core=max(0.0, on_server_core - server - services) / seconds,
            others_on_generator_core=max(0.0, on_own_core - own) / seconds,
            latency=latency_of(self._crowd.latencies),
            ack_latency=latency_of(self._crowd.ack_latencies),
        )

    def _reading(self) -> tuple[float, ...]:
        cores = self._stage.cores
        return (
            monotonic(),
            self._crowd.delivered,
            self._crowd.posted,
            self._stage.cpu_seconds(),
            self._stage.services_cpu_seconds(),
            time.process_time(),
            proc.core_seconds(cores.server),
            proc.core_seconds(cores.generator),
        )


def latency_of(samples: Iterable[int]) -> Latency | None:
    """Return the percentiles of nanoseconds, None without any."""
    ordered = sorted(samples)
    if not ordered:
        return None
    p50, p95, p99, p999 = (percentile(ordered, share) / 1e6 for share in (0.5, 0.95, 0.99, 0.999))
    return Latency(p50, p95, p99, p999, len(ordered))


# A window cuts bursts off at its ends: of so many cycles that is one part in twenty.
CYCLES = 20


async def at_each_load(
    stage: Stage, crowd: Crowd, result: Result, say: Say, pace: Pace = "own"
) -> None:
    """Enter and say a point for each number of posts on their way that the cell has."""
    given = result.cell.parameters
    for in_flight in given["in_flight"]:
        point = await closed_loop(stage, crowd, in_flight, given, pace)
        result.points.append(point)
        say(line(point))


async def closed_loop(
    stage: Stage,
    crowd: Crowd,
    in_flight: int,
    given: dict[str, Any],
    pace: Pace = "own",
) -> Point:
    """Keep `in_flight` posts on their way, and return what came of it once all have arrived.

    `given` says for how many seconds: `warm_up`, then at least `measured`, and longer, `longest` at
    most, until all on their way have come to everybody `CYCLES` times.
    """
    cycle = in_flight * len(crowd.clients)
    # Before everything posted at the start has arrived, the queues still fill and latency rises.
    settled = crowd.delivered + cycle
    crowd.start_posting(in_flight, pace)
    await asyncio.sleep(given["warm_up"])
    await _delivered(crowd, settled, given["longest"])
    watch = Watch(stage, crowd)
    watch.start()
    before = crowd.delivered
    await asyncio.sleep(given["measured"])
    await _delivered(crowd, before + CYCLES * cycle, given["longest"] - given["measured"])
    point = watch.stop(in_flight)
    crowd.stop_posting()
    point = msgspec.structs.replace(point, cycles=point.deliveries / cycle)
    return await settled_point(crowd, point)


async def _delivered(crowd: Crowd, enough: int, patience: float) -> None:
    """Wait until so much was delivered, but no longer than `patience` seconds."""
    end = monotonic() + patience
    # Asked now and then: to be told at once, every delivery would have to look.
    while crowd.delivered < enough and monotonic() < end:  # noqa: ASYNC110 - see above
        await asyncio.sleep(0.05)


async def open_loop(
    stage: Stage, crowd: Crowd, rate: float, warm_up: float, measured: float
) -> Point:
    """Post `rate` messages a second by the clock, and return what came of it.

    What arrives only after the time is up counts as well: those are the slowest.
    """
    posting = asyncio.create_task(
        post_on_schedule(crowd, crowd.posters(), rate, warm_up + measured)
    )
    await asyncio.sleep(warm_up)
    watch = Watch(stage, crowd)
    watch.start()
    await posting
    return await settled_with_latency(crowd, watch.stop(rate))


async def settled_with_latency(crowd: Crowd, point: Point) -> Point:
    """Do as `settled_point`, and let the latency of what was still on its way count too."""
    crowd.sampling = True
    point = await settled_point(crowd, point)
    crowd.sampling = False
    return msgspec.structs.replace(
        point,
        latency=latency_of(crowd.latencies),
        ack_latency=latency_of(crowd.ack_latencies),
    )


async def settled_point(crowd: Crowd, point: Point) -> Point:
    """Wait until all that was posted has arrived, and return the point with what is wrong."""
    arrived = await crowd.quiesce(DRAIN_PATIENCE)
    problems = crowd.problems()
    if not arrived and not problems:
        problems = ["deliveries were still missing when the wait for them ended"]
    return msgspec.structs.replace(point, problems=problems)


def line(point: Point) -> str:
    """Return a point for people who watch."""
    latency = point.latency
    times = f"p50 {latency.p50:.1f} p99 {latency.p99:.1f} ms" if latency else ""
    return (
        f"  load {point.load:g}: {point.deliveries_per_second:,.0f} deliveries/s  {times}"
        f"  server {point.server_cpu:.0%}, generator {point.generator_cpu:.0%},"
        f" others {point.others_on_server_core:.0%} and {point.others_on_generator_core:.0%}"
        f"{'  GENERATOR SATURATED' if point.saturated else ''}"
        f"{'  PROBLEMS: ' + '; '.join(point.problems) if point.problems else ''}"
    )
