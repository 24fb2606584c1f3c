"""Faults of the site's processes."""

import asyncio
import signal
from collections.abc import Callable

from tests.chaos.deployment import IDLE_SECONDS, Process
from tests.chaos.scene import Scene, fault, restart


@fault("process")
async def kill_at_random(scene: Scene) -> None:
    """SIGKILL at any moment."""
    await scene.moment()
    await restart(scene.a_process())


async def reach(scene: Scene, process: Process, point: str, there: Callable[[], bool]) -> None:
    """Arm a fault point, and wait until the process is ``there``."""
    process.arm(point)
    patience = 2.0
    async with asyncio.timeout(120):
        while not there():
            try:
                async with asyncio.timeout(patience):
                    while not there():
                        await asyncio.sleep(0.01)
            except TimeoutError:
                # Nobody may be with that process: let all come in anew, by the next door,
                # and give them more time for it each time.
                for door in scene.site.doors:
                    await asyncio.to_thread(door.reset)
                patience *= 2
    process.disarm()


async def _kill_at(scene: Scene, point: str) -> None:
    process = scene.a_process()
    await reach(scene, process, point, lambda: not process.running)
    await asyncio.to_thread(process.start)


@fault("process")
async def kill_before_commit(scene: Scene) -> None:
    """SIGKILL with messages written and not committed."""
    await _kill_at(scene, "before_commit")


@fault("process")
async def kill_after_commit(scene: Scene) -> None:
    """SIGKILL with messages committed and not acknowledged."""
    await _kill_at(scene, "after_commit")


@fault("process")
async def kill_after_ack(scene: Scene) -> None:
    """SIGKILL with messages acknowledged and not sent to anybody."""
    await _kill_at(scene, "after_ack")


@fault("process")
async def kill_mid_fanout(scene: Scene) -> None:
    """SIGKILL with messages sent to half of the sessions."""
    await _kill_at(scene, "mid_fanout")


@fault("process")
async def stop_and_continue(scene: Scene) -> None:
    """SIGSTOP, and SIGCONT some time later."""
    process = scene.a_process()
    process.signal(signal.SIGSTOP)
    await asyncio.sleep(scene.dice.uniform(1, 3))
    process.signal(signal.SIGCONT)


@fault("process")
async def stop_before_commit(scene: Scene) -> None:
    """SIGSTOP with messages written and not committed, and SIGCONT some time later."""
    process = scene.a_process()
    await reach(scene, process, "stop_before_commit", lambda: process.stands_still)
    await asyncio.sleep(scene.dice.uniform(1, 2 * IDLE_SECONDS))
    process.signal(signal.SIGCONT)


@fault("process")
async def reset_before_ack(scene: Scene) -> None:
    """Connections are reset between a post and its ack: it is committed, and nobody is told."""
    process = scene.a_process()
    await reach(scene, process, "stop_before_commit", lambda: process.stands_still)
    for door in scene.site.doors:
        await asyncio.to_thread(door.reset)
    process.signal(signal.SIGCONT)


@fault("process")
async def block_the_loop(scene: Scene) -> None:
    """The event loop does nothing for five seconds."""
    scene.a_process().signal(signal.SIGUSR2)
    await asyncio.sleep(5)


@fault("process")
async def restart_one_after_another(scene: Scene) -> None:
    """A rolling restart: SIGTERM, wait, start, the next."""
    for process in scene.site.processes:
        await asyncio.to_thread(process.restart)
