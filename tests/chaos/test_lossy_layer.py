"""A layer that drops, doubles, delays and swaps single messages, and forgets who is in a group."""

import asyncio
from collections.abc import Iterator

import pytest

from chat.hub.signals import group_of
from tests.chaos.conftest import PLANS
from tests.chaos.deployment import Deployment
from tests.chaos.lossy import FATES
from tests.integration.regulars import crowd
from tests.services import PostgresServer

POSTS = 300


@pytest.fixture(params=PLANS[:2], ids=str)
def site(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> Iterator[Deployment]:
    """A deployment with such a layer."""
    with Deployment(request.param, postgres_server, LAYER_SEED="lossy") as found:
        yield found
        print(found.log)  # pytest shows this only if the test failed


async def forget(site: Deployment, room: str) -> None:
    """Have the memberships of a room's group expire; the core layer's do, after a day."""
    assert site.redis is not None
    group = f"asgi:group:{group_of(room)}"
    assert await asyncio.to_thread(site.redis.execute, "PEXPIRE", group, 1), "nobody was in it"


async def test_everybody_hears_everything_once_and_in_order(site: Deployment, room: str) -> None:
    async with crowd(room, *site.homes(), each=2) as people:
        async with people.talking():
            await people.more(POSTS, within=60)
            if site.plan.layer == "core":
                await forget(site, room)
            await people.more(20)
        history = await people.history()
    assert history.faults() == []
    for fate in FATES:
        assert sum(process.log.count(f"a message was {fate}") for process in site.processes)
