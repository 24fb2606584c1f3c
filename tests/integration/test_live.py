"""Three processes, one Redis, one database, two thousand sessions: the live view has them right."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator

import pytest

from chat.load.crowd import Crowd
from chat.load.dialects import HUB
from tests.integration.connection import PATIENCE
from tests.integration.people import Visits
from tests.integration.settings import overriding
from tests.integration.shapes import Event
from tests.servers import Serve, SiteServer
from tests.services import RedisServer
from tests.staff import fetch, sign_in_staff

OVERRIDES = overriding(POSTS_PER_SECOND=0, SESSIONS_PER_ADDRESS=0)

SESSIONS = 2000

PROCESSES = 3

POSTS_AT_ONCE = 8

LOAD_SECONDS = 20.0
"""How long the page may take on a machine that does everything else as well."""


@pytest.fixture
def trio(serve: Serve) -> Iterator[list[SiteServer]]:
    """Three daphne processes with a Redis of their own."""
    with RedisServer() as redis:
        yield [serve(env={"REDIS_URL": redis.url, **OVERRIDES}) for _ in range(PROCESSES)]


def deliveries(site: SiteServer, event: Event, session: str) -> int:
    """Return how many events processes say that they have handed out since they began."""
    found = 0
    for process in event["processes"]:
        page = fetch(site, f"/admin/chat/node/{process['node']}/change/?part=since", session)
        (count,) = re.findall(r"<dt>Deliveries</dt><dd>([\d,]+)</dd>", page)
        found += int(count.replace(",", ""))
    return found


async def test_three_processes_with_two_thousand_sessions_are_all_there(
    trio: list[SiteServer], visit: Visits
) -> None:
    site = trio[0]
    session = await asyncio.to_thread(sign_in_staff, site, "boss", "view_live")
    watcher = await visit.json(site, cookie=f"sessionid={session}")
    crowd = Crowd(HUB, [("127.0.0.1", server.port) for server in trio], "/ws", text_bytes=64)
    try:
        await crowd.connect(SESSIONS, SESSIONS)
        crowd.start_posting(POSTS_AT_ONCE)
        while crowd.acked < 5 * POSTS_AT_ONCE:
            await asyncio.sleep(0.01)
        crowd.stop_posting()
        assert await crowd.quiesce(patience=60.0)
        assert crowd.problems() == []
        delivered = crowd.posted * SESSIONS

        # At once, and then with the beats: until each process has told of all of it.
        await watcher.ask("watch")
        everybody = SESSIONS + 1  # who watches is a session as well
        live = await watcher.find(
            lambda event: event["type"] == "live" and complete(event, everybody), "all of it"
        )
        assert sorted(process["sessions"] for process in live["processes"]) == [666, 667, 668]
        assert live["total"]["ack_p99"] >= live["total"]["ack_p50"] > 0
        assert live["total"]["fanout_p99"] >= live["total"]["fanout_p50"] > 0
        assert live["total"]["errors"] == 0

        began = time.monotonic()
        page = await asyncio.to_thread(fetch, site, "/admin/chat/node/", session)
        assert time.monotonic() - began < LOAD_SECONDS
        for process in live["processes"]:
            assert process["name"] in page
        assert f"{everybody:,}" in page
        async with asyncio.timeout(PATIENCE):
            # Each says so with its next beat.
            while await asyncio.to_thread(deliveries, site, live, session) < delivered:
                await asyncio.sleep(0.2)
        assert await asyncio.to_thread(deliveries, site, live, session) == delivered
    finally:
        await crowd.leave()


def complete(event: Event, sessions: int) -> bool:
    """Whether all sessions are there, and every process has told of deliveries, by now."""
    processes = event["processes"]
    return event["total"]["sessions"] == sessions and all(p["deliveries"] for p in processes)
