"""M4: what a session costs that is there and does nothing: memory, and processor time."""

import asyncio
from collections.abc import Iterable, Sequence

from benchmarks import proc, tables
from benchmarks.contenders.contender import Contender
from benchmarks.goals import Goal
from benchmarks.measures.measure import Say, Watch, line
from benchmarks.results import Cell, Result, Results
from benchmarks.stage import Stage

KEY = "M4"

_WHO = (
    *("hub-daphne", "hub-uvicorn", "usual-daphne", "usual-uvicorn", "asgi-daphne", "asgi-uvicorn"),
    *("socketio-uvicorn", "websockets-broadcast", "node-ws", "node-socketio"),
)
_QUICK = ("hub-uvicorn", "usual-uvicorn")
_ROOMS = 1000

# The first sessions load code, fill caches and start threads; that is the process's memory and not
# theirs.
_FIRST = 100

_SETTLE_SECONDS = 2.0

# In which all come, in parts: as long as servers wait between two pings of theirs. Where all come
# at once, some servers' pings go out together too, which costs less the faster they came.
_ARRIVAL_SECONDS = 20.0
_PARTS = 50

# After the last has come people are told of and rows are written, for seconds: not idleness.
_CALM_SECONDS = 20.0

# Servers and the hub ping each session every 20 seconds: a multiple of that has as many of them
# whenever it begins.
_IDLE_SECONDS = 60


def cells(quick: bool) -> Iterable[Cell]:
    """Return a cell for each contender, and for the hub one with many rooms."""
    parameters = {"sessions": 500, "idle": _IDLE_SECONDS // 3} if quick else {}
    parameters = {"sessions": 4000, "idle": _IDLE_SECONDS} | parameters
    for name in _QUICK if quick else _WHO:
        yield Cell(KEY, name, {**parameters, "rooms": 1})
        if name.startswith("hub") and not quick:
            yield Cell(KEY, name, {**parameters, "rooms": _ROOMS}, variant=f"rooms-{_ROOMS}")


async def measure(stage: Stage, result: Result, results: Results, say: Say) -> None:
    """Compare memory before and after most sessions came, then watch them do nothing."""
    given = result.cell.parameters
    sessions = given["sessions"]
    first = min(_FIRST, sessions // 2)
    crowd = stage.crowd(rooms=[f"bench{number}" for number in range(given["rooms"])])
    try:
        await crowd.connect(first, of=sessions)
        await asyncio.sleep(_SETTLE_SECONDS)
        before, kernel_before = stage.memory(), proc.kernel_memory()
        began = asyncio.get_running_loop().time()
        for part in range(_PARTS):
            count = len(range(first + part, sessions, _PARTS))
            await crowd.connect(count, of=sessions)
            due = began + min(_ARRIVAL_SECONDS, given["idle"] / 3) * (part + 1) / _PARTS
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        await asyncio.sleep(_SETTLE_SECONDS)
        after, kernel_after = stage.memory(), proc.kernel_memory()
        await asyncio.sleep(min(_CALM_SECONDS, given["idle"] / 3))
        watch = Watch(stage, crowd)
        watch.start()
        await asyncio.sleep(given["idle"])
        point = watch.stop(sessions)
        result.points.append(point)
        result.problems = crowd.problems()
    finally:
        await crowd.leave()
    more = sessions - first
    result.figures = {
        "process_bytes": (after - before) / more,
        # Both ends of each connection are on this machine.
        "kernel_bytes": (kernel_after - kernel_before) / more / 2,
        "cpu_of_10000": point.server_cpu * 10_000 / sessions,
    }
    say(
        f"  {result.figures['process_bytes']:,.0f} bytes of the process, "
        f"{result.figures['kernel_bytes']:,.0f} of the kernel, "
        f"{result.figures['cpu_of_10000']:.1%} of a core for 10 000"
    )
    say(line(point))


def report(results: Sequence[Result], contenders: dict[str, Contender]) -> str:
    """Return a row for each contender."""
    by_name = {result.cell.name: result for result in results}
    rows: list[Sequence[str]] = []
    for result, contender in tables.by_server(results, contenders):
        title = (contender.server, contender.title)
        figures = result.figures
        if not tables.quotable(result) or not figures:
            rows.append((*title, "", tables.why_not(result)))
            continue
        usual = by_name.get(f"{KEY}/{contender.baseline}")
        times = _times("process_bytes", result, usual)
        rows.append(
            (
                *title,
                str(result.cell.parameters["rooms"]),
                f"{(figures['process_bytes'] or 0) / 1024:.1f}",
                f"{times:.2f}" if times is not None else "",
                f"{(figures['kernel_bytes'] or 0) / 1024:.1f}",
                f"{tables.mark(result.points)}{figures['cpu_of_10000']:.1%}",
                tables.generator_cpu(result.points),
            )
        )
    head = (
        *("server", "contender", "rooms", "KiB of the process", "times the usual's"),
        *("KiB of the kernel", "core for 10 000", "generator CPU"),
    )
    return tables.table(head, rows, words=2)


def _times(figure: str, one: Result | None, other: Result | None) -> float | None:
    """Return how many times as much a figure of one is, None where either is not to be quoted."""
    if one is None or other is None or not (tables.quotable(one) and tables.quotable(other)):
        return None
    ours, theirs = one.figures.get(figure), other.figures.get(figure)
    return ours / theirs if ours is not None and theirs else None


def goals(results: Sequence[Result], contenders: dict[str, Contender]) -> Sequence[Goal]:
    """Return what memory and processor time of the hub's idle sessions are to be."""
    by_name = {result.cell.name: result for result in results}
    found = []
    for server in ("daphne", "uvicorn"):
        ours, usual = by_name.get(f"{KEY}/hub-{server}"), by_name.get(f"{KEY}/usual-{server}")
        many = by_name.get(f"{KEY}/hub-{server}--rooms-{_ROOMS}")
        memory = f"memory of an idle session on {server}, times the usual consumer's"
        cpu = f"processor time of idle sessions in {_ROOMS} rooms on {server}, times that in one"
        for what, limit, figure, one, other in (
            (memory, 0.9, "process_bytes", ours, usual),
            # Not to grow, as far as a minute can tell.
            (cpu, 1.1, "cpu_of_10000", many, ours),
        ):
            why_not = tables.why_not(other if tables.quotable(one) else one)
            found.append(Goal(what, "≤", limit, _times(figure, one, other), why_not=why_not))
    return found


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return nothing: a table says it all."""
    return {}
