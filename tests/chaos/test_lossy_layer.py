"""A layer that drops, doubles, delays and swaps single messages, and forgets who is in a group."""

import asyncio
from collections.abc import Iterator

import pytest

from chat.hub.signals import group_of
from tests.chaos.conftest import PLANS
from tests.chaos.deployment import HEARTBEAT, Deployment
from tests.chaos.lossy import FATES
from tests.integration.regulars import crowd
from tests.services import PostgresServer

GROUP_EXPIRY_SECONDS = 2
"""Far shorter than the hour after which memberships are renewed."""

POSTS = 300


@pytest.fixture(params=PLANS[:2], ids=str)
def site(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> Iterator[Deployment]:
    """A deployment with such a layer."""
    lossy = {"LAYER_SEED": "lossy", "GROUP_EXPIRY": str(GROUP_EXPIRY_SECONDS)}
    with Deployment(request.param, postgres_server, **lossy) as found:
        yield found
        print(found.log)  # pytest shows this only if the test failed


async def forgotten(site: Deployment, room: str) -> None:
    """Wait until the memberships of a room's group have expired; the core layer's do."""
    assert site.redis is not None
    async with asyncio.timeout(3 * HEARTBEAT):
        while await asyncio.to_thread(site.redis.execute, "EXISTS", f"asgi:group:{group_of(room)}"):
            await asyncio.sleep(0.1)


async def test_everybody_hears_everything_once_and_in_order(site: Deployment, room: str) -> None:
    async with crowd(room, *site.homes(), each=2) as people:
        async with people.talking():
            await people.more(POSTS, within=60)
            if site.plan.layer == "core":
                await forgotten(site, room)
            await people.more(20)
        history = await people.history()
    assert history.faults() == []
    for fate in FATES:
        assert sum(process.log.count(f"a message was {fate}") for process in site.processes)
