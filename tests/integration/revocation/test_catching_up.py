"""Who is being sent what they missed is sent no more of it when they may no longer have it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from tests.integration.clients import JsonClient, Refused
from tests.integration.connection import Ended
from tests.integration.people import Visits
from tests.integration.revocation.acts import (
    CLOSES,
    PUT_OUT,
    REMOVED,
    SIGNED_OUT,
    Ann,
    Site,
    change,
)
from tests.integration.shapes import LOGGED
from tests.servers import SiteServer

ENTRIES, WINDOW = 1800, 256
"""Of the log there is to catch up with; those that a client is sent before it confirms any."""

# Confirmed at a time, and the seconds in between: it takes longer than any revocation may.
STEP, PACE = 12, 0.12

FILL = """
from chat import store
from chat.models import Membership, Room
from django.contrib.auth.models import User
room = Room.objects.create(slug={room!r}, kind="private")
Membership.objects.create(room=room, user=User.objects.get(username={name!r}))
store.append([
    store.PostDraft(room={room!r}, sender_key="s:Robot", sender_name="Robot", id=str(n), text="x")
    for n in range({count})
])
print(room.epoch)
"""

SAY = "api.publish(room, 'for those who are still here')"

LOSES = {**SIGNED_OUT, **REMOVED, **PUT_OUT}
ACTS = ("lost membership", "banned", "deactivated", "ban")


class Archive(NamedTuple):
    """A private room with a long log, of which Ann is a member, and which nobody is in."""

    room: str
    epoch: str

    @property
    def beginning(self) -> dict[str, object]:
        """The position before all of it."""
        return {"epoch": self.epoch, "seq": 0}


@pytest.fixture
async def archive(site: Site, ann: Ann, room: str) -> Archive:
    """It is made anew for each test."""
    name = f"{room}-archive"
    code = FILL.format(room=name, name=ann.name, count=ENTRIES)
    return Archive(name, (await asyncio.to_thread(site.first.run, code)).strip())


def entries(client: JsonClient, archive: Archive) -> int:
    """How much of its log a client was ever sent."""
    return sum(event["type"] in LOGGED and event["room"] == archive.room for event in client.events)


async def has_lost(client: JsonClient, archive: Archive, *, within: float) -> None:
    """Wait until the session is over, or out of the room."""
    with contextlib.suppress(Ended):
        await client.until(lambda: archive.room not in client.logs, "the end", within=within)


@contextlib.asynccontextmanager
async def creeping(client: JsonClient, archive: Archive) -> AsyncIterator[None]:
    """Have a client confirm a little of what it was sent, all the time: so it is sent more."""

    async def creep() -> None:
        seen = 0
        while client.open:
            await asyncio.sleep(PACE)
            seen = min(seen + STEP, entries(client, archive))
            await client.send("pong", seen={archive.room: seen})

    client.answers = False  # at once, that is, and all of it
    task = asyncio.create_task(creep())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Ended):
            await task


@pytest.mark.parametrize("what", ACTS)
async def test_who_is_in_the_middle_of_it_is_sent_nothing_more(
    site: Site, visit: Visits, room: str, ann: Ann, archive: Archive, what: str
) -> None:
    reader = await visit.json(site.second, room, who=ann.who)
    async with creeping(reader, archive):
        joined = await reader.ask("join", room=archive.room, after=archive.beginning)
        assert joined["recovered"] is True
        await reader.reach(archive.room, WINDOW + STEP)
        await change(site, ann, LOSES[what], room=archive.room)
        await has_lost(reader, archive, within=site.within)
        sent = entries(reader, archive)
        assert WINDOW < sent < ENTRIES
        if what in CLOSES:
            assert await reader.closed() == CLOSES[what]
            return
        # It goes on confirming what it has; and there is even more that it has not.
        await change(site, ann, SAY, room=archive.room)
        for number in range(5):
            await reader.post(room, f"still here {number}")
            await asyncio.sleep(2 * PACE)
        assert entries(reader, archive) == sent
    for client in ann.clients:
        await client.post(room, "still here")


@pytest.mark.parametrize("what", ACTS)
async def test_who_comes_back_and_resumes_meanwhile_is_out_as_well(
    site: Site, visit: Visits, room: str, ann: Ann, archive: Archive, what: str
) -> None:
    opened: list[JsonClient] = []

    async def resume(server: SiteServer, times: int) -> None:
        for _ in range(times):
            with contextlib.suppress(Ended, Refused):
                client = await visit.json(server, who=ann.who)
                opened.append(client)
                await client.ask("join", room=archive.room, after=archive.beginning)

    servers = (site.first, site.second)
    await asyncio.gather(*(resume(server, 2) for server in servers))
    assert all(archive.room in client.logs for client in opened), "as long as they may"
    await asyncio.gather(
        change(site, ann, LOSES[what], room=archive.room),
        *(resume(server, 7) for server in servers for _ in range(2)),
    )
    losses = [has_lost(client, archive, within=site.within) for client in opened]
    await asyncio.gather(*losses)
    if what not in CLOSES:
        assert all(client.open for client in opened)
    before = [entries(client, archive) for client in opened]
    await change(site, ann, SAY, room=archive.room)
    for client in opened:
        if client.open:
            await client.ask("rooms")
    assert [entries(client, archive) for client in opened] == before
