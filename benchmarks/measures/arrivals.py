"""M5: how fast sessions get in, one after the other and all at once."""

import asyncio
from collections.abc import Iterable, Sequence
from time import monotonic

from benchmarks import tables
from benchmarks.contenders.contender import Contender
from benchmarks.measures.measure import Say
from benchmarks.results import Cell, Result, Results
from benchmarks.stage import Stage
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
    crowd = stage.crowd()
    began = monotonic()
    await crowd.connect(given["connects"], of=given["connects"])
    result.figures["connects_per_second"] = given["connects"] / (monotonic() - began)
    await crowd.leave()
    await asyncio.sleep(_SETTLE_SECONDS)
    crowd = stage.crowd()
    try:
        arrivals = await crowd.arrive(given["storm"], of=given["storm"], at_once=given["storm"])
    finally:
        await crowd.leave()
    failures = [arrival.failure for arrival in arrivals if arrival.failure is not None]
    result.problems = sorted(set(failures))[:10]
    waits = sorted(round(arrival.seconds * 1e9) for arrival in arrivals if not arrival.failure)
    result.figures["storm_failures"] = len(failures)
    if waits:
        result.figures["storm_p99_seconds"] = percentile(waits, 0.99) / 1e9
        result.figures["storm_all_in_seconds"] = waits[-1] / 1e9
    figures = ", ".join(f"{name} {value:,.2f}" for name, value in result.figures.items())
    say(f"  {figures}")


def report(results: Sequence[Result], contenders: dict[str, Contender]) -> str:
    """Return a row for each contender, and against an empty ASGI application."""
    all_in = {r.cell.contender: r.figures.get("storm_all_in_seconds") for r in results}
    rows: list[Sequence[str]] = []
    for result, contender in tables.by_server(results, contenders):
        title = (contender.server, contender.title)
        figures = result.figures
        last = figures.get("storm_all_in_seconds")
        if last is None:
            rows.append((*title, tables.why_not(result)))
            continue
        empty = all_in.get(f"asgi-{contender.server}")
        rows.append(
            (
                *title,
                tables.thousands(figures["connects_per_second"] or 0),
                tables.thousands(result.cell.parameters["storm"]),
                f"{figures['storm_failures']:.0f}",
                f"{figures['storm_p99_seconds']:.2f}",
                f"{last:.2f}",
                f"{last / empty:.2f}" if empty else "",
            )
        )
    head = (
        *("server", "contender", "connects/s", "at once", "failures", "p99 s", "all in s"),
        "times an empty ASGI application",
    )
    return tables.table(head, rows, words=2)


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return nothing: a table says it all."""
    return {}
