"""Rounds of chaos: a new deployment, a crowd, faults one by one or two at once, and a verdict."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from tests.chaos.deployment import Deployment, Plan
from tests.chaos.faults import FAULTS, Fault, Scene
from tests.integration.regulars import Crowd, crowd
from tests.services import PostgresServer

PLANS = (
    Plan("daphne", "core", "postgres"),
    Plan("uvicorn", "pubsub", "postgres"),
    Plan("uvicorn", "core", "postgres", processes=3),
    Plan("daphne", "pubsub", "sqlite"),
    Plan("uvicorn", "core", "sqlite"),
    Plan("daphne", "none", "sqlite"),
)

# Of each deployment's two or three processes.
EACH = 3

# Faults in one round: histories are kept in memory until they are judged.
FAULTS_IN_A_ROUND = 8

# How often two faults come at once.
TOGETHER = 0.3

HEAL_SECONDS = 60

PAUSE_SECONDS = 0.03
"""Between two posts of one of the crowd."""


@dataclass
class Tally:
    """What was seen, over one round or many."""

    injected: list[str] = field(default_factory=list)
    heals: list[float] = field(default_factory=list)
    """Seconds from the end of a fault until everybody had heard what was said after it."""
    acknowledged: int = 0
    deliveries: int = 0
    reconnects: int = 0
    refusals: int = 0
    """Posts that were answered ``unavailable``, and sent again."""
    wrong: list[str] = field(default_factory=list)
    """Whatever contradicts the promises."""

    def add(self, other: "Tally") -> None:
        """Count in what another round saw."""
        self.injected += other.injected
        self.heals += other.heals
        self.acknowledged += other.acknowledged
        self.deliveries += other.deliveries
        self.reconnects += other.reconnects
        self.refusals += other.refusals
        self.wrong += other.wrong


def play(seed: str, postgres: PostgresServer, say: Callable[[str], None], *, until: float) -> Tally:
    """Play the round that ``seed`` stands for, and begin no fault but the first after ``until``."""
    dice = Random(seed)
    plan = dice.choice(PLANS)
    say(f"round {seed}: {plan}")
    tally = Tally()
    with Deployment(plan, postgres) as site:
        try:
            asyncio.run(_play(site, f"round-{seed}", dice, say, until, tally))
        except Exception as error:
            tally.wrong.append(f"the round broke off: {error!r}")
        for each in tally.wrong[:20]:
            say(f"  WRONG: {each}")
        if tally.wrong:
            say(site.log)
    tally.wrong = [f"round {seed} ({plan}): {each}" for each in tally.wrong]
    return tally


async def _play(
    site: Deployment,
    room: str,
    dice: Random,
    say: Callable[[str], None],
    until: float,
    tally: Tally,
) -> None:
    async with crowd(room, *site.homes(), each=EACH) as people:
        try:
            async with people.talking(pause=PAUSE_SECONDS):
                await people.more(10)
                for turn in range(FAULTS_IN_A_ROUND):
                    if turn and time.monotonic() > until:
                        break
                    if not await _break(people, site, dice, say, tally):
                        break
            tally.wrong += (await people.history()).faults()
        finally:
            tally.acknowledged = people.acked
            tally.deliveries = sum(len(regular.entries) for regular in people.regulars)
            tally.reconnects = sum(max(0, regular.returns - 1) for regular in people.regulars)
            tally.refusals = people.refusals


async def _break(
    people: Crowd, site: Deployment, dice: Random, say: Callable[[str], None], tally: Tally
) -> bool:
    """Throw a fault or two, and wait until all is well; whether it is."""
    faults = _throw(site.plan, dice)
    names = " and ".join(fault.name for fault in faults)
    tally.injected += (fault.name for fault in faults)
    began = time.monotonic()
    scene = Scene(site, people, dice)
    await asyncio.gather(*(fault.inject(scene) for fault in faults))
    await asyncio.to_thread(site.heal)
    try:
        heal = await _healed(people)
    except (AssertionError, TimeoutError):
        tally.wrong.append(f"{names}: not healed within {HEAL_SECONDS} s")
        return False
    say(f"  {names}: {time.monotonic() - began - heal:.1f} s, healed in {heal:.2f} s")
    tally.heals.append(heal)
    return True


def _throw(plan: Plan, dice: Random) -> Sequence[Fault]:
    fitting = [fault for fault in FAULTS.values() if fault.fits(plan)]
    first = dice.choice(fitting)
    others = [fault for fault in fitting if fault.part != first.part]
    return [first, dice.choice(others)] if dice.random() < TOGETHER else [first]


async def _healed(people: Crowd) -> float:
    """Wait until all have heard one from each end of the crowd; how long that took."""
    began = time.monotonic()
    for poster in (people.regulars[0], people.regulars[-1]):
        seq = await poster.post("after the fault")
        await asyncio.gather(
            *(regular.reach(seq, within=HEAL_SECONDS) for regular in people.regulars)
        )
    return time.monotonic() - began
