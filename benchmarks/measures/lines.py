"""M2line: what each word of the documented start lines is worth.

Deliveries at 640 posts on their way to 500 sessions; and the seconds until 4 000 who come at once
are in.
"""

from collections.abc import Iterable, Sequence

from benchmarks import tables
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.hub.lines import LINES
from benchmarks.goals import Goal
from benchmarks.measures.measure import Say, at_each_load
from benchmarks.results import Cell, Result, Results
from benchmarks.stage import Stage

KEY = "M2line"

_IN = "all_in_seconds"


def cells(quick: bool) -> Iterable[Cell]:
    """Return a cell for each documented start line, and for each with one word changed."""
    if quick:
        return
    parameters = {"sessions": 500, "in_flight": [640], "warm_up": 2, "measured": 8}
    parameters |= {"longest": 30, "storm": 4000}
    for name, lines in LINES.items():
        yield Cell(KEY, name, parameters)
        for ending in lines:
            yield Cell(KEY, f"{name}-line-{ending}", parameters)


async def measure(stage: Stage, result: Result, results: Results, say: Say) -> None:
    """Load one room; then let a crowd in at once."""
    given = result.cell.parameters
    crowd = stage.crowd()
    try:
        await crowd.connect(given["sessions"], of=given["sessions"])
        await at_each_load(stage, crowd, result, say)
    finally:
        await crowd.leave()
    storm = stage.crowd()
    try:
        arrivals = await storm.arrive(given["storm"], of=given["storm"], at_once=given["storm"])
    finally:
        await storm.leave()
    refused = [arrival.failure for arrival in arrivals if arrival.failure is not None]
    if refused:
        result.problems.append(f"{len(refused)} did not get in, the first: {refused[0]}")
    result.figures[_IN] = max(arrival.seconds for arrival in arrivals)
    say(f"  {given['storm']} in after {result.figures[_IN]:.2f} s")


def report(results: Sequence[Result], contenders: dict[str, Contender]) -> str:
    """Return a row for each start line, with its ratios to the documented one."""
    by_name = {result.cell.contender: result for result in results}
    rows: list[Sequence[str]] = []
    for result, contender in tables.by_server(results, contenders):
        documented = result.cell.contender in LINES
        title = (contender.server, "as documented" if documented else contender.title)
        if not tables.quotable(result) or not result.points:
            rows.append((*title, tables.why_not(result)))
            continue
        (point,) = result.points
        base = by_name.get(result.cell.contender if documented else contender.baseline or "")
        rows.append(
            (
                *title,
                tables.marked(point, tables.thousands(point.deliveries_per_core_second)),
                _ratio(point.deliveries_per_core_second, _rate(base)),
                f"{result.figures[_IN]:.2f}",
                _ratio(result.figures[_IN], base.figures.get(_IN) if base else None),
                tables.generator_cpu([point]),
            )
        )
    head = (
        *("server", "start line", "deliveries per core-second", "times the documented"),
        *("4 000 at once: all in s", "times the documented", "generator CPU"),
    )
    return tables.table(head, rows, words=2)


def _rate(result: Result | None) -> float | None:
    if result is None or not tables.quotable(result) or not result.points:
        return None
    return result.points[0].deliveries_per_core_second


def _ratio(ours: float | None, theirs: float | None) -> str:
    return f"{ours / theirs:.2f}" if ours and theirs else ""


def goals(results: Sequence[Result], contenders: dict[str, Contender]) -> Sequence[Goal]:
    """Return none: this is what the documentation advises by."""
    return []


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return no pictures."""
    return {}
