"""M9: what a delivery costs as there are more sessions, more rooms, more processes.

At one event per frame, so that the work for each delivery is the same. More rooms are rooms in
which one session each does nothing; more processes share one core, a PostgreSQL and a Redis, and
have as many posts on their way each: of fewer, each would have less to write to a socket at once.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations

from benchmarks import tables
from benchmarks.contenders.contender import Contender
from benchmarks.goals import Goal
from benchmarks.measures.measure import Say, at_each_load
from benchmarks.results import Cell, Result, Results
from benchmarks.stage import Stage
from chat.load import chart

KEY = "M9"

_SERVERS = ("hub-daphne", "hub-uvicorn")
_SESSIONS = (100, 500, 1000, 2000, 4000, 8000)
_ROOMS = (1, 10, 100, 1000, 5000)
_PROCESSES = (1, 2, 3, 4)


def cells(quick: bool) -> Iterable[Cell]:
    """Return a cell for each server, direction and size."""
    if quick:
        return
    # Long enough for daphne to deliver forty posts to 8 000 ten times over.
    steady = {"in_flight": [40], "warm_up": 2, "measured": 6, "longest": 90}
    for server in _SERVERS:
        for count in _SESSIONS:
            given = {**steady, "sessions": count, "rooms": 1, "at": count}
            yield Cell(KEY, f"{server}-single", given, f"sessions-{count:04}")
        for count in _ROOMS:
            given = {**steady, "sessions": 200, "rooms": count, "at": count}
            yield Cell(KEY, f"{server}-single", given, f"rooms-{count:04}")
        for count in _PROCESSES:
            given = {**steady, "sessions": 400, "rooms": 1, "at": count}
            given["in_flight"] = [40 * count]
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
        await at_each_load(stage, crowd, result, say)
        result.problems = idle.problems()
    finally:
        await idle.leave()
        await crowd.leave()
    each = result.points[-1].deliveries_per_core_second
    result.figures = {"microseconds": 1e6 / each if each else None}


def _directions(
    results: Sequence[Result], contenders: dict[str, Contender]
) -> dict[tuple[str, str], list[Result]]:
    """Return the results of each direction and server, from few to many."""
    found: dict[tuple[str, str], list[Result]] = {}
    for result, contender in tables.by_server(results, contenders):
        direction = result.cell.variant.partition("-")[0]
        found.setdefault((direction, contender.server), []).append(result)
    return found


def _costs(along: Sequence[Result]) -> list[tuple[float, float]]:
    """Return how many there were and what a delivery cost, where that may be quoted."""
    return [
        (result.cell.parameters["at"], cost)
        for result in along
        if tables.quotable(result) and (cost := result.figures.get("microseconds"))
    ]


def _left_out(along: Sequence[Result]) -> str:
    return "; ".join(
        f"{result.cell.parameters['at']}: {tables.why_not(result)}"
        for result in along
        if not tables.quotable(result)
    )


def growth(costs: Sequence[tuple[float, float]]) -> float:
    """Return how many times what it cost with fewer it costs with more, where that is most.

    Below 1 where it only falls, as where more sessions share the work of a post itself.
    """
    return max(more / fewer for (_, fewer), (_, more) in combinations(sorted(costs), 2))


def report(results: Sequence[Result], contenders: dict[str, Contender]) -> str:
    """Return a row for each direction and server."""
    rows: list[Sequence[str]] = []
    for (direction, server), along in _directions(results, contenders).items():
        costs = _costs(along)
        points = [point for result in along for point in result.points]
        rows.append(
            (
                *(direction, server),
                ", ".join(f"{at:g}: {cost:.2f}" for at, cost in costs),
                f"{tables.mark(points)}{growth(costs):.2f}" if len(costs) > 1 else "",
                tables.generator_cpu(points),
                _left_out(along),
            )
        )
    head = ("more", "server", "microseconds of a core for each delivery", "growth")
    return tables.table((*head, "generator CPU", "left out"), rows, words=3)


def goals(results: Sequence[Result], contenders: dict[str, Contender]) -> Sequence[Goal]:
    """Return how little the cost of a delivery is to grow; all sizes have to be there to tell."""
    directions = _directions(results, contenders)
    found = []
    for direction, sizes in (("sessions", _SESSIONS), ("rooms", _ROOMS), ("processes", _PROCESSES)):
        for server in ("daphne", "uvicorn"):
            along = directions.get((direction, server), [])
            costs = _costs(along)
            whole = len(costs) == len(sizes)
            points = [point for result in along for point in result.points]
            what = (
                f"growth of a delivery's cost, {sizes[0]} to {sizes[-1]} {direction}, on {server}"
            )
            found.append(
                Goal(
                    what,
                    "≤",
                    1.5,
                    growth(costs) if whole else None,
                    tables.mark(points),
                    _left_out(along) or "not measured yet",
                )
            )
    return found


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return a picture for each direction."""
    found = _directions(results, contenders)
    pictures = {}
    for direction in sorted({direction for direction, _ in found}):
        drawn = [
            chart.Line(server, _costs(along))
            for (one, server), along in found.items()
            if one == direction and _costs(along)
        ]
        if drawn:
            axes = (
                chart.Axis(direction, log=direction != "processes"),
                chart.Axis("µs per delivery"),
            )
            pictures[f"growth-{direction}.svg"] = chart.lines(f"More {direction}", *axes, drawn)
    return pictures
