"""Sessions come and go under load, and in the end everything is as it was in the beginning.

A minute, or as many seconds as ``SOAK_SECONDS`` says.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from tests.chaos.conftest import PLANS
from tests.chaos.deployment import Deployment, Process
from tests.integration.clients import JsonClient
from tests.integration.connection import PATIENCE
from tests.integration.memory import resident
from tests.integration.people import Visits, new_guest
from tests.services import PostgresServer

SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
WARM_UP_SECONDS = min(20.0, SECONDS / 3)
COMING_AND_GOING = 12
ROOMS = 5

# Of resident memory, in bytes: it goes on growing for long, a bare daphne's too, because dead
# connections wait for the garbage collector, and leave holes. More than this is no hole any more.
RESIDENT_MOST = 64 * 2**20

# Of the memory that is in use, in bytes. It varies by 300 kB. Some 150 sessions or more come to
# each process: 10 kB left by each would be 1.5 MB.
GROWTH_MOST = 2**20

# A task may just be at work, or a listener on a busy machine have been replaced. One that each
# session left would be hundreds.
TASKS_MORE = 3

# A pool starts its threads one by one, when all that it has are at work.
THREADS_MORE = 8


@pytest.fixture(params=PLANS[:2], ids=str)
def site(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> Iterator[Deployment]:
    """A deployment whose processes know how much of their memory is in use."""
    with Deployment(request.param, postgres_server, PYTHONMALLOC="malloc") as found:
        yield found
        print(found.log)  # pytest shows this only if the test failed


async def busy(site: Deployment, dice: Random, *, seconds: float, sessions: int) -> int:
    """Let sessions come and go for so long, and until there were so many; how many there were."""
    came, until = 0, time.monotonic() + seconds

    async def one_after_another() -> None:
        nonlocal came
        while came < sessions or time.monotonic() < until:
            came += 1
            await come_and_go(site, dice)

    await asyncio.gather(*(one_after_another() for _ in range(COMING_AND_GOING)))
    return came


async def come_and_go(site: Deployment, dice: Random) -> None:
    """Open a session, join, post, leave in one way or another."""
    door = dice.choice(site.processes)
    client = await JsonClient.connect(door.ws_url, cookie=new_guest().cookie)
    await client.event("welcome")
    for room in dice.sample(range(ROOMS), 2):
        await client.join(f"soak-{room}", history=dice.choice((0, 50)))
        for _ in range(dice.randrange(10)):
            await client.post(f"soak-{room}", "x" * dice.randrange(1, 500))
    # A room of one's own is gone again.
    await client.join(f"own-{client.sender['id']}")
    if dice.random() < 0.3:
        client.socket.transport.abort()
        await client.closed()
    await client.close()


async def rows(site: Deployment, visit: Visits) -> dict[str, int]:
    """How many rows there are of what comes and goes."""
    code = (
        "from chat.models import Connection, Node, Outbox, Room;"
        "print(Connection.objects.count(), Node.objects.count(), Outbox.objects.count(),"
        " Room.objects.filter(transient=True, head=0).count())"
    )
    printed = await asyncio.to_thread(
        site.processes[0].manage, "shell", "--verbosity=0", "--command", code
    )
    counts = map(int, printed.split()[-4:])
    return dict(zip(("connections", "nodes", "outbox", "unused rooms"), counts, strict=True))


def keys(site: Deployment) -> set[bytes]:
    """The channels and groups in Redis: the core layer keeps keys, pub/sub subscriptions."""
    assert site.redis is not None
    found: Any = site.redis.execute("KEYS", "*")
    subscribed: Any = site.redis.execute("PUBSUB", "CHANNELS", "*__group__*")
    assert found or subscribed, "those who stay are in some"
    return {*found, *subscribed}


async def quiet(site: Deployment, visit: Visits, wanted: dict[str, int]) -> dict[str, int]:
    """Wait until nobody is there any more, as the rows tell; what they tell."""
    deadline = time.monotonic() + PATIENCE
    while (found := await rows(site, visit)) != wanted and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
    return found


async def excess(process: Process, most: dict[str, int]) -> dict[str, int]:
    """Wait until a process has no more than ``most`` of anything; what it has more of."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = await process.counts()
        more = {name: count for name, count in found.items() if count > most[name]}
        if not more or time.monotonic() > deadline:
            return more
        await asyncio.sleep(0.5)


@pytest.mark.timeout(SECONDS + 600)
async def test_nothing_stays_behind(site: Deployment, visit: Visits, room: str) -> None:
    dice = Random(1)
    # Somebody stays in each of the rooms, on each of the processes.
    for process in site.processes:
        await visit.json(process, *(f"soak-{number}" for number in range(ROOMS)))
    before: set[bytes] = set()
    memory: dict[int, int] = {}
    counts: list[dict[str, int]] = []
    stored = {"connections": 2, "nodes": 2, "outbox": 0, "unused rooms": 0}
    for seconds, sessions in ((WARM_UP_SECONDS, 200), (SECONDS - WARM_UP_SECONDS, 300)):
        came = await busy(site, dice, seconds=seconds, sessions=sessions)
        assert await quiet(site, visit, stored) == stored
        if not counts:
            counts = [await process.counts() for process in site.processes]
            memory = {process.pid: resident(process.pid) for process in site.processes}
            before = keys(site)
    for process, began in zip(site.processes, counts, strict=True):
        most = {
            "tasks": began["tasks"] + TASKS_MORE,
            "threads": began["threads"] + THREADS_MORE,
            "bytes": began["bytes"] + GROWTH_MOST,
        }
        more = await excess(process, {**began, **most})
        in_use = (await process.counts())["bytes"] - began["bytes"]
        grown = resident(process.pid) - memory[process.pid]
        print(
            f"{process.kind}: {in_use / 2**10:.0f} kB more in use after {came} sessions"
            f" in {len(counts)} processes, {grown / 2**20:.1f} MB more resident"
        )
        assert not more
        assert grown < RESIDENT_MOST
    deadline = time.monotonic() + PATIENCE
    while (left := keys(site) - before) and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
    assert not left
