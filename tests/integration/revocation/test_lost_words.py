"""Redis works, and exactly what tells of a revocation is lost on the way: a heartbeat finds it."""

import asyncio
import re
import secrets

import pytest

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
from tests.integration.revocation.conftest import TOLD_SECONDS

pytestmark = pytest.mark.parametrize("site", ["core-sqlite-lost"], indirect=True)

SHUT = "Room.objects.filter(pk=room.pk).update(kind='private'); api.room_changed(room)"

TELLS = {
    "sign-out": "signedout",
    "session deleted": "signedout",
    "ban": "barred",
    "banned": "barred",
    "disconnect": "dismissed",
}
"""The kind of the signal that tells of it; of all else, that somebody is in doubt."""

LOOKED_AFTER = """
from django.contrib.auth.models import User
from django.test import Client
from chat.models import Membership, Room
room, user = Room.objects.get(slug={room!r}), User.objects.create_user({name!r})
Membership.objects.create(room=room, user=user, role="owner")
client = Client()
client.force_login(user)
print(client.cookies["sessionid"].value)
"""


async def losses(site: Site) -> list[str]:
    """Return the kinds of all signals that were lost on their way from where ``change`` runs."""
    log = await asyncio.to_thread((site.first.directory / "shell.log").read_text)
    return re.findall(r"lost on the way: (\w+)", log)


async def lose(site: Site, ann: Ann, what: str, kind: str, *, room: str = "") -> None:
    """Run ``what``, which would be told of by a signal of that kind, and is not."""
    before = await losses(site)
    await change(site, ann, what, room=room)
    assert kind in (await losses(site))[len(before) :]


@pytest.mark.parametrize("what", CLOSES)
async def test_sessions_end_on_both_processes_within_a_heartbeat(
    site: Site, visit: Visits, room: str, ann: Ann, what: str
) -> None:
    other = await visit.json(site.second, room)
    # Redis works: in the database there is nothing of this.
    await ann.clients[0].send("typing", room=room)
    await other.event("typing", room=room)
    await lose(site, ann, {**SIGNED_OUT, **REMOVED}[what], TELLS.get(what, "doubted"))
    ends = [client.closed(within=site.within) for client in ann.clients]
    assert await asyncio.gather(*ends) == [CLOSES[what]] * 2
    await other.post(room, "still here")


@pytest.mark.parametrize("what", PUT_OUT)
async def test_one_room_is_left_on_both_processes_within_a_heartbeat(
    site: Site, room: str, ann: Ann, what: str
) -> None:
    await lose(site, ann, PUT_OUT[what], TELLS.get(what, "doubted"))
    for client in ann.clients:
        await client.event("left", room=ann.board, within=site.within)
        await client.post(room, "still here")


@pytest.mark.parametrize("what", UNPRIVILEGED)
async def test_lost_permission_is_lost_on_both_processes_within_a_heartbeat(
    site: Site, room: str, ann: Ann, what: str
) -> None:
    await lose(site, ann, UNPRIVILEGED[what], "doubted")
    for client in ann.clients:
        told = await client.event("rights", room=room, within=site.within)
        assert told["may"] == ["post"]
        await client.post(room, "still here")


async def test_room_that_becomes_private_is_left_on_both_processes_within_a_heartbeat(
    site: Site, visit: Visits, room: str, ann: Ann
) -> None:
    guests = [await visit.json(server, room) for server in (site.first, site.second)]
    await lose(site, ann, SHUT, "altered", room=room)
    for guest in guests:
        await guest.event("left", room=room, within=site.within)


async def test_who_is_removed_in_the_chat_is_out_at_once_here_and_within_a_heartbeat_elsewhere(
    site: Site, visit: Visits, room: str
) -> None:
    guest = new_guest()
    here, there = [
        await visit.json(server, room, who=guest) for server in (site.first, site.second)
    ]
    code = LOOKED_AFTER.format(room=room, name=f"owner-{secrets.token_hex(4)}")
    key = (await asyncio.to_thread(site.first.run, code)).strip()
    owner = await visit.json(site.first, room, cookie=f"sessionid={key}")
    await owner.ask("moderate", room=room, action="remove", target=guest.uid, reason="rude")
    for client, within in ((here, TOLD_SECONDS), (there, site.within)):
        left = await client.event("left", room=room, within=within)
        assert left["reason"] == "rude"
        assert (await client.refusal("join", room=room))["code"] == "forbidden"
    assert "lost on the way: barred" in site.first.log
