"""Who is there, when those who tell of it die."""

import asyncio

import pytest

from tests.chaos.conftest import PLANS
from tests.chaos.deployment import HEARTBEAT, Deployment
from tests.integration.people import Visits, new_guest

pytestmark = pytest.mark.parametrize("site", PLANS[:2], indirect=True, ids=str)


async def test_people_of_a_killed_process_are_gone_though_nobody_said_so(
    site: Deployment, visit: Visits, room: str
) -> None:
    anna = await visit.json(site.doors[0], room)
    people = await visit.jsons(site.doors[1], room, 5)
    everybody = {client.sender["id"] for client in (anna, *people)}
    await anna.online(room, everybody)
    await asyncio.to_thread(site.processes[1].kill)
    # Two heartbeats, and one for the machine.
    await anna.online(room, {anna.sender["id"]}, within=3 * HEARTBEAT)
    late = await visit.json(site.doors[0], room)
    joined = next(event for event in late.events if event["type"] == "joined")
    assert joined["online"] == 2


async def test_user_with_tabs_on_both_is_there_while_one_of_them_lives(
    site: Deployment, visit: Visits, room: str
) -> None:
    anna, bert = await visit.json(site.doors[0], room), new_guest()
    await visit.json(site.doors[0], room, who=bert)
    await visit.json(site.doors[1], room, who=bert)
    erin = await visit.json(site.doors[1], room)
    both = {anna.sender["id"], bert.uid}
    await anna.online(room, both | {erin.sender["id"]})
    told = len(anna.events)
    await asyncio.to_thread(site.processes[1].kill)
    carla = await visit.json(site.doors[0], room)
    await asyncio.to_thread(site.processes[1].start)
    dora = await visit.json(site.doors[1], room)
    # The killed process is forgotten by then: whoever was on it alone is gone.
    await anna.online(room, both | {carla.sender["id"], dora.sender["id"]}, within=3 * HEARTBEAT)
    await dora.online(room, both | {carla.sender["id"], dora.sender["id"]})
    events = [event for event in anna.events[told:] if event["type"] == "presence"]
    left = [sender["id"] for event in events for sender in event["left"]]
    assert left == [erin.sender["id"]]
