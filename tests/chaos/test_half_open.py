"""Connections whose other end is gone without a word."""

import asyncio

import psycopg
import pytest

from tests.chaos.conftest import PLANS
from tests.chaos.deployment import HEARTBEAT, Deployment
from tests.integration.people import Visits

# Of a heartbeat of 20 s, 55 s: a half-open connection is found within 60 s.
FOUND_HEARTBEATS = 2.75

# For the linger of those who are gone, and a busy machine: one that has overslept a beat asks
# everybody once more before it closes any.
SPARE_SECONDS = 10.0


def closed_with(site: Deployment, code: int) -> int:
    """How many connections the processes say that they have closed with ``code``."""
    with psycopg.connect(site.database) as connection:
        rows = connection.execute("SELECT figures FROM chat_node").fetchall()
    closes = (figures.get("ever", {}).get("closes", {}) for (figures,) in rows)
    return sum(each.get(str(code), 0) for each in closes)


@pytest.mark.parametrize("site", PLANS[:2], indirect=True, ids=str)
async def test_half_open_connection_is_closed_with_4001_in_time(
    site: Deployment, visit: Visits, room: str
) -> None:
    anna = await visit.json(site.doors[0], room)
    bert = await visit.json(site.doors[1], room)
    await bert.online(room, {anna.sender["id"], bert.sender["id"]})
    site.doors[0].freeze()
    within = FOUND_HEARTBEATS * HEARTBEAT + SPARE_SECONDS
    await bert.online(room, {bert.sender["id"]}, within=within)
    # By what the server says: not even its close may come through.
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(closed_with, site, 4001):
            await asyncio.sleep(0.1)
    site.doors[0].thaw()
    assert await anna.closed() in (4001, 1006)
