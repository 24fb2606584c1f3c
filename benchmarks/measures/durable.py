"""M7: durable posts, as many as go in, and at a thousand a second. Few listen."""

from collections.abc import Iterable, Sequence

from benchmarks import tables
from benchmarks.contenders.contender import Contender
from benchmarks.measures.measure import Say, closed_loop, line, open_loop
from benchmarks.results import Cell, Result, Results
from benchmarks.stage import Stage

KEY = "M7"

_WHO = ("hub-daphne", "hub-uvicorn", "hub-daphne-postgres", "hub-uvicorn-postgres")

GOALS = (8_000.0, 50.0)
"""Posts a second, and the 99th percentile of acknowledgements in milliseconds at 1 000 a second."""


def cells(quick: bool) -> Iterable[Cell]:
    """Return a cell for each contender that stores."""
    parameters = {"sessions": 8, "in_flight": [640], "rate": 1000}
    parameters |= {"warm_up": 0.5, "measured": 2.5} if quick else {"warm_up": 2, "measured": 10}
    for name in _WHO[:2] if quick else _WHO:
        yield Cell(KEY, name, parameters)


async def measure(stage: Stage, result: Result, results: Results, say: Say) -> None:
    """Post whenever an acknowledgement comes; then by the clock."""
    given = result.cell.parameters
    warm_up, measured = given["warm_up"], given["measured"]
    crowd = stage.crowd()
    try:
        await crowd.connect(given["sessions"], of=given["sessions"])
        for in_flight in given["in_flight"]:
            point = await closed_loop(stage, crowd, in_flight, warm_up, measured, pace="ack")
            result.points.append(point)
            say(line(point))
        point = await open_loop(stage, crowd, given["rate"], warm_up, measured)
        result.points.append(point)
        say(line(point))
    finally:
        await crowd.leave()
    posts = max(point.posts / point.seconds for point in result.points[:-1])
    acks = result.points[-1].ack_latency
    result.figures = {"posts_per_second": posts, "ack_p99": acks.p99 if acks else None}


def report(results: Sequence[Result], contenders: dict[str, Contender]) -> str:
    """Return a row for each contender."""
    rows: list[Sequence[str]] = []
    for result, contender in tables.by_server(results, contenders):
        title = (contender.server, contender.title)
        figures = result.figures
        if result.all_problems or not figures:
            rows.append((*title, tables.why_not(result)))
            continue
        top, steady = result.points[0], result.points[-1]
        # Where the generator was busy all the time, the hub may be able to do more.
        more = "≥ " * top.saturated
        posts = figures["posts_per_second"] or 0.0
        acks = steady.ack_latency
        rows.append(
            (
                *title,
                tables.marked(top, f"{more}{tables.thousands(posts)}"),
                tables.milliseconds(acks.p50 if acks else None),
                tables.milliseconds(acks.p99 if acks else None),
                f"{top.server_cpu:.0%}",
                f"{top.services_cpu:.0%}" if contender.needs else "",
                f"{top.generator_cpu:.0%}",
            )
        )
    head = (
        *("server", "contender", "posts/s", "ack p50 ms at 1 000/s", "ack p99 ms at 1 000/s"),
        *("server CPU", "services CPU", "generator CPU"),
    )
    posts, wait = GOALS
    goals = f"Goals: {tables.thousands(posts)} posts/s; p99 at most {wait:g} ms."
    return f"{tables.table(head, rows, words=2)}\n\n{goals}"


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return nothing: a table says it all."""
    return {}
