"""M7: durable posts, as many as go in, and at a thousand a second. Few listen."""

from collections.abc import Iterable, Sequence

from benchmarks import tables
from benchmarks.contenders.contender import Contender
from benchmarks.goals import Goal
from benchmarks.measures.measure import Say, at_each_load, line, open_loop
from benchmarks.results import Cell, Point, Result, Results
from benchmarks.stage import Stage

KEY = "M7"

_WHO = ("hub-daphne", "hub-uvicorn", "hub-daphne-postgres", "hub-uvicorn-postgres")
_BESIDE = ("hub-daphne-files", "hub-uvicorn-files")

_POSTS_A_SECOND, _ACK_MS = 8_000.0, 50.0


def cells(quick: bool) -> Iterable[Cell]:
    """Return a cell for each contender that stores."""
    parameters = {"sessions": 8, "in_flight": [640], "rate": 1000}
    parameters |= {"warm_up": 0.5, "measured": 2.5} if quick else {"warm_up": 2, "measured": 10}
    for name in _WHO[:2] if quick else (*_WHO, *_BESIDE):
        yield Cell(KEY, name, {**parameters, "longest": 20})


async def measure(stage: Stage, result: Result, results: Results, say: Say) -> None:
    """Post whenever an acknowledgement comes; then by the clock."""
    given = result.cell.parameters
    crowd = stage.crowd()
    try:
        await crowd.connect(given["sessions"], of=given["sessions"])
        await at_each_load(stage, crowd, result, say, pace="ack")
        point = await open_loop(stage, crowd, given["rate"], given["warm_up"], given["measured"])
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
        if not result.figures or result.all_problems:
            rows.append((*title, tables.why_not(result)))
            continue
        top, steady = result.points[0], result.points[-1]
        acks = steady.ack_latency if steady.sound else None
        ack_times = (
            (
                tables.milliseconds(acks.p50),
                tables.marked(steady, tables.milliseconds(acks.p99)),
                tables.milliseconds(acks.p999),
            )
            if acks
            else (tables.why_no_point(steady), "", "")
        )
        rows.append(
            (
                *title,
                _mark(top) + tables.thousands(result.figures["posts_per_second"] or 0.0),
                *ack_times,
                f"{top.server_cpu:.0%}",
                f"{top.services_cpu:.0%}" if contender.needs else "",
                *(tables.generator_cpu([point]) for point in (top, steady)),
            )
        )
    head = (
        *("server", "contender", "posts/s", "ack p50 ms at 1 000/s", "p99", "p99.9"),
        *("server CPU", "services CPU", "generator CPU", "generator CPU at 1 000/s"),
    )
    return tables.table(head, rows, words=2)


def _mark(top: Point) -> str:
    # Where the generator was busy all the time, the hub may be able to do more.
    return tables.mark([top]) + "≥ " * top.saturated


def goals(results: Sequence[Result], contenders: dict[str, Contender]) -> Sequence[Goal]:
    """Return how many posts each database is to take, and how soon it is to have them."""
    by_name = {result.cell.contender: result for result in results}
    found = []
    for name in _WHO:
        contender, result = contenders[name], by_name.get(name)
        title = f"{contender.title} on {contender.server}"
        why_not = tables.why_not(result)
        posts = acks = None
        mark = ack_mark = ""
        if result is not None and result.figures and not result.all_problems:
            top, steady = result.points[0], result.points[-1]
            posts, mark = result.figures["posts_per_second"], _mark(top)
            if steady.sound:
                acks, ack_mark = result.figures["ack_p99"], tables.mark([steady])
        found.append(Goal(f"posts/s, {title}", "≥", _POSTS_A_SECOND, posts, mark, why_not))
        found.append(
            Goal(f"ack p99 ms at 1 000 posts/s, {title}", "≤", _ACK_MS, acks, ack_mark, why_not)
        )
    return found


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return nothing: a table says it all."""
    return {}
