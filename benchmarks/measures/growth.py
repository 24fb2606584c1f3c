"""M9: what a delivery costs as there are more sessions, more rooms, more processes.

At one event per frame, so that the work for each delivery is the same. More rooms are rooms in
which one session each does nothing; more processes share one core, a PostgreSQL and a Redis.
"""

from collections.abc import Iterable, Sequence

from benchmarks import tables
from benchmarks.contenders.contender import Contender
from benchmarks.measures.measure import Say, closed_loop, line
from benchmarks.results import Cell, Result, Results
from benchmarks.stage import Stage
from chat.load import chart

KEY = "M9"

_SERVERS = ("hub-daphne", "hub-uvicorn")
_SESSIONS = (100, 500, 1000, 2000, 4000, 8000)
_ROOMS = (1, 10, 100, 1000, 5000)
_PROCESSES = (1, 2, 3, 4)

GOAL = 1.5
"""How many times the least the most may cost."""


def cells(quick: bool) -> Iterable[Cell]:
    """Return a cell for each server, direction and size."""
    if quick:
        return
    steady = {"in_flight": [40], "warm_up": 2, "measured": 6, "longest_wait": 15}
    for server in _SERVERS:
        for count in _SESSIONS:
            given = {**steady, "sessions": count, "rooms": 1, "at": count}
            yield Cell(KEY, f"{server}-single", given, f"sessions-{count:04}")
        for count in _ROOMS:
            given = {**steady, "sessions": 200, "rooms": count, "at": count}
            yield Cell(KEY, f"{server}-single", given, f"rooms-{count:04}")
        for count in _PROCESSES:
            given = {**steady, "sessions": 400, "rooms": 1, "at": count}
            name = f"{server}-postgres-redis-single"
            yield Cell(KEY, name, given, f"processes-{count}", processes=count)


async def measure(stage: Stage, result: Result, results: Results, say: Say) -> None:
    """Load one room, beside the others."""
    given = result.cell.parameters
    quiet = given["rooms"] - 1
    idle = stage.crowd(rooms=[f"quiet-{number}" for number in range(max(1, quiet))])
    crowd = stage.crowd()
    try:
        if quiet:
            await idle.connect(quiet, of=quiet)
        await crowd.connect(given["sessions"], of=given["sessions"])
        for in_flight in given["in_flight"]:
            point = await closed_loop(
                stage, crowd, in_flight, given["warm_up"], given["measured"], given["longest_wait"]
            )
            result.points.append(point)
            say(line(point))
        result.problems = idle.problems()
    finally:
        await idle.leave()
        await crowd.leave()
    each = result.points[-1].deliveries_per_core_second
    result.figures = {"microseconds": 1e6 / each if each else None}


def _directions(
    results: Sequence[Result], contenders: dict[str, Contender]
) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """Return the cost by direction and server, with how many there were."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for result, contender in tables.by_server(results, contenders):
        cost = result.figures.get("microseconds")
        if cost is not None and not result.all_problems:
            direction = result.cell.variant.partition("-")[0]
            places = found.setdefault((direction, contender.server), [])
            places.append((result.cell.parameters["at"], cost))
    return found


def report(results: Sequence[Result], contenders: dict[str, Contender]) -> str:
    """Return a row for each direction and server."""
    rows: list[Sequence[str]] = []
    for (direction, server), places in _directions(results, contenders).items():
        costs = [cost for _, cost in places]
        said = ", ".join(f"{at:g}: {cost:.2f}" for at, cost in places)
        rows.append((direction, server, said, f"{max(costs) / min(costs):.2f}"))
    head = ("more", "server", "microseconds of a core for each delivery", "most / least")
    return f"{tables.table(head, rows, words=3)}\n\nGoal: at most {GOAL:g}."


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return a picture for each direction."""
    found = _directions(results, contenders)
    pictures = {}
    for direction in sorted({direction for direction, _ in found}):
        drawn = [
            chart.Line(server, places)
            for (along, server), places in found.items()
            if along == direction
        ]
        axes = chart.Axis(direction, log=direction != "processes"), chart.Axis("µs per delivery")
        pictures[f"growth-{direction}.svg"] = chart.lines(f"More {direction}", *axes, drawn)
    return pictures
