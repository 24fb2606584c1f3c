"""What a fault is, and where it happens."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import NamedTuple

from tests.chaos.deployment import Deployment, Plan, Process
from tests.integration.regulars import Crowd
from tests.programs import Program


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


def fault(part: str) -> Callable[[Inject], Inject]:
    """Note a fault of a part down, by the name of its function."""

    def note(inject: Inject) -> Inject:
        name = inject.__name__
        FAULTS[name] = Fault(name, part, inject)
        return inject

    return note


async def restart(program: Program) -> None:
    """Kill it, and start it again."""
    await asyncio.to_thread(program.kill)
    await asyncio.to_thread(program.start)
