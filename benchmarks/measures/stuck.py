"""M8: what others notice when one reader in a hundred takes nothing any more."""

from collections.abc import Iterable, Sequence

from benchmarks import proc, tables
from benchmarks.contenders.contender import Contender
from benchmarks.goals import Goal
from benchmarks.measures import deliveries
from benchmarks.measures.measure import Say, line, open_loop
from benchmarks.results import Cell, Result, Results
from benchmarks.stage import Stage
from chat.load.client import Client
from chat.load.crowd import Crowd

KEY = "M8"

_WHO = (
    *("hub-daphne", "hub-uvicorn", "usual-daphne", "usual-uvicorn", "asgi-daphne", "asgi-uvicorn"),
    *("socketio-uvicorn", "websockets-broadcast", "node-ws"),
)

_ONE_IN = 100

_FIGURES = ("p99_without", "p99_beside")


def cells(quick: bool) -> Iterable[Cell]:
    """Return a cell for each contender; the sessions are those of its maximum."""
    if quick:
        return
    for name in _WHO:
        yield Cell(KEY, name, {"sessions": 500, "shares": [50], "warm_up": 2, "measured": 20})


async def measure(stage: Stage, result: Result, results: Results, say: Say) -> None:
    """Post by the clock at half the maximum, first to all who read, then with the stuck."""
    given = result.cell.parameters
    maximum = deliveries.maximum(results, result)
    crowd = stage.crowd()
    ports: set[int] = set()
    try:
        await crowd.connect(given["sessions"], of=given["sessions"])
        for share in given["shares"]:
            rate = maximum * share / 100 / given["sessions"]
            for stuck in (False, True):
                if stuck:
                    slow = to_be_stuck(crowd)
                    ports = {client.port for client in slow}
                    for client in slow:
                        client.stop_reading()
                point = await open_loop(stage, crowd, rate, given["warm_up"], given["measured"])
                result.points.append(point)
                say(line(point))
            held_up = proc.held_up(stage.servers[0].port, ports)
    finally:
        await crowd.leave()
    without, beside = (point.latency for point in result.points[-2:])
    if without is not None and beside is not None:
        result.figures = {"p99_without": without.p99, "p99_beside": beside.p99}
    result.figures |= {"maximum": maximum, "stuck": len(ports), "held_up": held_up}
    say(f"  {held_up} of {len(ports)} who do not read have something waiting for them")


def to_be_stuck(crowd: Crowd) -> list[Client]:
    """Return one client in a hundred, but nobody who posts or whose latency is told."""
    posters = set(crowd.posters())
    others = [client for client in crowd.clients if client not in posters and not client.sampled]
    count = max(1, len(crowd.clients) // _ONE_IN)
    return others[:: max(1, len(others) // count)][:count]


def report(results: Sequence[Result], contenders: dict[str, Contender]) -> str:
    """Return a row for each contender."""
    rows: list[Sequence[str]] = []
    for result, contender in tables.by_server(results, contenders):
        title = (contender.server, contender.title)
        times = _times(result)
        if times is None:
            rows.append((*title, _why_not(result)))
            continue
        without, beside = (result.figures[name] for name in _FIGURES)
        rows.append(
            (
                *title,
                tables.milliseconds(without),
                tables.milliseconds(beside),
                f"{tables.mark(result.points)}{times:.2f}",
                f"{result.figures['held_up']:g} of {result.figures['stuck']:g}",
                tables.generator_cpu(result.points),
            )
        )
    head = ("server", "contender", "p99 ms without", "p99 ms beside them", "times")
    return tables.table((*head, "held up", "generator CPU"), rows, words=2)


def _why_not(result: Result | None) -> str:
    """Return, in place of a figure, why there is none."""
    if result is not None and tables.quotable(result) and result.figures.get("held_up") == 0:
        return "nobody was stuck: the kernel had room for all that came"
    return tables.why_not(result)


def _times(result: Result | None) -> float | None:
    """Return how many times as long the 99th percentile is, None where it is not to be quoted."""
    if result is None or not tables.quotable(result) or not result.figures.get("held_up"):
        return None
    without, beside = (result.figures.get(name) for name in _FIGURES)
    return beside / without if without and beside else None


def goals(results: Sequence[Result], contenders: dict[str, Contender]) -> Sequence[Goal]:
    """Return how much others may notice of the hub's stuck readers."""
    by_name = {result.cell.contender: result for result in results}
    found = []
    for server in ("daphne", "uvicorn"):
        result = by_name.get(f"hub-{server}")
        mark = tables.mark(result.points) if result is not None else ""
        what = f"p99 beside stuck readers on {server}, times that without"
        found.append(Goal(what, "≤", 1.2, _times(result), mark, _why_not(result)))
    return found


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return nothing: a table says it all."""
    return {}
