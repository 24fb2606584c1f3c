"""M5: how fast sessions get in, one after the other and all at once."""

import asyncio
from collections.abc import Iterable, Sequence

import msgspec

from benchmarks import tables
from benchmarks.contenders.contender import Contender
from benchmarks.goals import Goal
from benchmarks.measures.measure import Say, Watch, line
from benchmarks.results import Cell, Result, Results
from benchmarks.stage import Stage
from chat.load.crowd import CONNECTING_AT_ONCE, Arrival
from chat.load.percentiles import percentile

KEY = "M5"

_WHO = (
    *("hub-daphne", "hub-uvicorn", "usual-daphne", "usual-uvicorn", "asgi-daphne", "asgi-uvicorn"),
    *("socketio-uvicorn", "websockets-broadcast", "node-ws", "node-socketio"),
)
_QUICK = ("hub-daphne", "hub-uvicorn", "asgi-daphne", "asgi-uvicorn")

# Those who came first have left, and the server is done with that.
_SETTLE_SECONDS = 2.0


def cells(quick: bool) -> Iterable[Cell]:
    """Return a cell for each contender."""
    parameters = {"connects": 300, "storm": 1000} if quick else {"connects": 2000, "storm": 4000}
    for name in _QUICK if quick else _WHO:
        yield Cell(KEY, name, parameters)


async def measure(stage: Stage, result: Result, results: Results, say: Say) -> None:
    """Let some in, a few at a time; then, when they have left, a crowd at once."""
    given = result.cell.parameters
    await _arrive(stage, result, given["connects"], CONNECTING_AT_ONCE)
    result.figures["connects_per_second"] = given["connects"] / result.points[-1].seconds
    await asyncio.sleep(_SETTLE_SECONDS)
    storm = await _arrive(stage, result, given["storm"], given["storm"])
    waits = sorted(round(arrival.seconds * 1e9) for arrival in storm if not arrival.failure)
    if waits:
        result.figures["storm_p99_seconds"] = percentile(waits, 0.99) / 1e9
        result.figures["storm_all_in_seconds"] = waits[-1] / 1e9
    for point in result.points:
        say(line(point))
    figures = ", ".join(f"{name} {value:,.2f}" for name, value in result.figures.items())
    say(f"  {figures}")


def failures(arrivals: Sequence[Arrival], connected: Sequence[bool]) -> int:
    """Return how many did not get in, or are no longer there when all have arrived."""
    fared = zip(arrivals, connected, strict=True)
    return sum(arrival.failure is not None or not there for arrival, there in fared)


async def _arrive(stage: Stage, result: Result, count: int, at_once: int) -> list[Arrival]:
    """Let a crowd in and out again; enter what it took and what went wrong as a point."""
    crowd = stage.crowd()
    watch = Watch(stage, crowd)
    watch.start()
    try:
        arrivals = await crowd.arrive(count, of=count, at_once=at_once)
        point = watch.stop(count)
        lost = failures(arrivals, [client.connected for client in crowd.clients])
        result.figures["failures"] = (result.figures.get("failures") or 0) + lost
        problems = crowd.problems()
    finally:
        await crowd.leave()
    refused = [arrival.failure for arrival in arrivals if arrival.failure is not None]
    if refused:
        problems.append(f"{len(refused)} did not get in, the first: {refused[0]}")
    result.points.append(msgspec.structs.replace(point, problems=problems))
    return arrivals


def report(results: Sequence[Result], contenders: dict[str, Contender]) -> str:
    """Return a row for each contender, and against an empty ASGI application."""
    by_name = {result.cell.contender: result for result in results}
    rows: list[Sequence[str]] = []
    for result, contender in tables.by_server(results, contenders):
        title = (contender.server, contender.title)
        if not tables.quotable(result) or not result.figures:
            rows.append((*title, tables.why_not(result)))
            continue
        figures = {name: value or 0.0 for name, value in result.figures.items()}
        few, storm = result.points
        times = _times(result, by_name.get(f"asgi-{contender.server}"))
        rows.append(
            (
                *title,
                tables.marked(few, tables.thousands(figures["connects_per_second"])),
                tables.thousands(storm.load),
                f"{figures['storm_p99_seconds']:.2f}",
                tables.marked(storm, f"{figures['storm_all_in_seconds']:.2f}"),
                f"{times:.2f}" if times else "",
                tables.generator_cpu(result.points),
            )
        )
    head = (
        *("server", "contender", "connects/s", "at once", "p99 s", "all in s"),
        *("times an empty ASGI application", "generator CPU"),
    )
    return tables.table(head, rows, words=2)


def _times(result: Result | None, empty: Result | None) -> float | None:
    """Return how many times as long it takes until all are in as with an empty application."""
    if result is None or empty is None or not (tables.quotable(result) and tables.quotable(empty)):
        return None
    ours = result.figures.get("storm_all_in_seconds")
    theirs = empty.figures.get("storm_all_in_seconds")
    return ours / theirs if ours and theirs else None


def goals(results: Sequence[Result], contenders: dict[str, Contender]) -> Sequence[Goal]:
    """Return that all of a storm are to get in, and how fast."""
    by_name = {result.cell.contender: result for result in results}
    found = []
    for server in ("daphne", "uvicorn"):
        ours, empty = by_name.get(f"hub-{server}"), by_name.get(f"asgi-{server}")
        failures = ours.figures.get("failures") if ours is not None else None
        what = f"failures of 4 000 at once on {server}"
        found.append(Goal(what, "≤", 0, failures, why_not=tables.why_not(ours)))
        what = f"seconds until 4 000 are in on {server}, times an empty ASGI application"
        why_not = tables.why_not(empty if tables.quotable(ours) else ours)
        found.append(Goal(what, "≤", 1.3, _times(ours, empty), why_not=why_not))
    return found


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return nothing: a table says it all."""
    return {}
