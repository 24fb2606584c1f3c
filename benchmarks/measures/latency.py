"""M3: how long messages take at a quarter, half and three quarters of one's own maximum.

A schedule says when each is posted, whatever has come back by then; latency counts from when it was
due.
"""

from collections.abc import Iterable, Sequence

from benchmarks import tables
from benchmarks.contenders.contender import Contender
from benchmarks.measures import deliveries
from benchmarks.measures.measure import Say, line, open_loop
from benchmarks.results import Cell, Result, Results
from benchmarks.stage import Stage
from chat.load import chart

KEY = "M3"

_WHO = (
    *("hub-daphne", "hub-uvicorn", "hub-daphne-single", "hub-uvicorn-single"),
    *("hub-daphne-postgres-redis", "hub-uvicorn-postgres-redis"),
    *("usual-daphne", "usual-uvicorn", "asgi-daphne", "asgi-uvicorn", "socketio-uvicorn"),
    *("websockets-broadcast", "node-ws", "node-socketio"),
)
_QUICK = ("hub-daphne", "hub-uvicorn")

GOALS = {"daphne": 60.0, "uvicorn": 25.0}
"""What the 99th percentile of the hub is to be below at half its maximum, in milliseconds."""


def cells(quick: bool) -> Iterable[Cell]:
    """Return a cell for each contender; the sessions are those of its maximum."""
    if quick:
        parameters = {"sessions": 200, "shares": [50], "warm_up": 0.5, "measured": 3}
    else:
        parameters = {"sessions": 500, "shares": [25, 50, 75], "warm_up": 2, "measured": 10}
    for name in _QUICK if quick else _WHO:
        yield Cell(KEY, name, parameters)


async def measure(stage: Stage, result: Result, results: Results, say: Say) -> None:
    """Post at each share of the maximum that was measured before."""
    given = result.cell.parameters
    maximum = deliveries.maximum(results, result.cell.contender)
    crowd = stage.crowd()
    try:
        await crowd.connect(given["sessions"], of=given["sessions"])
        for share in given["shares"]:
            rate = maximum * share / 100 / given["sessions"]
            point = await open_loop(stage, crowd, rate, given["warm_up"], given["measured"])
            result.points.append(point)
            say(line(point))
            if point.problems:
                break
            if point.latency is not None:
                result.figures[f"p99_at_{share}"] = point.latency.p99
    finally:
        await crowd.leave()


def report(results: Sequence[Result], contenders: dict[str, Contender]) -> str:
    """Return a row for each contender and share."""
    rows: list[Sequence[str]] = []
    for result, contender in tables.by_server(results, contenders):
        title = (contender.server, contender.title)
        if not result.points:
            rows.append((*title, tables.why_not(result)))
        for share, point in zip(result.cell.parameters["shares"], result.points, strict=False):
            quoted = point.latency is not None and not point.saturated and not point.problems
            latency = point.latency if quoted else None
            times = (
                [tables.milliseconds(at) for at in (latency.p50, latency.p99, latency.p999)]
                if latency
                else [tables.why_not(result)]
            )
            goal = GOALS.get(contender.server) if share == 50 else None
            promised = f"{goal:g}" if goal and result.cell.contender.startswith("hub") else ""
            rows.append(
                (
                    *title,
                    f"{share} %",
                    tables.marked(point, tables.thousands(point.deliveries_per_second)),
                    *(times + [""] * (3 - len(times))),
                    promised,
                )
            )
    head = ("server", "contender", "load", "deliveries/s", "p50 ms", "p99 ms", "p99.9 ms", "goal")
    return tables.table(head, rows, words=2)


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return the 99th percentile over the load."""
    drawn = [
        chart.Line(
            f"{contender.title} ({contender.server})",
            [
                (share, point.latency.p99)
                for share, point in zip(
                    result.cell.parameters["shares"], result.points, strict=False
                )
                if point.latency
            ],
        )
        for result, contender in tables.by_server(results, contenders)
    ]
    drawn = [shown for shown in drawn if shown.points]
    if not drawn:
        return {}
    axes = chart.Axis("% of one's own maximum"), chart.Axis("p99, ms", log=True)
    return {"latency.svg": chart.lines("Latency under load", *axes, drawn)}
