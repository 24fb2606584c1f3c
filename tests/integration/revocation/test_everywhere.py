"""What the site takes back is gone at once on every process; untold, within a heartbeat."""

import asyncio
import time

import pytest

from tests.integration.clients import JsonClient
from tests.integration.people import Visits, new_guest
from tests.integration.revocation.acts import (
    CLOSES,
    PUT_OUT,
    REMOVED,
    SIGNED_OUT,
    UNPRIVILEGED,
    Ann,
    Site,
    change,
)

# Session rows are only looked at, and nobody is told when one of them ends by itself.
EXPIRES_SECONDS = 6
EXPIRES = f"""
ends = timezone.now() + timedelta(seconds={EXPIRES_SECONDS})
Session.objects.filter(pk=key).update(expire_date=ends)
"""


async def still_here(site: Site, visit: Visits, room: str) -> list[JsonClient]:
    """Others in the public room, one on each process."""
    return [await visit.json(server, room) for server in (site.first, site.second)]


@pytest.mark.parametrize("what", CLOSES)
async def test_sessions_end_on_both_processes_and_no_others(
    site: Site, visit: Visits, room: str, ann: Ann, what: str
) -> None:
    others = await still_here(site, visit, room)
    await change(site, ann, {**SIGNED_OUT, **REMOVED}[what])
    ends = [client.closed(within=site.within) for client in ann.clients]
    assert await asyncio.gather(*ends) == [CLOSES[what]] * 2
    for other in others:
        await other.post(room, "still here")
    if what == "ban":
        again = await JsonClient.connect(site.second.ws_url, cookie=ann.who.cookie)
        async with again:
            assert await again.closed() == 4503


@pytest.mark.parametrize("site", ["untold-sqlite"], indirect=True)
async def test_sessions_end_when_the_sign_in_expires_and_not_before(
    site: Site, room: str, ann: Ann
) -> None:
    began = time.monotonic()
    await change(site, ann, EXPIRES)
    for client in ann.clients:
        await client.post(room, "still here")
    ends = [client.closed(within=EXPIRES_SECONDS + site.within) for client in ann.clients]
    assert await asyncio.gather(*ends) == [4501, 4501]
    assert time.monotonic() - began >= EXPIRES_SECONDS


@pytest.mark.parametrize("what", PUT_OUT)
async def test_one_room_is_left_on_both_processes_and_no_other(
    site: Site, room: str, ann: Ann, what: str
) -> None:
    await change(site, ann, PUT_OUT[what])
    for client in ann.clients:
        left = await client.event("left", within=site.within)
        assert left["room"] == ann.board
        assert left.get("reason") == ("rude" if "rude" in PUT_OUT[what] else None)
        await client.post(room, "still here")
        # Who is banned may know that it is there; who is no member any more, not even that.
        code = "forbidden" if what == "banned" else "unknown_room"
        assert (await client.refusal("join", room=ann.board))["code"] == code


@pytest.mark.parametrize("what", UNPRIVILEGED)
async def test_lost_permission_is_lost_on_both_processes_and_nobody_leaves(
    site: Site, room: str, ann: Ann, what: str
) -> None:
    await change(site, ann, UNPRIVILEGED[what])
    for client in ann.clients:
        told = await client.event("rights", room=room, within=site.within)
        assert told["may"] == ["post"]
        await client.post(room, "still here")
        assert not [event for event in client.events if event["type"] == "left"]


async def test_guest_who_is_muted_cannot_post_on_either_process(
    site: Site, visit: Visits, room: str, ann: Ann
) -> None:
    who = new_guest()
    tabs = [await visit.json(server, room, who=who) for server in (site.first, site.second)]
    await change(site, ann, f"moderation.mute(moderation.target_of('g:{who.uid}'), by=by)")
    for tab in tabs:
        assert (await tab.event("rights", room=room, within=site.within))["may"] == []
        assert (await tab.refusal("post", room=room, text="x", id="1"))["code"] == "forbidden"
    for client in ann.clients:
        await client.post(room, "still here")
