"""Sessions come and go under load, and in the end everything is as it was in the beginning.

A minute, or as many seconds as ``SOAK_SECONDS`` says.
"""

import asyncio
import os
import time
from random import Random
from typing import Any

import pytest

from tests.chaos.conftest import PLANS
from tests.chaos.deployment import Deployment, Process
from tests.integration.clients import JsonClient
from tests.integration.memory import resident
from tests.integration.people import Visits, new_guest

SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
WARM_UP_SECONDS = min(20.0, SECONDS / 3)
COMING_AND_GOING = 12
ROOMS = 5

# What an interpreter's memory varies by anyway. A session that stays behind costs some 30 kB, and
# in a minute a thousand come and go.
GROWTH_MOST = 8 * 2**20


async def come_and_go(site: Deployment, dice: Random, stop: asyncio.Event) -> int:
    """Open sessions, join, post, leave in one way or another; how many there were."""
    sessions = 0
    while not stop.is_set():
        door = dice.choice(site.processes)
        client = await JsonClient.connect(door.ws_url, cookie=new_guest().cookie)
        sessions += 1
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
    return sessions


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
    """The channels and groups in Redis."""
    assert site.redis is not None
    found: Any = site.redis.execute("KEYS", "*")
    return set(found)


async def quiet(site: Deployment, visit: Visits, wanted: dict[str, int]) -> dict[str, int]:
    """Wait until nobody is there any more, as the rows tell; what they tell."""
    deadline = time.monotonic() + 30
    while (found := await rows(site, visit)) != wanted and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
    return found


async def excess(process: Process, most: dict[str, int]) -> dict[str, int]:
    """Wait until a process has no more than ``most`` of anything; what it has more of."""
    deadline = time.monotonic() + 30
    while True:
        found = await process.counts()
        more = {name: count for name, count in found.items() if count > most[name]}
        if not more or time.monotonic() > deadline:
            return more
        await asyncio.sleep(0.5)


@pytest.mark.timeout(SECONDS + 180)
@pytest.mark.parametrize("site", PLANS[:1], indirect=True, ids=str)
async def test_nothing_stays_behind(site: Deployment, visit: Visits, room: str) -> None:
    dice = Random(1)
    # Somebody stays in each of the rooms, on each of the processes.
    for process in site.processes:
        await visit.json(process, *(f"soak-{number}" for number in range(ROOMS)))
    before: set[bytes] = set()
    memory: dict[int, int] = {}
    counts: list[dict[str, int]] = []
    stored = {"connections": 2, "nodes": 2, "outbox": 0, "unused rooms": 0}
    for seconds in (WARM_UP_SECONDS, SECONDS - WARM_UP_SECONDS):
        stop = asyncio.Event()
        guests = [
            asyncio.create_task(come_and_go(site, dice, stop)) for _ in range(COMING_AND_GOING)
        ]
        await asyncio.wait(guests, timeout=seconds)
        stop.set()
        came = sum(await asyncio.gather(*guests))
        assert came > 10 * seconds, "hardly anybody came"
        assert await quiet(site, visit, stored) == stored
        if not counts:
            counts = [await process.counts() for process in site.processes]
            memory = {process.pid: resident(process.pid) for process in site.processes}
            before = keys(site)
    for process, wanted in zip(site.processes, counts, strict=True):
        assert not await excess(process, wanted)
        grown = resident(process.pid) - memory[process.pid]
        print(f"{process.kind}: {grown / 2**20:.1f} MB after {came} sessions")
        assert grown < GROWTH_MOST
    deadline = time.monotonic() + 30
    while (left := keys(site) - before) and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
    assert not left
