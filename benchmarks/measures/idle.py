"""M4: what a session costs that is there and does nothing: memory, and processor time."""

import asyncio
from collections.abc import Iterable, Sequence
from time import monotonic

from benchmarks import proc, tables
from benchmarks.contenders.contender import Contender
from benchmarks.measures.measure import Say
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


def cells(quick: bool) -> Iterable[Cell]:
    """Return a cell for each contender, and for the hub one with many rooms."""
    parameters = {"sessions": 500, "idle": 3} if quick else {"sessions": 4000, "idle": 30}
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
        await crowd.connect(sessions - first, of=sessions)
        await asyncio.sleep(_SETTLE_SECONDS)
        after, kernel_after = stage.memory(), proc.kernel_memory()
        began, used = monotonic(), stage.cpu_seconds()
        await asyncio.sleep(given["idle"])
        share = (stage.cpu_seconds() - used) / (monotonic() - began)
        result.problems = crowd.problems()
    finally:
        await crowd.leave()
    more = sessions - first
    result.figures = {
        "process_bytes": (after - before) / more,
        # Both ends of each connection are on this machine.
        "kernel_bytes": (kernel_after - kernel_before) / more / 2,
        "cpu_of_10000": share * 10_000 / sessions,
    }
    say(
        f"  {result.figures['process_bytes']:,.0f} bytes of the process, "
        f"{result.figures['kernel_bytes']:,.0f} of the kernel, "
        f"{result.figures['cpu_of_10000']:.1%} of a core for 10 000"
    )


def report(results: Sequence[Result], contenders: dict[str, Contender]) -> str:
    """Return a row for each contender."""
    memory = {
        result.cell.contender: result.figures.get("process_bytes")
        for result in results
        if not result.cell.variant
    }
    rows: list[Sequence[str]] = []
    for result, contender in tables.by_server(results, contenders):
        title = (contender.server, contender.title)
        figures = result.figures
        if result.all_problems or not figures:
            rows.append((*title, "", tables.why_not(result)))
            continue
        process, usual = figures["process_bytes"], memory.get(contender.baseline or "")
        rows.append(
            (
                *title,
                str(result.cell.parameters["rooms"]),
                f"{(process or 0) / 1024:.1f}",
                f"{process / usual:.2f}" if process and usual else "",
                f"{(figures['kernel_bytes'] or 0) / 1024:.1f}",
                f"{figures['cpu_of_10000']:.1%}",
            )
        )
    head = (
        *("server", "contender", "rooms", "KiB per session", "times the usual"),
        *("kernel KiB", "core for 10 000"),
    )
    return tables.table(head, rows, words=2)


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return nothing: a table says it all."""
    return {}
