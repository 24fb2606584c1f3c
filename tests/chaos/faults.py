"""Everything that is done to a deployment on purpose. Each fault is over when its function returns.

What a fault leaves to do is for the deployment to heal by itself: only programs that were stopped
are started again.
"""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from random import Random
from typing import NamedTuple

from tests.chaos.deployment import (
    DRAIN_SECONDS,
    HEARTBEAT,
    IDLE_SECONDS,
    LAYER_CAPACITY,
    Deployment,
    Plan,
    Process,
)
from tests.integration.regulars import Crowd
from tests.programs import Program

OVERFLOW_SECONDS = 15.0
"""For a burst that overflows the layer; it takes a fraction of a second."""


class Scene(NamedTuple):
    """Where a fault happens: the deployment, those who talk meanwhile, and the dice."""

    site: Deployment
    people: Crowd
    dice: Random

    def a_process(self) -> Process:
        """One of the processes."""
        return self.dice.choice(self.site.processes)

    async def moment(self, longest: float = 0.5) -> None:
        """Wait for a while that nobody could foresee."""
        await asyncio.sleep(self.dice.uniform(0, longest))


Inject = Callable[[Scene], Awaitable[None]]


class Fault(NamedTuple):
    """Something that goes wrong, in some ``part`` of a deployment that has it."""

    name: str
    part: str
    """``process``, ``redis``, ``postgres`` or ``clients``."""
    inject: Inject

    def fits(self, plan: Plan) -> bool:
        """Whether there is such a part."""
        return not (self.part == "redis" and plan.layer == "none") and not (
            self.part == "postgres" and plan.database != "postgres"
        )


FAULTS: dict[str, Fault] = {}
"""All of them, by name."""


def _fault(part: str) -> Callable[[Inject], Inject]:
    def note(inject: Inject) -> Inject:
        name = inject.__name__
        FAULTS[name] = Fault(name, part, inject)
        return inject

    return note


async def _restart(program: Program) -> None:
    await asyncio.to_thread(program.kill)
    await asyncio.to_thread(program.start)


# Processes


@_fault("process")
async def kill_at_random(scene: Scene) -> None:
    """SIGKILL at any moment."""
    await scene.moment()
    await _restart(scene.a_process())


async def _reach(scene: Scene, process: Process, point: str, there: Callable[[], bool]) -> None:
    """Arm a fault point, and wait until the process is ``there``."""
    process.arm(point)
    async with asyncio.timeout(60):
        while not there():
            try:
                async with asyncio.timeout(2):
                    while not there():
                        await asyncio.sleep(0.01)
            except TimeoutError:
                # Nobody may be with that process: let all come in anew, by the next door.
                for door in scene.site.doors:
                    await asyncio.to_thread(door.reset)
    process.disarm()


async def _kill_at(scene: Scene, point: str) -> None:
    process = scene.a_process()
    await _reach(scene, process, point, lambda: not process.running)
    await asyncio.to_thread(process.start)


@_fault("process")
async def kill_before_commit(scene: Scene) -> None:
    """SIGKILL with messages written and not committed."""
    await _kill_at(scene, "before_commit")


@_fault("process")
async def kill_after_commit(scene: Scene) -> None:
    """SIGKILL with messages committed and not acknowledged."""
    await _kill_at(scene, "after_commit")


@_fault("process")
async def kill_after_ack(scene: Scene) -> None:
    """SIGKILL with messages acknowledged and not sent to anybody."""
    await _kill_at(scene, "after_ack")


@_fault("process")
async def kill_mid_fanout(scene: Scene) -> None:
    """SIGKILL with messages sent to half of the sessions."""
    await _kill_at(scene, "mid_fanout")


@_fault("process")
async def stop_and_continue(scene: Scene) -> None:
    """SIGSTOP, and SIGCONT some time later."""
    process = scene.a_process()
    process.signal(signal.SIGSTOP)
    await asyncio.sleep(scene.dice.uniform(1, 3))
    process.signal(signal.SIGCONT)


@_fault("process")
async def stop_before_commit(scene: Scene) -> None:
    """SIGSTOP with messages written and not committed, and SIGCONT some time later."""
    process = scene.a_process()
    await _reach(scene, process, "stop_before_commit", lambda: process.stands_still)
    await asyncio.sleep(scene.dice.uniform(1, 2 * IDLE_SECONDS))
    process.signal(signal.SIGCONT)


@_fault("process")
async def block_the_loop(scene: Scene) -> None:
    """The event loop does nothing for five seconds."""
    scene.a_process().signal(signal.SIGUSR2)
    await asyncio.sleep(5)


@_fault("process")
async def restart_one_after_another(scene: Scene) -> None:
    """A rolling restart: SIGTERM, wait, start, the next."""
    for process in scene.site.processes:
        process.stop_seconds = DRAIN_SECONDS + 10
        await asyncio.to_thread(process.restart)


# Redis


@_fault("redis")
async def restart_redis(scene: Scene) -> None:
    """It comes back empty."""
    assert scene.site.redis is not None, "it fits"
    await _restart(scene.site.redis)


@_fault("redis")
async def flush_redis(scene: Scene) -> None:
    """FLUSHALL: memberships are gone, and nobody is told."""
    await _redis(scene, "FLUSHALL")


@_fault("redis")
async def kill_redis_clients(scene: Scene) -> None:
    """CLIENT KILL, of all kinds."""
    await _kill_redis_clients(scene)


@_fault("redis")
async def kill_redis_clients_thrice(scene: Scene) -> None:
    """CLIENT KILL three times within a second."""
    for _ in range(3):
        await _kill_redis_clients(scene)
        await asyncio.sleep(0.3)


async def _kill_redis_clients(scene: Scene) -> None:
    for kind in ("normal", "pubsub"):
        await _redis(scene, "CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")


@_fault("redis")
async def pause_redis(scene: Scene) -> None:
    """CLIENT PAUSE: it takes commands and answers none."""
    seconds = scene.dice.uniform(1, 3)
    await _redis(scene, "CLIENT", "PAUSE", str(int(seconds * 1000)), "ALL")
    await asyncio.sleep(seconds)


@_fault("redis")
async def partition_redis(scene: Scene) -> None:
    """Nothing passes between the processes and Redis, and nobody is told."""
    relay = scene.site.redis_relay
    assert relay is not None, "it fits"
    relay.freeze()
    await asyncio.sleep(scene.dice.uniform(2, 4))
    relay.thaw()


@_fault("redis")
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


@_fault("redis")
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


# The database


@_fault("postgres")
async def restart_postgres(scene: Scene) -> None:
    """A fast shutdown, and a start."""
    assert scene.site.postgres is not None, "it fits"
    await asyncio.to_thread(scene.site.postgres.restart)


@_fault("postgres")
async def crash_postgres(scene: Scene) -> None:
    """Killed, so that it has to recover from its log."""
    assert scene.site.postgres is not None, "it fits"
    await _restart(scene.site.postgres)


@_fault("postgres")
async def terminate_backends(scene: Scene) -> None:
    """pg_terminate_backend for every connection."""
    site = scene.site
    assert site.postgres is not None, "it fits"
    name = site.database.rpartition("/")[2]
    await asyncio.to_thread(
        site.postgres.execute,
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
    )


@_fault("postgres")
async def cut_off_postgres(scene: Scene) -> None:
    """Connections to the database are reset and refused for a while."""
    relay = scene.site.postgres_relay
    assert relay is not None, "it fits"
    refused = scene.people.refusals
    await asyncio.to_thread(relay.cut)
    await asyncio.sleep(scene.dice.uniform(0.5, 2))
    async with asyncio.timeout(60):
        while scene.people.refusals == refused:
            await asyncio.sleep(0.01)
    await asyncio.to_thread(relay.mend)


@_fault("postgres")
async def partition_postgres(scene: Scene) -> None:
    """Nothing passes between the processes and the database, and nobody is told."""
    relay = scene.site.postgres_relay
    assert relay is not None, "it fits"
    relay.freeze()
    await asyncio.sleep(scene.dice.uniform(2, 8))
    relay.thaw()


# Clients


@_fault("clients")
async def reset_clients(scene: Scene) -> None:
    """Every connection to a process is reset, with posts on their way: not once."""
    door = scene.dice.choice(scene.site.doors)
    for _ in range(3):
        await scene.moment(0.2)
        await asyncio.to_thread(door.reset)


@_fault("clients")
async def freeze_clients(scene: Scene) -> None:
    """Connections are half open for longer than a heartbeat's patience."""
    door = scene.dice.choice(scene.site.doors)
    door.freeze()
    await asyncio.sleep(2.75 * HEARTBEAT)
    door.thaw()
