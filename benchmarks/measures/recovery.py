"""M6: how long until everybody is back, and has missed nothing, after the process was killed.

Posts are on their way when it happens. Clients come back as the page's do, after a random wait that
doubles with each failure, resume where they were, and send again what was not acknowledged.
"""

import asyncio
import http.client
from collections.abc import Callable, Iterable, Sequence
from http.cookies import SimpleCookie
from random import Random
from time import monotonic, monotonic_ns

import msgspec

from benchmarks import tables
from benchmarks.contenders.contender import Contender
from benchmarks.goals import Goal
from benchmarks.measures.measure import Say, Watch, line
from benchmarks.results import Cell, Result, Results
from benchmarks.server import HOST, ServerError
from benchmarks.stage import Stage
from chat.load.client import Client
from chat.load.crowd import POSTERS, Crowd, spread
from chat.load.schedule import post_on_schedule

KEY = "M6"

_WHO = ("hub-daphne", "hub-uvicorn", "hub-daphne-postgres", "hub-uvicorn-postgres")

_RATE = 20.0
_PATIENCE = 120.0
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0


def cells(quick: bool) -> Iterable[Cell]:
    """Return a cell for each contender that has a log to come back to."""
    for name in ("hub-uvicorn",) if quick else _WHO:
        yield Cell(KEY, name, {"sessions": 500 if quick else 2000, "seconds": 2})


class Returning:
    """Those whose connection is lost: each tries until it is back."""

    def __init__(self, crowd: Crowd, seed: int) -> None:
        self._crowd = crowd
        self._random = Random(seed)
        self._under_way: dict[Client, asyncio.Task[None]] = {}
        self.killed = 0.0
        """When the process was killed, by the monotonic clock."""
        self.resent = 0
        self.beyond_waits = 0.0
        """The most that anybody's way back took beyond its own waits, in seconds."""

    @property
    def all_back(self) -> bool:
        """Whether nobody is on the way."""
        return not self._under_way

    def lost(self, client: Client) -> None:
        """Take a client that has lost its connection, or could not get a new one."""
        if client not in self._under_way:
            task = asyncio.create_task(self._come_back(client))
            self._under_way[client] = task

    async def _come_back(self, client: Client) -> None:
        waited, most = 0.0, _FIRST_WAIT
        while True:
            wait = self._random.random() * most
            await asyncio.sleep(wait)
            waited += wait
            client.back()
            try:
                async with asyncio.timeout(_LONGEST_WAIT):
                    await self._crowd.connect_one(client)
                break
            except (OSError, TimeoutError):
                most = min(most * 2, _LONGEST_WAIT)
        self.beyond_waits = max(self.beyond_waits, monotonic() - self.killed - waited)
        self.resent += len(client.unacked)
        client.resend()
        del self._under_way[client]

    def stop(self) -> None:
        """Let nobody try any longer."""
        for task in self._under_way.values():
            task.cancel()


async def measure(stage: Stage, result: Result, results: Results, say: Say) -> None:
    """Kill the process while posts are on their way, start it again, and wait for everybody."""
    given = result.cell.parameters
    sessions = given["sessions"]
    crowd = stage.crowd()
    returning = Returning(crowd, stage.seed)
    # Who comes back without a cookie is another guest, whose posts are other posts.
    crowd.cookies = {
        index: _guest(stage.servers[0].port) for index in spread(min(POSTERS, sessions), sessions)
    }
    try:
        await crowd.connect(sessions, of=sessions)
        posters = crowd.posters()
        await post_on_schedule(crowd, posters, _RATE, given["seconds"])
        for poster in posters:
            crowd.post(poster, [monotonic_ns()])
        crowd.on_lost = returning.lost
        for server in stage.servers:
            server.kill()
        killed = returning.killed = monotonic()
        stage.spawn_again()
        watch = Watch(stage, crowd)
        watch.start()
        listening = await _until(stage.servers[0].listens, killed)
        back = await _until(lambda: returning.all_back, killed)
        complete = await _until(lambda: returning.all_back and crowd.complete(), killed)
        point = watch.stop(sessions)
        # What comes once too often would come now.
        await asyncio.sleep(0.3)
        problems = crowd.problems(resent=returning.resent)
        result.points.append(msgspec.structs.replace(point, problems=problems))
    finally:
        crowd.on_lost = None
        returning.stop()
        await crowd.leave()
    result.figures = {
        "listening_seconds": listening,
        "back_seconds": back,
        "beyond_waits_seconds": returning.beyond_waits,
        "complete_after_seconds": complete - back,
        "resent": returning.resent,
    }
    say(line(point))
    figures = ", ".join(f"{name} {value:,.2f}" for name, value in result.figures.items())
    say(f"  {figures}{'; ' + '; '.join(problems) if problems else ''}")


def _guest(port: int) -> str:
    """Return the cookie of a new guest, as a page sets it."""
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request("GET", "/rooms/bench/")
        answer = connection.getresponse()
        cookies = SimpleCookie(", ".join(answer.headers.get_all("Set-Cookie") or []))
    finally:
        connection.close()
    return f"chat_guest={cookies['chat_guest'].coded_value}"


async def _until(true: Callable[[], bool], since: float) -> float:
    """Wait until something is so; return how long that was after `since`.

    Raises ServerError when it goes on for too long.
    """
    while not true():
        if monotonic() - since > _PATIENCE:
            raise ServerError(f"not everybody was back within {_PATIENCE:.0f} s")
        await asyncio.sleep(0.02)
    return monotonic() - since


def report(results: Sequence[Result], contenders: dict[str, Contender]) -> str:
    """Return a row for each contender."""
    rows: list[Sequence[str]] = []
    for result, contender in tables.by_server(results, contenders):
        title = (contender.server, contender.title)
        if not tables.quotable(result) or not result.figures:
            rows.append((*title, tables.why_not(result)))
            continue
        figures = {name: value or 0.0 for name, value in result.figures.items()}
        rows.append(
            (
                *title,
                tables.thousands(result.cell.parameters["sessions"]),
                f"{figures['listening_seconds']:.1f}",
                tables.mark(result.points) + f"{figures['back_seconds']:.1f}",
                f"{figures['beyond_waits_seconds']:.1f}",
                f"{figures['complete_after_seconds']:.1f}",
                f"{figures['resent']:.0f}",
                tables.generator_cpu(result.points),
            )
        )
    head = (
        *("server", "contender", "sessions", "listens again s", "all back s"),
        *("beyond one's own waits, at most s", "then complete after s", "posts sent again"),
        "generator CPU",
    )
    return tables.table(head, rows, words=2)


def goals(results: Sequence[Result], contenders: dict[str, Contender]) -> Sequence[Goal]:
    """Return how long coming back, and being complete then, may take beyond one's own waits."""
    by_name = {result.cell.contender: result for result in results}
    found = []
    for name in _WHO:
        contender, result = contenders[name], by_name.get(name)
        measured = None
        if result is not None and tables.quotable(result) and result.figures:
            parts = ("beyond_waits_seconds", "complete_after_seconds")
            measured = sum(result.figures[part] or 0.0 for part in parts)
        what = f"seconds beyond the clients' own waits, {contender.title} on {contender.server}"
        mark = tables.mark(result.points) if result is not None else ""
        found.append(Goal(what, "≤", 5, measured, mark, tables.why_not(result)))
    return found


def charts(results: Sequence[Result], contenders: dict[str, Contender]) -> dict[str, str]:
    """Return nothing: a table says it all."""
    return {}
