"""A process is killed, and all who were on it come back at the same moment."""

import asyncio
import resource
import time
from collections.abc import Iterator

import pytest

from tests.chaos.conftest import PLANS
from tests.chaos.deployment import Deployment
from tests.integration.regulars import Crowd, crowd

CLIENTS = 1000

STORM_SECONDS = 240.0
"""Until all of them are back, where the machine is slow; usually some ten seconds."""

LEFT = 1000
LOST, SILENT, SLOW = 1006, 4001, 4002

pytestmark = [
    pytest.mark.parametrize("site", PLANS[:2], indirect=True, ids=str),
    pytest.mark.timeout(900),
]


@pytest.fixture
def many_files() -> Iterator[None]:
    """Lets this process have as many sockets open as the system allows it."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_a_thousand_who_come_back_at_once_have_missed_nothing(
    site: Deployment, room: str, many_files: None
) -> None:
    async with (
        crowd(room, site.doors[1:], each=2) as talkers,
        crowd(room, site.processes[:1], each=CLIENTS) as listeners,
    ):
        await talkers.talk(5)
        listeners.hold_back()
        await asyncio.to_thread(site.processes[0].kill)
        async with talkers.talking(pause=0.1):  # all of it can be resumed, however long it takes
            await talkers.more(20)
            await asyncio.to_thread(site.processes[0].start)
            began = time.monotonic()
            listeners.let_in()
            last = await talkers.regulars[0].post("you are all back")
            back = (each.reach(last, within=STORM_SECONDS) for each in listeners.regulars)
            await asyncio.gather(*back)
            print(f"{CLIENTS} were back in {time.monotonic() - began:.1f} s")
        everybody = Crowd([*talkers.regulars, *listeners.regulars])
        history = await everybody.history()
    assert history.faults() == []
    # Where the machine is slow, some answer their pings late, or are lost, and come back once more.
    for one in listeners.regulars:
        assert LOST in one.codes
        assert set(one.codes) <= {LEFT, LOST, SILENT, SLOW}
    again = sum(one.returns > 2 for one in listeners.regulars)
    print(f"{again} of them came back twice")
