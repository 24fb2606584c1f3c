"""M4: what a session costs that is there and does nothing: memory, and processor time."""

import asyncio
from collections.abc import Iterable, Sequence

from benchmarks import proc, tables
from benchmarks.contenders.contender import Contender
from benchmarks.goals import Goal
from benchmarks.measures.measure import Say, Watch, line
from benchmarks.results import Cell, Result, Results
from benchmarks.stage import Stage
from chat.load.crowd import Crowd

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
            rooms = {"rooms": _ROOMS}
            yield Cell(KEY, name, {**parameters, **rooms}, variant=f"rooms-{_ROOMS}", processes=2)


async def measure(stage: Stage, result: Result, results: Results, say: Say) -> None:
    """Compare memory before and after most sessions came, then watch them do nothing.

    Many rooms are those of one process, beside which another has one: of the same minute, as from
    one to the next the machine changes by more than rooms cost.
    """
    given = result.cell.parameters
    sessions = given["sessions"]
    first = min(_FIRST, sessions // 2)
    pids = [server.pid for server in stage.servers]
    crowds = [
        stage.crowd(rooms=[f"bench{rooms}-{number}" for number in range(rooms)], before=[server])
        for rooms, server in zip((given["rooms"], 1), stage.servers)  # noqa: B905 - or one process
    ]
    try:
        for crowd in crowds:
            await crowd.connect(first, of=sessions)
        await asyncio.sleep(_SETTLE_SECONDS)
        before, kernel_before = proc.memory(pids[0]), proc.kernel_memory()
        await _arrive(crowds, first, sessions, min(_ARRIVAL_SECONDS, given["idle"] / 3))
        await asyncio.sleep(_SETTLE_SECONDS)
        after, kernel_after = proc.memory(pids[0]), proc.kernel_memory()
        await asyncio.sleep(min(_CALM_SECONDS, given["idle"] / 3))
        watch = Watch(stage, crowds[0])
        watch.start()
        used_before = [proc.cpu_seconds(pid) for pid in pids]
        await asyncio.sleep(given["idle"])
        used = [proc.cpu_seconds(pid) - old for pid, old in zip(pids, used_before, strict=True)]
        point = watch.stop(sessions)
        result.points.append(point)
        result.problems = [problem for crowd in crowds for problem in crowd.problems()]
    finally:
        for crowd in crowds:
            await crowd.leave()
    shares = [seconds / point.seconds * 10_000 / sessions for seconds in used]
    result.figures = {"cpu_of_10000": shares[0]}
    say(f"  {shares[0]:.1%} of a core for 10 000")
    if len(shares) > 1:
        # Of memory nothing: each process knows the people of the other, too.
        result.figures["cpu_beside"] = shares[1]
        say(f"  {shares[1]:.1%} of the one beside it")
    else:
        more = sessions - first
        result.figures["process_bytes"] = (after - before) / more
        # Both ends of each connection are on this machine.
        result.figures["kernel_bytes"] = (kernel_after - kernel_before) / more / 2
        say(
            f"  {result.figures['process_bytes']:,.0f} bytes of the process, "
            f"{result.figures['kernel_bytes']:,.0f} of the kernel"
        )
    say(line(point))


async def _arrive(crowds: Sequence[Crowd], first: int, sessions: int, seconds: float) -> None:
    """Have all but the first come, evenly in so many seconds."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for part in range(_PARTS):
        for crowd in crowds:
            await crowd.connect(len(range(first + part, sessions, _PARTS)), of=sessions)
        due = began + seconds * (part + 1) / _PARTS
        await asyncio.sleep(max(0.0, due - loop.time()))


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
        ours, kernels = (_figure(name, result) for name in ("process_bytes", "kernel_bytes"))
        times = _ratio(ours, _figure("process_bytes", usual))
        beside = figures.get("cpu_beside")
        rows.append(
            (
                *title,
                str(result.cell.parameters["rooms"]),
                f"{ours / 1024:.1f}" if ours is not None else "",
                f"{times:.2f}" if times is not None else "",
                f"{kernels / 1024:.1f}" if kernels is not None else "",
                f"{tables.mark(result.points)}{figures['cpu_of_10000']:.1%}",
                f"{beside:.1%}" if beside is not None else "",
                tables.generator_cpu(result.points),
            )
        )
    head = (
        *("server", "contender", "rooms", "KiB of the process", "times the usual's"),
        *("KiB of the kernel", "core for 10 000", "in one room, beside it", "generator CPU"),
    )
    return tables.table(head, rows, words=2)


def _figure(name: str, result: Result | None) -> float | None:
    """Return a figure where it is to be quoted."""
    return result.figures.get(name) if result is not None and tables.quotable(result) else None


def _ratio(ours: float | None, theirs: float | None) -> float | None:
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
        of_memory = _ratio(_figure("process_bytes", ours), _figure("process_bytes", usual))
        # Not to grow, as far as a minute can tell.
        of_cpu = _ratio(_figure("cpu_of_10000", many), _figure("cpu_beside", many))
        for what, limit, measured, results_of in (
            (memory, 0.9, of_memory, (ours, usual)),
            (cpu, 1.1, of_cpu, (many,)),
        ):
            missing = next((each for each in results_of if not tables.quotable(each)), None)
            found.append(Goal(what, "≤", limit, measured, why_not=tables.why_not(missing)))
    return found


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return nothing: a table says it all."""
    return {}
