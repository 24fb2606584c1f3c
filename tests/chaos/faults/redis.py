"""Faults of Redis, and of the way to it."""

import asyncio
import contextlib
import signal

from tests.chaos.deployment import LAYER_CAPACITY
from tests.chaos.scene import Scene, fault, restart

OVERFLOW_SECONDS = 15.0
"""For a burst that overflows the layer; it takes a fraction of a second."""


@fault("redis")
async def restart_redis(scene: Scene) -> None:
    """It comes back empty."""
    assert scene.site.redis is not None, "it fits"
    await restart(scene.site.redis)


@fault("redis")
async def flush_redis(scene: Scene) -> None:
    """FLUSHALL: memberships are gone, and nobody is told."""
    await _redis(scene, "FLUSHALL")


@fault("redis")
async def kill_redis_clients(scene: Scene) -> None:
    """CLIENT KILL, of all kinds."""
    await _kill_redis_clients(scene)


@fault("redis")
async def kill_redis_clients_thrice(scene: Scene) -> None:
    """CLIENT KILL three times within a second."""
    for _ in range(3):
        await _kill_redis_clients(scene)
        await asyncio.sleep(0.3)


async def _kill_redis_clients(scene: Scene) -> None:
    for kind in ("normal", "pubsub"):
        await _redis(scene, "CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")


@fault("redis")
async def pause_redis(scene: Scene) -> None:
    """CLIENT PAUSE: it takes commands and answers none."""
    seconds = scene.dice.uniform(1, 3)
    await _redis(scene, "CLIENT", "PAUSE", str(int(seconds * 1000)), "ALL")
    await asyncio.sleep(seconds)


@fault("redis")
async def partition_redis(scene: Scene) -> None:
    """Nothing passes between the processes and Redis, and nobody is told."""
    relay = scene.site.redis_relay
    assert relay is not None, "it fits"
    relay.freeze()
    await asyncio.sleep(scene.dice.uniform(2, 4))
    relay.thaw()


@fault("redis")
async def cut_off_redis(scene: Scene) -> None:
    """Connections to Redis are reset and refused for a while; posting goes on."""
    relay = scene.site.redis_relay
    assert relay is not None, "it fits"
    await asyncio.to_thread(relay.cut)
    await scene.people.more(20)
    await asyncio.sleep(scene.dice.uniform(0, 2))
    await asyncio.to_thread(relay.mend)


async def _redis(scene: Scene, *command: str) -> None:
    assert scene.site.redis is not None, "it fits"
    await asyncio.to_thread(scene.site.redis.execute, *command)


@fault("redis")
async def overflow_the_layer(scene: Scene) -> None:
    """More for a process that stands still than the layer holds: it drops what is too much.

    So does the core layer, beyond its ``capacity``. The pub/sub layer has none: what comes
    meanwhile waits for the process in Redis and in its socket, and comes late and all at once.
    """
    talker = scene.dice.choice(scene.people.regulars)
    await talker.here()
    others = [
        process
        for process, door in zip(scene.site.processes, scene.site.doors, strict=True)
        if door is not talker.door
    ]
    deaf = scene.dice.choice(others)
    deaf.signal(signal.SIGSTOP)
    try:
        # Where something else goes wrong too, the talker may end up with the one that is stopped.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OVERFLOW_SECONDS):
                # One after another, or they would be one batch.
                for number in range(2 * LAYER_CAPACITY):
                    await talker.post(f"{number} of a burst")
    finally:
        deaf.signal(signal.SIGCONT)
