"""M9, the log: joining, a page of history and a post, as the room's log grows."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from time import monotonic_ns
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from benchmarks import tables
from benchmarks.contenders.contender import Contender
from benchmarks.goals import Goal
from benchmarks.measures.measure import Say, Watch, latency_of
from benchmarks.results import Cell, Result, Results
from benchmarks.server import HOST
from benchmarks.stage import Stage
from chat.load import chart

KEY = "M9log"

_WHO = ("hub-uvicorn", "hub-uvicorn-postgres")
_MESSAGES = (1_000, 10_000, 100_000, 1_000_000)
_ACTS = ("join", "history", "post", "first_join")
_PAGE = 50

# For one session: then the cell has failed, and the next one has its turn.
_PATIENCE = 60.0


def cells(quick: bool) -> Iterable[Cell]:
    """Return a cell for each database and length."""
    if quick:
        return
    for name in _WHO:
        for count in _MESSAGES:
            fill = ("python", "-m", "benchmarks.contenders.hub.fill", str(count))
            given = {"messages": count, "times": 100, "starts": 11}
            yield Cell(KEY, name, given, f"{count:07}", prepare=(fill,))


async def measure(stage: Stage, result: Result, results: Results, say: Say) -> None:
    """Do each act a hundred times, one after the other, and time it."""
    given = result.cell.parameters
    samples: dict[str, list[int]] = {act: [] for act in _ACTS}
    # Counts the processor time; nobody of this crowd comes.
    watch = Watch(stage, stage.crowd())
    watch.start()
    for number in range(given["times"]):
        async with asyncio.timeout(_PATIENCE), _session(stage) as session:
            head = await _timed(samples["join"], _join(session))
            # Somewhere else each time: a page that was asked for before is still in memory.
            before = head * (number + 1) // (given["times"] + 1) + _PAGE
            await _timed(samples["history"], _history(session, before))
            await _timed(samples["post"], _post(session, number))
    result.points.append(watch.stop(given["messages"]))
    for _ in range(given["starts"]):
        # Of a room that nobody was in since the process began.
        stage.restart()
        async with asyncio.timeout(_PATIENCE), _session(stage) as session:
            await _timed(samples["first_join"], _join(session))
    for act, taken in samples.items():
        latency = latency_of(taken)
        assert latency is not None, "each act was done"
        result.figures[f"{act}_p50"] = latency.p50
        result.figures[f"{act}_p99"] = latency.p99
    say("  " + ", ".join(f"{name} {value:.2f} ms" for name, value in result.figures.items()))


@asynccontextmanager
async def _session(stage: Stage) -> AsyncIterator[ClientConnection]:
    address = f"{HOST}:{stage.servers[0].port}"
    async with connect(
        f"ws://{address}/ws",
        origin=Origin(f"http://{address}"),
        subprotocols=[Subprotocol("chat.v1.json")],
        compression=None,
        max_size=None,
    ) as session:
        await _until(session, "welcome")
        yield session


async def _until(session: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next event of a kind."""
    while True:
        for event in json.loads(await session.recv()):
            if event["type"] == kind:
                return dict(event)


async def _timed(samples: list[int], act: Any) -> Any:
    began = monotonic_ns()
    found = await act
    samples.append(monotonic_ns() - began)
    return found


async def _join(session: ClientConnection) -> int:
    """Join with the usual history, and wait for the last message of it."""
    await session.send(json.dumps({"type": "join", "room": "bench", "history": _PAGE}))
    head = -1
    while True:
        for event in json.loads(await session.recv()):
            if event["type"] == "joined":
                head = event["head"]
            if event["type"] == "message" and event["seq"] == head:
                return head


async def _history(session: ClientConnection, before: int) -> None:
    command = {"type": "history", "room": "bench", "before": before, "limit": _PAGE}
    await session.send(json.dumps(command))
    page = await _until(session, "history")
    assert len(page["messages"]) == _PAGE, "the log goes back far enough"


async def _post(session: ClientConnection, number: int) -> None:
    command = {"type": "post", "room": "bench", "text": f"post {number}", "id": f"new-{number}"}
    await session.send(json.dumps(command))
    await _until(session, "ack")


def report(results: Sequence[Result], contenders: dict[str, Contender]) -> str:
    """Return a row for each database and length."""
    rows: list[Sequence[str]] = []
    for result, contender in tables.by_server(results, contenders):
        length = tables.thousands(result.cell.parameters["messages"])
        if not tables.quotable(result) or not result.figures:
            rows.append((contender.title, length, tables.why_not(result)))
            continue
        times = [
            tables.milliseconds(result.figures.get(f"{act}_{which}"))
            for act in _ACTS
            for which in ("p50", "p99")
        ]
        cpu = tables.generator_cpu(result.points)
        rows.append((contender.title, tables.mark(result.points) + length, *times, cpu))
    head = ["contender", "messages"]
    head += [f"{_called(act)} {which} ms" for act in _ACTS for which in ("p50", "p99")]
    return tables.table([*head, "generator CPU"], rows)


def _called(act: str) -> str:
    return act.replace("_", " ")


def _medians(results: Sequence[Result], contender: str, act: str) -> list[tuple[float, float]]:
    """Return the length of the log and the median of an act, where that may be quoted."""
    return sorted(
        (result.cell.parameters["messages"], taken)
        for result in results
        if result.cell.contender == contender and tables.quotable(result)
        if (taken := result.figures.get(f"{act}_p50"))
    )


def goals(results: Sequence[Result], contenders: dict[str, Contender]) -> Sequence[Goal]:
    """Return how flat each act is to stay; all lengths have to be there to tell."""
    found = []
    for name in _WHO:
        along = [result for result in results if result.cell.contender == name]
        unsound = [result for result in along if not tables.quotable(result)]
        mark = tables.mark([point for result in along for point in result.points])
        for act in _ACTS:
            medians = [taken for _, taken in _medians(results, name, act)]
            measured = max(medians) / min(medians) if len(medians) == len(_MESSAGES) else None
            what = f"p50 of {_called(act)} over a log of 10³ to 10⁶, {contenders[name].title}"
            what += ", most / least"
            why_not = tables.why_not(unsound[0] if unsound else None)
            found.append(Goal(what, "≤", 1.5, measured, mark, why_not))
    return found


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return the median of each act over the length."""
    drawn = [
        chart.Line(f"{_called(act)} ({contenders[name].title})", medians)
        for name in _WHO
        for act in _ACTS
        if (medians := _medians(results, name, act))
    ]
    if not drawn:
        return {}
    axes = chart.Axis("messages in the room's log", log=True), chart.Axis("p50, ms")
    return {"long-log.svg": chart.lines("A long log", *axes, drawn)}
