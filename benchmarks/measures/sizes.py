"""M2, the size of the room: what is delivered at most to 200 and to 2 000 sessions."""

from collections.abc import Iterable, Sequence

from benchmarks import tables
from benchmarks.contenders.contender import Contender
from benchmarks.goals import Goal
from benchmarks.measures import deliveries
from benchmarks.measures.measure import Say
from benchmarks.results import Cell, Result, Results
from benchmarks.stage import Stage

KEY = "M2size"

_SERVERS = ("daphne", "uvicorn")
_SESSIONS = (200, 2000)


def cells(quick: bool) -> Iterable[Cell]:
    """Return a cell for each size of the hub, held at one event per frame too, and of the usual."""
    if quick:
        return
    for server in _SERVERS:
        for name in (f"hub-{server}", f"hub-{server}-single", f"usual-{server}"):
            for count in _SESSIONS:
                yield Cell(KEY, name, deliveries.in_earnest(count), f"sessions-{count:04}")


async def measure(stage: Stage, result: Result, results: Results, say: Say) -> None:
    """Raise the load point by point, as for M2."""
    await deliveries.measure(stage, result, results, say)


def report(results: Sequence[Result], contenders: dict[str, Contender]) -> str:
    """Return a row for each contender and size."""
    best = {
        (result.cell.contender, result.cell.parameters["sessions"]): deliveries.best_of(result)
        for result in results
    }
    rows: list[Sequence[str]] = []
    for result, contender in tables.by_server(results, contenders):
        count = result.cell.parameters["sessions"]
        point = best[result.cell.contender, count]
        title = (contender.server, contender.title, tables.thousands(count))
        if point is None:
            rows.append((*title, tables.why_not(result)))
            continue
        usual = best.get((contender.baseline or "", count))
        latency = point.latency
        rows.append(
            (
                *title,
                tables.marked(point, tables.thousands(point.deliveries_per_second)),
                tables.thousands(point.deliveries_per_core_second),
                deliveries.times(point, usual),
                f"{point.load:g}",
                tables.milliseconds(latency.p50 if latency else None),
                tables.milliseconds(latency.p99 if latency else None),
                tables.generator_cpu([point]),
                tables.faults(result),
            )
        )
    head = (
        *("server", "contender", "sessions", "deliveries/s", "per core-second"),
        *("times the usual per core-second", "in flight", "p50 ms", "p99 ms", "generator CPU"),
        "ended by",
    )
    return tables.table(head, rows, words=2)


def goals(results: Sequence[Result], contenders: dict[str, Contender]) -> Sequence[Goal]:
    """Return none: those of M2 are for 500 sessions."""
    return []


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return no pictures: M2 and M9 have them."""
    return {}
