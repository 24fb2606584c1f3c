"""M3: how long messages take at a quarter, half and three quarters of one's own maximum.

A schedule says when each is posted, whatever has come back by then; latency counts from when it was
due.
"""

from collections.abc import Iterable, Sequence

from benchmarks import tables
from benchmarks.contenders.contender import Contender
from benchmarks.goals import Goal
from benchmarks.measures import deliveries
from benchmarks.measures.measure import Say, line, open_loop
from benchmarks.results import Cell, Point, Result, Results
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

# In milliseconds, at half the maximum.
_LIMITS = {"daphne": 60.0, "uvicorn": 25.0}


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
    maximum = deliveries.maximum(results, result)
    result.figures["maximum"] = maximum
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
        for share, point in _loads(result):
            latency = point.latency
            if latency is None or not point.sound:
                rows.append((*title, f"{share} %", tables.why_no_point(point)))
                continue
            rows.append(
                (
                    *title,
                    f"{share} %",
                    tables.marked(point, tables.thousands(point.deliveries_per_second)),
                    *map(tables.milliseconds, (latency.p50, latency.p99, latency.p999)),
                    f"{point.server_cpu:.0%}",
                    tables.generator_cpu([point]),
                )
            )
    head = ("server", "contender", "load", "deliveries/s", "p50 ms", "p99 ms", "p99.9 ms")
    return tables.table((*head, "server CPU", "generator CPU"), rows, words=2)


def _loads(result: Result) -> Iterable[tuple[int, Point]]:
    """Return each share of the maximum with what it came to."""
    return zip(result.cell.parameters["shares"], result.points, strict=False)


def goals(results: Sequence[Result], contenders: dict[str, Contender]) -> Sequence[Goal]:
    """Return what the 99th percentile is to be below at half the hub's maximum."""
    by_name = {result.cell.contender: result for result in results}
    found = []
    for name in (name for name in _WHO if name.startswith("hub")):
        contender, result = contenders[name], by_name.get(name)
        what = f"p99 ms at 50 %, {contender.title} on {contender.server}"
        point = dict(_loads(result)).get(50) if result is not None else None
        if point is None or point.latency is None or not point.sound:
            why_not = tables.why_not(result) if point is None else tables.why_no_point(point)
            found.append(Goal(what, "<", _LIMITS[contender.server], None, why_not=why_not))
            continue
        found.append(
            Goal(what, "<", _LIMITS[contender.server], point.latency.p99, tables.mark([point]))
        )
    return found


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return the 99th percentile over the load."""
    drawn = [
        chart.Line(
            f"{contender.title} ({contender.server})",
            [
                (share, point.latency.p99)
                for share, point in _loads(result)
                if point.latency and point.sound
            ],
        )
        for result, contender in tables.by_server(results, contenders)
    ]
    drawn = [shown for shown in drawn if shown.points]
    if not drawn:
        return {}
    axes = chart.Axis("% of one's own maximum"), chart.Axis("p99, ms", log=True)
    return {"latency.svg": chart.lines("Latency under load", *axes, drawn)}
