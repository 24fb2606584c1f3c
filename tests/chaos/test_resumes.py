"""Coming back: positions that cannot be, tabs that share one, and posts that are sent again."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.chaos.conftest import PLANS
from tests.chaos.deployment import HEARTBEAT, Deployment
from tests.integration.people import Visits, new_guest
from tests.integration.regulars import crowd

pytestmark = pytest.mark.parametrize("site", PLANS[:2], indirect=True, ids=str)


@pytest_asyncio.fixture(autouse=True)
async def load(site: Deployment, room: str) -> AsyncIterator[None]:
    """People who talk in another room all the time, and miss nothing there."""
    async with crowd(f"{room}-crowd", *site.homes(), each=1) as people:
        async with people.talking():
            yield
        history = await people.history()
    assert history.faults() == []


async def test_retries_of_one_id_are_one_message_now_and_later(
    site: Deployment, visit: Visits, room: str
) -> None:
    witness = await visit.json(site.doors[0], room)
    who = new_guest()
    tabs = [await visit.json(door, who=who) for door in site.doors for _ in range(4)]
    acks = await asyncio.gather(*(tab.post(room, "once", id="the id") for tab in tabs))
    assert {ack["seq"] for ack in acks} == {1}
    assert sorted(ack["duplicate"] for ack in acks) == [False] + [True] * (len(tabs) - 1)

    await witness.said(room, "once")
    for process in site.processes:  # nothing of it is in memory
        await asyncio.to_thread(process.restart)
    late = await visit.json(site.doors[1], who=who)
    ack = await late.post(room, "once", id="the id")
    assert (ack["seq"], ack["duplicate"]) == (1, True)
    other = await visit.json(site.doors[0], room)
    assert (await other.post(room, "another's", id="the id"))["seq"] == 2
    assert witness.texts(room) == ["once"]
    assert other.texts(room)[0] == "once"


async def test_tabs_that_resume_one_position_get_the_same(
    site: Deployment, visit: Visits, room: str
) -> None:
    who = new_guest()
    tabs = [await visit.json(site.doors[0], room, who=who) for _ in range(2)]
    talker = await visit.json(site.doors[1], room)
    await talker.post(room, "before")
    for tab in tabs:
        await tab.said(room, "before")
    position = tabs[0].position(room)
    await asyncio.to_thread(site.doors[0].reset)
    for tab in tabs:
        assert await tab.closed() == 1006
    missed = [f"missed {number}" for number in range(20)]
    for text in missed:
        await talker.post(room, text)
    back = [await visit.json(door, who=who) for door in site.doors]
    joined = await asyncio.gather(*(tab.join(room, after=position) for tab in back))
    assert [event["recovered"] for event in joined] == [True, True]
    await talker.post(room, "live")
    for tab in back:
        await tab.said(room, "live")
        assert tab.texts(room) == [*missed, "live"]


@pytest.mark.parametrize(
    "forged",
    [
        {"seq": 4},
        {"seq": 2**31},
        {"seq": 2**53 - 1},
        {"epoch": "nobody's"},
        {"epoch": ""},
        {"epoch": "é" * 10_000},
        {"epoch": "other"},
    ],
    ids=lambda forged: str(forged)[:30],
)
async def test_position_that_cannot_be_is_answered_with_a_fresh_start(
    site: Deployment, visit: Visits, room: str, forged: dict[str, Any]
) -> None:
    talker = await visit.json(site.doors[0], room, f"{room}-other")
    for number in range(3):
        await talker.post(room, str(number))
    if forged.get("epoch") == "other":
        forged = {"epoch": talker.position(f"{room}-other")["epoch"]}
    for door in site.doors:
        client = await visit.json(door)
        position = {**talker.position(room), **forged}
        assert (await client.join(room, after=position))["recovered"] is False
        assert client.texts(room) == ["0", "1", "2"]
    await talker.post(room, "live")
    await client.said(room, "live")


PRUNE = """
from datetime import timedelta
from django.core.management import call_command
from django.utils import timezone
from chat.models import Message, Room
Room.objects.filter(slug={room!r}).update(retention_days=1)
old = Message.objects.filter(room__slug={room!r}, seq__lte=5)
old.update(at=timezone.now() - timedelta(days=2))
call_command("chat_prune", verbosity=0)
"""


async def test_position_before_what_was_pruned_is_answered_with_a_fresh_start(
    site: Deployment, visit: Visits, room: str
) -> None:
    talker = await visit.json(site.doors[0], room)
    for number in range(8):
        await talker.post(room, str(number))
    position = talker.position(room)
    await asyncio.to_thread(site.processes[0].run, PRUNE.format(room=room))
    for door in site.doors:
        client = await visit.json(door)
        for seq, recovered in ((4, False), (5, True)):
            joined = {"recovered": not recovered}
            async with asyncio.timeout(2 * HEARTBEAT):  # nobody may have been told
                while joined["recovered"] is not recovered:
                    joined = await client.join(room, after={**position, "seq": seq})
            assert client.texts(room) == ["5", "6", "7"]
    await talker.post(room, "live")
    await client.said(room, "live")


@pytest.mark.parametrize("seq", [-1, 2**53, 2**64, 1.5, "1", None, True, []], ids=repr)
async def test_position_that_is_no_position_is_a_bad_command(
    site: Deployment, visit: Visits, room: str, seq: object
) -> None:
    client = await visit.json(site.doors[0], room)
    position = {**client.position(room), "seq": seq}
    assert (await client.refusal("join", room=room, after=position))["code"] == "bad_command"
    await client.post(room, "still here")


async def test_access_is_decided_again_on_a_resume(
    site: Deployment, visit: Visits, room: str
) -> None:
    talker = await visit.json(site.doors[0], room)
    await talker.post(room, "before")
    position = talker.position(room)
    await talker.close()
    for change, code in (("guests='none'", "forbidden"), ("kind='private'", "unknown_room")):
        await asyncio.to_thread(
            site.processes[0].manage,
            "shell",
            "--verbosity=0",
            "--command",
            f"from chat.models import Room; Room.objects.filter(slug='{room}').update({change})",
        )
        for door in site.doors:
            client = await visit.json(door)
            reply: dict[str, Any] = {}
            async with asyncio.timeout(2 * HEARTBEAT):  # it was changed behind everybody's back
                while reply.get("code") != code:
                    reply = await client.ask_anyway("join", room=room, after=position)
            late = await visit.json(door)
            assert (await late.refusal("join", room=room, after=position))["code"] == code
            assert room not in late.logs
