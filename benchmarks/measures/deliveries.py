"""M2: deliveries for each second of processor time, each contender at its own best load."""

import fnmatch
from collections.abc import Iterable, Sequence

from benchmarks import tables
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.registry import rivals
from benchmarks.goals import Goal
from benchmarks.measures.measure import Say, closed_loop, line
from benchmarks.results import Cell, Point, Result, Results
from benchmarks.stage import Stage
from chat.load import chart

KEY = "M2"

_QUICK = (
    *("hub-daphne", "hub-uvicorn", "hub-daphne-single", "hub-uvicorn-single"),
    *("usual-daphne", "usual-uvicorn", "asgi-daphne", "asgi-uvicorn"),
    *("socketio-uvicorn", "websockets-broadcast", "uvloop-writer", "node-ws", "node-socketio"),
)


def cells(quick: bool) -> Iterable[Cell]:
    """Return a cell for each rival."""
    if quick:
        parameters = _parameters([10, 160], 200, warm_up=0.5, measured=1.5, longest=4)
    else:
        parameters = in_earnest(500)
    for name in _QUICK if quick else rivals():
        yield Cell(KEY, name, parameters)


def in_earnest(sessions: int) -> dict[str, object]:
    """Return what is measured where time does not matter, of so many sessions."""
    return _parameters([1, 4, 10, 40, 160, 640], sessions, warm_up=2, measured=6, longest=40)


def _parameters(
    loads: list[int], sessions: int, warm_up: float, measured: float, longest: float
) -> dict[str, object]:
    return {
        "in_flight": loads,
        "sessions": sessions,
        "warm_up": warm_up,
        "measured": measured,
        "longest": longest,
        "longest_wait": 3,
    }


async def measure(stage: Stage, result: Result, results: Results, say: Say) -> None:
    """Raise the load point by point; ends early where a message would wait for seconds.

    Nobody chats at that pace, there would be too few cycles to count, and the in-memory layer
    forgets messages after 60 s and takes their receivers out of the group.
    """
    given = result.cell.parameters
    sessions, longest_wait = given["sessions"], given["longest_wait"]
    crowd = stage.crowd()
    try:
        await crowd.connect(sessions, of=sessions)
        best = 0.0
        for in_flight in given["in_flight"]:
            if best and in_flight * sessions / best > longest_wait:
                break
            point = await closed_loop(stage, crowd, in_flight, given)
            result.points.append(point)
            say(line(point))
            if point.problems:
                break
            best = max(best, point.deliveries_per_second)
    finally:
        await crowd.leave()
    top = best_of(result)
    if top is not None:
        result.figures = {
            "deliveries_per_second": top.deliveries_per_second,
            "deliveries_per_core_second": top.deliveries_per_core_second,
        }


def best_of(result: Result | None) -> Point | None:
    """Return the point with most deliveries a second of those that may be quoted.

    One of few cycles only where there is no other: of such the luckiest would win.
    """
    points = result.points if result is not None and result.failure is None else []
    return max(
        (point for point in points if point.sound),
        key=lambda point: (not point.rough, point.deliveries_per_second),
        default=None,
    )


def maximum(results: Results, result: Result) -> float:
    """Return what the contender of a result delivers a second at best, as measured before.

    Raises LookupError where that has not been measured of the same commit, machine and seed.
    """
    contender = result.cell.contender
    found = results.find(KEY, contender)
    point = best_of(found) if found is not None and found.origin == result.origin else None
    if point is None:
        raise LookupError(
            f"{KEY} of {contender} has to be measured first, with a generator that keeps up"
        )
    return point.deliveries_per_second


def still_the_maximum(result: Result, results: Results) -> bool:
    """Say whether a result was not measured by a maximum that has been measured again since."""
    by = result.figures.get("maximum")
    try:
        return by is None or by == maximum(results, result)
    except LookupError:
        return False


# The second is whoever has such a name and delivers most.
_GOALS = (
    ("hub-daphne", "usual-daphne*", 150.0),
    ("hub-uvicorn", "usual-uvicorn*", 400.0),
    ("hub-daphne-single", "usual-daphne*", 12.0),
    ("hub-uvicorn-single", "usual-uvicorn*", 30.0),
    ("hub-daphne-single", "asgi-daphne", 0.85),
    ("hub-uvicorn-single", "asgi-uvicorn", 0.85),
    ("hub-uvicorn", "uvloop-writer", 3.0),
)


def report(results: Sequence[Result], contenders: dict[str, Contender]) -> str:
    """Return a row for each contender."""
    by_name = {result.cell.contender: result for result in results}
    rows: list[Sequence[str]] = []
    for result, contender in tables.by_server(results, contenders):
        best = best_of(result)
        title = (contender.server, contender.title)
        if best is None:
            rows.append((*title, tables.why_not(result)))
            continue
        latency = best.latency
        # More came with a load at which the generator was busy all the time: that is not quoted.
        more = any(
            point.saturated and point.deliveries_per_second > best.deliveries_per_second
            for point in result.points
        )
        usual = best_of(by_name.get(contender.baseline or ""))
        rows.append(
            (
                *title,
                "≥ " * more
                + tables.marked(best, tables.thousands(best.deliveries_per_core_second)),
                "≥ " * more + tables.thousands(best.deliveries_per_second),
                times(best, usual),
                f"{best.load:g}",
                tables.milliseconds(latency.p50 if latency else None),
                tables.milliseconds(latency.p99 if latency else None),
                f"{best.server_cpu:.0%}",
                f"{best.services_cpu:.0%}" if contender.needs else "",
                tables.generator_cpu([best]),
                tables.faults(result),
            )
        )
    head = (
        *("server", "contender", "deliveries per core-second", "deliveries/s", "times the usual"),
        *("in flight", "p50 ms", "p99 ms", "server CPU", "services CPU", "generator CPU"),
        "ended by",
    )
    return tables.table(head, rows, words=2)


def times(ours: Point, theirs: Point | None) -> str:
    """Return how many times as much is delivered for each second of processor time."""
    if theirs is None:
        return ""
    ratio = ours.deliveries_per_core_second / theirs.deliveries_per_core_second
    return f"{tables.mark([ours, theirs])}{ratio:.1f}"


def goals(results: Sequence[Result], contenders: dict[str, Contender]) -> Sequence[Goal]:
    """Return how many times as much is to be delivered for each second of processor time."""
    by_name = {result.cell.contender: result for result in results}
    found = []
    for one, pattern, limit in _GOALS:
        # Of a quick run not all are there.
        others = fnmatch.filter(by_name, pattern) or fnmatch.filter(contenders, pattern)[:1]
        best = {name: best_of(by_name.get(name)) for name in (one, *others)}
        missing = [name for name, point in best.items() if point is None]
        rate = {name: point.deliveries_per_core_second for name, point in best.items() if point}
        other = max(others, key=lambda name: rate.get(name, 0.0))
        what = (
            f"{contenders[one].title} on {contenders[one].server}, times {contenders[other].title}"
        )
        if missing:
            why_not = tables.why_not(by_name.get(missing[0]))
            found.append(Goal(what, "≥", limit, None, why_not=why_not))
            continue
        points = [point for name in (one, other) if (point := best[name])]
        found.append(Goal(what, "≥", limit, rate[one] / rate[other], tables.mark(points)))
    return found


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return one bar for each contender."""
    bars = []
    for result, contender in tables.by_server(results, contenders):
        best = best_of(result)
        if best is not None:
            label = f"{contender.title} ({contender.server})"
            ours = result.cell.contender.startswith("hub")
            bars.append(chart.Bar(label, best.deliveries_per_core_second, strong=ours))
    return {"deliveries.svg": chart.bars("Deliveries per core-second", bars)} if bars else {}
