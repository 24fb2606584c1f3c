"""Each fault, under load: everybody hears all that was acknowledged, once and in one order."""

from random import Random

import pytest

from tests.chaos.conftest import PLANS
from tests.chaos.deployment import Deployment
from tests.chaos.faults import FAULTS, Fault, Scene
from tests.integration.regulars import crowd

EACH = 2
"""People for each process."""


@pytest.mark.parametrize(
    ("site", "fault"),
    [
        pytest.param(plan, fault, id=f"{fault.name}-{plan}")
        for plan in PLANS
        for fault in FAULTS.values()
        if fault.fits(plan) and (plan.database == "postgres" or fault.part == "process")
    ],
    indirect=["site"],
)
async def test_nothing_is_lost_and_nothing_comes_twice(
    site: Deployment, fault: Fault, room: str
) -> None:
    async with crowd(room, *site.homes(), each=EACH) as people:
        async with people.talking():
            await people.more(20)
            await fault.inject(Scene(site, people, Random(fault.name)))
            await people.more(20)
        history = await people.history()
    assert history.faults() == []
