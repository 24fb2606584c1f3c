"""Faults of clients, and of the way to them."""

import asyncio
import contextlib
from contextlib import AsyncExitStack

from tests.chaos.deployment import HEARTBEAT
from tests.chaos.scene import Scene, fault
from tests.integration.raw import TINY_BUFFER, RawClient

STUCK = 3
"""Readers that are stuck at once."""


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
    await asyncio.sleep(3.5 * HEARTBEAT)
    door.thaw()
    async with asyncio.timeout(60):
        while there and sum(each.returns for each in there) == before:
            await asyncio.sleep(0.01)


@fault("clients")
async def stick_readers(scene: Scene) -> None:
    """Some come in, ask for all there is, and read nothing of what they are told."""
    door = scene.dice.choice(scene.site.doors)
    room = scene.people.regulars[0].room
    async with AsyncExitStack() as stack:
        # Where something else goes wrong too, they may not come in, or not stay.
        with contextlib.suppress(OSError, AssertionError):
            for _ in range(STUCK):
                client = await RawClient.connect(door, buffer=TINY_BUFFER)
                await stack.enter_async_context(client)
                await client.say("join", room=room, history=200)
                for _ in range(20):
                    await client.say("history", room=room, before=2**31, limit=100)
        await scene.people.more(100)
