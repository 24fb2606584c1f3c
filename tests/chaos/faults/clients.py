"""Faults of clients, and of the way to them."""

import asyncio
import contextlib
from contextlib import AsyncExitStack

from websockets.exceptions import WebSocketException

from tests.chaos.deployment import HEARTBEAT
from tests.chaos.scene import Scene, fault
from tests.integration.clients import JsonClient, Refused
from tests.integration.connection import Ended
from tests.integration.people import Door
from tests.integration.raw import TINY_BUFFER, RawClient
from tests.integration.shapes import Event

STUCK = 3
"""Readers that are stuck, or slow, at once."""

SIP = 2000
"""Bytes a second that a slow reader takes."""


@fault("clients")
async def reset_clients(scene: Scene) -> None:
    """Every connection to a process is reset, with posts on their way: not once."""
    door = scene.dice.choice(scene.site.doors)
    for _ in range(3):
        await scene.moment(0.2)
        await asyncio.to_thread(door.reset)


@fault("clients")
async def freeze_clients(scene: Scene) -> None:
    """Connections are half open for longer than a heartbeat's patience, and are ended for it."""
    door = scene.dice.choice(scene.site.doors)
    there = [each for each in scene.people.regulars if each.client and each.door is door]
    before = sum(each.returns for each in there)
    door.freeze()
    await asyncio.sleep(5 * HEARTBEAT)  # whoever was busy asks everybody once more first
    door.thaw()
    async with asyncio.timeout(60):
        while there and sum(each.returns for each in there) == before:
            await asyncio.sleep(0.01)


async def _reader(stack: AsyncExitStack, door: Door, room: str) -> RawClient:
    """One who has asked for all there is, and for whom little can wait."""
    client = await stack.enter_async_context(await RawClient.connect(door, buffer=TINY_BUFFER))
    await client.say("join", room=room, history=200)
    return client


@fault("clients")
async def stick_readers(scene: Scene) -> None:
    """Some come in, ask for all there is, and read nothing of what they are told."""
    door = scene.dice.choice(scene.site.doors)
    room = scene.people.regulars[0].room
    async with AsyncExitStack() as stack:
        # Where something else goes wrong too, they may not come in, or not stay.
        with contextlib.suppress(OSError, AssertionError):
            for _ in range(STUCK):
                client = await _reader(stack, door, room)
                for _ in range(20):
                    await client.say("history", room=room, before=2**31, limit=100)
        await scene.people.more(100)


@fault("clients")
async def slow_readers(scene: Scene) -> None:
    """Some come in and read all that they are told, far slower than it is said."""
    door = scene.dice.choice(scene.site.doors)
    room = scene.people.regulars[0].room
    sipping = []
    async with AsyncExitStack() as stack:
        with contextlib.suppress(OSError, AssertionError):
            for _ in range(STUCK):
                client = await _reader(stack, door, room)
                sipping.append(asyncio.create_task(client.sip(SIP, lambda: False)))
        try:
            await scene.people.more(200)
        finally:
            for task in sipping:
                task.cancel()
            await asyncio.gather(*sipping, return_exceptions=True)


@fault("clients")
async def retry_at_once(scene: Scene) -> None:
    """A post goes out by all doors together, under one id: all are told the same seq."""
    poster = scene.dice.choice(scene.people.regulars)
    for number in range(5):
        post_id = f"at once {number} {scene.dice.random()}"
        poster.texts[post_id] = text = f"{poster.who.uid} says it everywhere, {number}"
        tries = (
            _post_by(door, poster.who.cookie, poster.room, text, post_id)
            for door in scene.site.doors * 2
        )
        acks = [ack for ack in await asyncio.gather(*tries) if ack]
        poster.acks += acks
        assert sum(not ack["duplicate"] for ack in acks) <= 1, acks


async def _post_by(door: Door, cookie: str, room: str, text: str, post_id: str) -> Event | None:
    """Post on a connection of its own; the acknowledgement, if there is one."""
    try:
        async with await JsonClient.connect(door.ws_url, cookie=cookie) as client:
            await client.event("welcome")
            return await client.post(room, text, id=post_id)
    except (OSError, WebSocketException, Ended, Refused):
        return None  # where something else goes wrong too
