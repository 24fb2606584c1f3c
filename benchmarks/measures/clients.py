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
from benchmarks.measures.measure import Say, Watch, line, settled_point
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

# What the text needs before its padding begins.
_NEEDED = 48


def cells(quick: bool) -> Iterable[Cell]:
    """Return a cell for each contender that has one room for all."""
    parameters = {"step": 500, "most": 1500 if quick else 12_000}
    parameters |= {"padding": 200, "limit_ms": 500, "broadcasts": 100}
    for name in _QUICK if quick else _WHO:
        yield Cell(KEY, name, {**parameters, "patience": 4 if quick else 15})


async def measure(stage: Stage, result: Result, results: Results, say: Say) -> None:
    """Add clients until it takes too long, something goes wrong, or there are `most`."""
    given = result.cell.parameters
    crowd = stage.crowd(text_bytes=_NEEDED + given["padding"])
    reached = 0
    try:
        for count in range(given["step"], given["most"] + 1, given["step"]):
            await crowd.connect(given["step"], of=given["most"])
            point = await _step(stage, crowd, given)
            result.points.append(point)
            say(line(point))
            latency = point.latency
            if point.problems or latency is None or latency.p95 > given["limit_ms"]:
                break
            if not point.saturated:
                reached = count
    finally:
        await crowd.leave()
    result.figures = {"clients": reached}


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
    return await settled_point(crowd, point)


def report(results: Sequence[Result], contenders: dict[str, Contender]) -> str:
    """Return a table of the most clients."""
    clients = {result.cell.contender: result.figures.get("clients") for result in results}
    rows: list[Sequence[str]] = []
    for result, contender in tables.by_server(results, contenders):
        title = (contender.server, contender.title)
        reached, usual = result.figures.get("clients"), clients.get(contender.baseline or "")
        if not reached:
            rows.append((*title, tables.why_not(result)))
            continue
        more = "≥ " * (reached >= result.cell.parameters["most"])
        ratio = f"{more}{reached / usual:.1f}" if usual else ""
        rows.append((*title, f"{more}{tables.thousands(reached)}", ratio))
    return tables.table(("server", "contender", "clients", "times the usual"), rows, words=2)


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return how latency grows with the clients."""
    drawn = [
        chart.Line(
            f"{contender.title} ({contender.server})",
            [(point.load, point.latency.p95) for point in result.points if point.latency],
        )
        for result, contender in tables.by_server(results, contenders)
    ]
    drawn = [shown for shown in drawn if shown.points]
    if not drawn:
        return {}
    axes = chart.Axis("clients"), chart.Axis("p95, ms", log=True)
    return {"clients.svg": chart.lines("Four broadcasts in flight", *axes, drawn)}
