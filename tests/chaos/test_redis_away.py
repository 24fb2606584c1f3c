"""Redis fails: it is the database that decides, and the layer comes back by itself."""

import asyncio
import time
from random import Random

import pytest

from chat.hub.signals import CONTROL
from tests.chaos.conftest import PLANS
from tests.chaos.deployment import HEARTBEAT, Deployment
from tests.chaos.faults import FAULTS, Fault, Scene
from tests.chaos.relay import Relay
from tests.integration.clients import JsonClient
from tests.integration.people import Visits
from tests.integration.regulars import crowd

AWAY_SECONDS = 60

FOUND_SECONDS = HEARTBEAT
"""For the database, and a busy machine."""

SIGN_IN = """
from django.contrib.auth.models import User
from django.test import Client
client = Client()
client.force_login(User.objects.create_user("anna"))
print("sessionid=" + client.cookies["sessionid"].value)
"""
# Who is in the group of all processes is forgotten: what is told next, nobody hears. At once, as
# a beat renews the membership.
SIGN_OUT_UNHEARD = """
import redis
from django.contrib.sessions.models import Session
server = redis.Redis.from_url({redis!r})
key = Session.objects.get(pk={key!r}).pk
server.flushall()
Session.objects.filter(pk=key).delete()
print("heard by", server.exists({group!r}))
"""

with_redis = pytest.mark.parametrize("site", PLANS[:2], indirect=True, ids=str)

# "Within seconds" of the layer's return, on a busy machine.
CARRIES_SECONDS = 20

# Rooms that a process has open besides: what is done for each must not add up.
ROOMS = 160
ROOMS_EACH = 20

# Typing is told over the layer and nowhere else; it may be said once a second.
TYPING_SECONDS = 1.1


def overflown(site: Deployment) -> int:
    """How often a process was told that the layer has dropped something."""
    return sum(process.log.count("over capacity in group") for process in site.processes)


async def crosses(sender: JsonClient, hearer: JsonClient, room: str) -> None:
    """Wait until the layer carries what one says to the other."""
    since = len(hearer.events)
    async with asyncio.timeout(CARRIES_SECONDS):
        while True:
            await sender.send("typing", room=room)
            try:
                await hearer.event("typing", since, room=room, within=TYPING_SECONDS)
            except AssertionError:
                continue  # not yet
            return


async def fill(door: Relay, visit: Visits, room: str) -> list[JsonClient]:
    """Have people in ``ROOMS`` other rooms of a process, in which something was said."""
    clients = []
    for first in range(0, ROOMS, ROOMS_EACH):
        names = [f"{room}-{first + number}" for number in range(ROOMS_EACH)]
        clients.append(await visit.json(door, *names))
        for name in names:
            await clients[-1].post(name, "hello")
    return clients


@with_redis
async def test_posting_goes_on_while_redis_is_away_for_a_minute(
    site: Deployment, visit: Visits, room: str
) -> None:
    anna, cara = [await visit.json(site.doors[0], room) for _ in range(2)]
    bert = await visit.json(site.doors[1], room)
    await fill(site.doors[1], visit, room)
    assert site.redis is not None
    await asyncio.to_thread(site.redis.kill)
    back = time.monotonic() + AWAY_SECONDS
    texts: list[str] = []
    while not texts or time.monotonic() < back:
        for _ in range(10):
            texts.append(f"number {len(texts)}")
            await anna.post(room, texts[-1])
        await cara.said(room, texts[-1])
        await bert.said(room, texts[-1], within=HEARTBEAT + FOUND_SECONDS)
    assert bert.texts(room) == cara.texts(room) == texts

    # A room that no process has open by then.
    dora, emil = [await visit.json(door, f"{room}-new") for door in site.doors]
    await dora.post(f"{room}-new", "hello")
    await emil.said(f"{room}-new", "hello", within=HEARTBEAT + FOUND_SECONDS)

    await asyncio.to_thread(site.redis.start)
    await crosses(anna, bert, room)
    await crosses(bert, anna, room)
    await crosses(dora, emil, f"{room}-new")


@with_redis
async def test_silent_redis_holds_up_nobody(site: Deployment, visit: Visits, room: str) -> None:
    """No error ever comes: neither joins nor posts nor looks at the log may wait for it."""
    anna = await visit.json(site.doors[0], room)
    leaving = await fill(site.doors[1], visit, room)
    assert site.redis_relay is not None
    site.redis_relay.freeze()
    for client in leaving:
        await client.close()  # their rooms are closed in the next beats
    await anna.post(room, "while it is silent")
    bert = await visit.json(site.doors[1], room)
    assert bert.texts(room) == ["while it is silent"]
    for text in ("and on", "and on again"):
        await anna.post(room, text)
        await bert.said(room, text, within=HEARTBEAT + FOUND_SECONDS)
        await asyncio.sleep(HEARTBEAT)  # longer than it takes until all those rooms are closed
    gone = [e["left"] for e in anna.events if e["type"] == "presence"]
    assert bert.sender not in [who for left in gone for who in left]
    site.redis_relay.thaw()
    await crosses(anna, bert, room)


@pytest.mark.parametrize("site", PLANS[:1], indirect=True, ids=str)
async def test_sign_out_whose_message_is_dropped_is_found_within_a_heartbeat(
    site: Deployment, visit: Visits, room: str
) -> None:
    assert site.redis is not None
    cookie = (await asyncio.to_thread(site.processes[0].run, SIGN_IN)).strip()
    clients = [await visit.json(door, room, cookie=cookie) for door in site.doors]
    await crosses(clients[0], clients[1], room)
    sign_out = SIGN_OUT_UNHEARD.format(
        redis=site.redis.url, key=cookie.partition("=")[2], group=f"asgi:group:{CONTROL}"
    )
    assert await asyncio.to_thread(site.processes[0].run, sign_out) == "heard by 0\n"
    ends = [client.closed(within=HEARTBEAT + FOUND_SECONDS) for client in clients]
    assert await asyncio.gather(*ends) == [4501, 4501]


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


@pytest.mark.parametrize("site", PLANS[:1], indirect=True, ids=str)
async def test_layer_that_overflows_has_dropped_something_and_nothing_is_lost(
    site: Deployment, room: str
) -> None:
    """Beyond its capacity the core layer drops, and says so where it was to be sent from."""
    before = overflown(site)
    async with crowd(room, *site.homes(), each=1) as people:
        await FAULTS["overflow_the_layer"].inject(Scene(site, people, Random(1)))
        history = await people.history()
    assert history.faults() == []
    assert overflown(site) > before
