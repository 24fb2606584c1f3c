"""M1: the most clients that are still served promptly, by the method of websocket-shootout.

Four broadcasts of 200 bytes more than needed are always on their way; clients are added step by
step until the 95th percentile is beyond half a second. The shootout times the sender's round trip,
which ends when everybody has been sent to; here it is the way to sockets all over the room, of
which the slowest twentieth may well be the last.
"""

import asyncio
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Any

from benchmarks import tables
from benchmarks.contenders.contender import Contender
from benchmarks.goals import Goal
from benchmarks.measures.measure import Say, Watch, line, settled_with_latency
from benchmarks.results import Cell, Point, Result, Results
from benchmarks.stage import Stage
from chat.load import chart
from chat.load.crowd import Crowd

KEY = "M1"

_WHO = (
    *("hub-daphne", "hub-uvicorn", "hub-daphne-single", "hub-uvicorn-single"),
    *("usual-daphne", "usual-uvicorn", "asgi-daphne", "asgi-uvicorn", "socketio-uvicorn"),
    *("websockets-broadcast", "uvloop-writer", "node-ws", "node-socketio"),
)
_QUICK = ("hub-uvicorn", "usual-uvicorn")

_IN_FLIGHT = 4

# Finer at the start: to the usual consumer some hundred clients are already too many.
_STEPS = (25, 50, 75, 100, 150, 200, 250, 300, 400, *range(500, 12_001, 500))
_QUICK_STEPS = (25, 50, 100, 200, 500, 1000, 1500)

# What the text needs before its padding begins.
_NEEDED = 48


def cells(quick: bool) -> Iterable[Cell]:
    """Return a cell for each contender that has one room for all."""
    parameters = {"steps": list(_QUICK_STEPS if quick else _STEPS), "padding": 200}
    parameters |= {"limit_ms": 500, "broadcasts": 100, "patience": 4 if quick else 15}
    for name in _QUICK if quick else _WHO:
        yield Cell(KEY, name, parameters)


async def measure(stage: Stage, result: Result, results: Results, say: Say) -> None:
    """Add clients until it takes too long, something goes wrong, or nobody is left to come."""
    given = result.cell.parameters
    crowd = stage.crowd(text_bytes=_NEEDED + given["padding"])
    try:
        for count in given["steps"]:
            await crowd.connect(count - len(crowd.clients), of=given["steps"][-1])
            point = await _step(stage, crowd, given)
            result.points.append(point)
            say(line(point))
            if not _served(point, given["limit_ms"]):
                break
    finally:
        await crowd.leave()
    result.figures = {"clients": reached(result)}


def _served(point: Point, limit_ms: float) -> bool:
    """Say whether all were served promptly: a generator that was busy can only have delayed it."""
    return not point.problems and point.latency is not None and point.latency.p95 <= limit_ms


def reached(result: Result) -> int:
    """Return the most clients that were served promptly, 0 where the first step were too many."""
    limit = result.cell.parameters["limit_ms"]
    return max((int(point.load) for point in result.points if _served(point, limit)), default=0)


def at_least(result: Result) -> bool:
    """Say whether it may be more clients: nobody was left, or the generator was what was slow."""
    last = result.points[-1]
    return last.saturated or reached(result) == result.cell.parameters["steps"][-1]


async def _step(stage: Stage, crowd: Crowd, given: dict[str, Any]) -> Point:
    enough = crowd.posted + _IN_FLIGHT + given["broadcasts"]
    end = monotonic() + given["patience"]
    watch = Watch(stage, crowd)
    watch.start()
    crowd.start_posting(_IN_FLIGHT)
    # Asked now and then: to be told at once, every delivery would have to look.
    while crowd.posted < enough and monotonic() < end:  # noqa: ASYNC110 - see above
        await asyncio.sleep(0.02)
    point = watch.stop(len(crowd.clients))
    crowd.stop_posting()
    return await settled_with_latency(crowd, point)


def _known(result: Result | None) -> bool:
    return result is not None and result.failure is None and bool(result.points)


def ratio(result: Result | None, usual: Result | None) -> tuple[str, float] | None:
    """Return how many times the clients of the usual consumer, with `≥ ` where it may be more.

    None where there is nothing to compare: one of them is not measured, or the usual consumer may
    have borne more clients itself.
    """
    if result is None or usual is None or not (_known(result) and _known(usual)):
        return None
    if at_least(usual):
        return None
    first = usual.cell.parameters["steps"][0]
    more = at_least(result) or not reached(usual)
    mark = tables.mark([*result.points, *usual.points])
    return mark + "≥ " * more, reached(result) / (reached(usual) or first)


def report(results: Sequence[Result], contenders: dict[str, Contender]) -> str:
    """Return a table of the most clients."""
    by_name = {result.cell.contender: result for result in results}
    rows: list[Sequence[str]] = []
    for result, contender in tables.by_server(results, contenders):
        title = (contender.server, contender.title)
        if not _known(result):
            rows.append((*title, tables.why_not(result)))
            continue
        clients = reached(result)
        first = result.cell.parameters["steps"][0]
        more = "≥ " * at_least(result)
        said = f"{more}{tables.thousands(clients)}" if clients or more else f"< {first}"
        times = ratio(result, by_name.get(contender.baseline or ""))
        last = result.points[-1]
        rows.append(
            (
                *title,
                tables.mark(result.points) + said,
                f"{times[0]}{times[1]:.1f}" if times else "",
                tables.generator_cpu([last]) + " (saturated)" * last.saturated,
                tables.faults(result),
            )
        )
    head = ("server", "contender", "clients", "times the usual")
    return tables.table((*head, "generator CPU, last step", "ended by"), rows, words=2)


def goals(results: Sequence[Result], contenders: dict[str, Contender]) -> Sequence[Goal]:
    """Return how many times the clients of the usual consumer the hub is to bear."""
    by_name = {result.cell.contender: result for result in results}
    found = []
    for server in ("daphne", "uvicorn"):
        ours, usual = by_name.get(f"hub-{server}"), by_name.get(f"usual-{server}")
        what = f"clients on {server}, times the usual consumer's"
        times = ratio(ours, usual)
        if times is None:
            why_not = tables.why_not(usual if _known(ours) else ours)
            found.append(Goal(what, "≥", 10, None, why_not=why_not))
        else:
            found.append(Goal(what, "≥", 10, times[1], times[0]))
    return found


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return how latency grows with the clients."""
    drawn = [
        chart.Line(
            f"{contender.title} ({contender.server})",
            [
                (point.load, point.latency.p95)
                for point in result.points
                if point.latency and point.sound
            ],
        )
        for result, contender in tables.by_server(results, contenders)
    ]
    drawn = [shown for shown in drawn if shown.points]
    if not drawn:
        return {}
    axes = chart.Axis("clients"), chart.Axis("p95, ms", log=True)
    return {"clients.svg": chart.lines("Four broadcasts in flight", *axes, drawn)}
