"""Redis fails: it is the database that decides, and the layer comes back by itself."""

import asyncio
from random import Random

import pytest

from tests.chaos.conftest import PLANS
from tests.chaos.deployment import HEARTBEAT, Deployment
from tests.chaos.faults import FAULTS, Fault, Scene
from tests.integration.clients import JsonClient
from tests.integration.people import Visits
from tests.integration.regulars import crowd

with_redis = pytest.mark.parametrize("site", PLANS[:2], indirect=True, ids=str)

# Typing is told over the layer and nowhere else; it may be said once a second.
TYPING_SECONDS = 1.1


async def crosses(sender: JsonClient, hearer: JsonClient, room: str) -> None:
    """Wait until the layer carries what one says to the other."""
    since = len(hearer.events)
    async with asyncio.timeout(30):
        while True:
            await sender.send("typing", room=room)
            try:
                await hearer.event("typing", since, room=room, within=TYPING_SECONDS)
            except AssertionError:
                continue  # not yet
            return


@with_redis
async def test_posting_goes_on_while_redis_is_away(
    site: Deployment, visit: Visits, room: str
) -> None:
    anna, cara = [await visit.json(site.doors[0], room) for _ in range(2)]
    bert = await visit.json(site.doors[1], room)
    assert site.redis is not None
    await asyncio.to_thread(site.redis.kill)
    for number in range(20):
        await anna.post(room, f"number {number}")
    await cara.said(room, "number 19")
    await bert.said(room, "number 19", within=2 * HEARTBEAT)
    assert bert.texts(room) == cara.texts(room) == [f"number {number}" for number in range(20)]

    # A room that no process has open by then.
    dora, emil = [await visit.json(door, f"{room}-new") for door in site.doors]
    await dora.post(f"{room}-new", "hello")
    await emil.said(f"{room}-new", "hello", within=2 * HEARTBEAT)

    await asyncio.to_thread(site.redis.start)
    await crosses(anna, bert, room)
    await crosses(bert, anna, room)
    await crosses(dora, emil, f"{room}-new")


@with_redis
async def test_silent_redis_holds_up_nobody(site: Deployment, visit: Visits, room: str) -> None:
    """No error ever comes: neither joins nor posts may wait for it."""
    anna = await visit.json(site.doors[0], room)
    assert site.redis_relay is not None
    site.redis_relay.freeze()
    await anna.post(room, "while it is silent")
    bert = await visit.json(site.doors[1], room)
    assert bert.texts(room) == ["while it is silent"]
    await anna.post(room, "and on")
    await bert.said(room, "and on", within=2 * HEARTBEAT)
    site.redis_relay.thaw()
    await crosses(anna, bert, room)


@with_redis
@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS.values() if fault.part == "redis"], ids=lambda f: f.name
)
async def test_layer_carries_again_after(
    site: Deployment, fault: Fault, visit: Visits, room: str
) -> None:
    """Not only is nothing lost: what only the layer carries is carried again, both ways."""
    anna, bert = [await visit.json(door, room) for door in site.doors]
    await crosses(anna, bert, room)
    async with crowd(f"{room}-crowd", *site.homes(), each=1) as people, people.talking():
        await fault.inject(Scene(site, people, Random(fault.name)))
    await crosses(anna, bert, room)
    await crosses(bert, anna, room)
