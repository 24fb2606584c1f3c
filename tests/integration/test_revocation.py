"""What the site takes back is gone at once on every process; untold, within a heartbeat."""

import asyncio
import re
import secrets
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.integration.clients import JsonClient
from tests.integration.people import Guest, Visits, new_guest
from tests.integration.settings import overriding
from tests.servers import Serve, SiteServer
from tests.services import PostgresServer, RedisServer

TOLD_SECONDS = 2.0

# A heartbeat that is shorter than a test's patience. Where nobody is told, all is found within it;
# the rest is for the database and a busy machine.
HEARTBEAT = 4.0
FOUND_SECONDS = HEARTBEAT + 1.5

PREPARE = """
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from chat.models import Membership, Room
user = User.objects.create_user({name!r}, password="a long secret")
group = Group.objects.create(name={name!r})
group.permissions.add(Permission.objects.get(codename="redact_message"))
user.groups.add(group)
room = Room.objects.create(slug={room!r}, kind="private")
Membership.objects.create(room=room, user=user)
client = Client()
client.force_login(user)
print("signed in:", user.pk, client.cookies["sessionid"].value)
"""

CHANGE = """
from datetime import timedelta
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from chat import moderation
from chat.models import Connection, Membership, Room
user, key, room = User.objects.get(username={name!r}), {key!r}, Room.objects.get(slug={room!r})
by = moderation.by_command("test")
{change}
"""

SIGNED_OUT = {
    "sign-out": "browser = Client(); browser.cookies['sessionid'] = key; browser.logout()",
    "session deleted": "Session.objects.filter(pk=key).delete()",
    "password change": "user.set_password('another long secret'); user.save()",
    "deactivated": "user.is_active = False; user.save()",
    "deleted": "user.delete()",
}
REMOVED = {
    "ban": "moderation.ban(moderation.target_of(user), by=by, reason='spam')",
    "disconnect": "moderation.disconnect(Connection.objects.filter(sender_name=user), by=by)",
}


# Session rows are only looked at, and nobody is told when one of them ends by itself.
EXPIRES_SECONDS = 3
EXPIRES = f"""
ends = timezone.now() + timedelta(seconds={EXPIRES_SECONDS})
Session.objects.filter(pk=key).update(expire_date=ends)
"""


class Site(NamedTuple):
    """Two processes of one site, and within how many seconds they know what has changed."""

    first: SiteServer
    second: SiteServer
    within: float


@pytest.fixture(
    scope="module",
    params=["core-postgres", "pubsub-sqlite", "untold-sqlite"],
)
def site(serve_module: Serve, request: pytest.FixtureRequest) -> Iterator[Site]:
    """Told over Redis, with a heartbeat in which nothing else happens; or told nothing."""
    layer, database = request.param.split("-")
    told = layer != "untold"
    env = overriding(HEARTBEAT=20 if told else HEARTBEAT, PRESENCE_LINGER=0.2)
    postgres: PostgresServer | None = None
    with RedisServer() as redis:
        if told:
            env |= {"REDIS_URL": redis.url, "CHANNEL_LAYER": layer}
        if database == "postgres":
            postgres = request.getfixturevalue("postgres_server")
            assert postgres is not None
            postgres.start()
            env["DATABASE_URL"] = postgres.create_database()
        within = TOLD_SECONDS if told else FOUND_SECONDS
        found = Site(serve_module(env=env), serve_module(env=env), within)
        yield found
        for server in (found.first, found.second):
            server.stop()
        if postgres:
            postgres.start()
            postgres.drop_database(env["DATABASE_URL"])


class Ann(NamedTuple):
    """A user with a session on each process, in a room of members and in a public one."""

    name: str
    board: str
    who: Guest
    clients: list[JsonClient]


@pytest.fixture
async def ann(site: Site, visit: Visits, room: str) -> Ann:
    """Ann, who has been here for a while: nobody is about to look at her anyway."""
    name, board = f"ann-{secrets.token_hex(4)}", f"{room}-board"
    code = PREPARE.format(name=name, room=board)
    printed = await asyncio.to_thread(site.first.run, code)
    found = re.search(r"^signed in: (\d+) (\S+)$", printed, re.MULTILINE)
    assert found, printed
    who = Guest(found[1], f"sessionid={found[2]}")
    clients = [
        await visit.json(server, room, board, who=who) for server in (site.first, site.second)
    ]
    for client in clients:
        await client.online(board, {who.uid})
    rows = f"print(Connection.objects.filter(sender_name={name!r}).count())"
    async with asyncio.timeout(60):
        while (await listed(site, rows)) < len(clients):
            pass
    return Ann(name, board, who, clients)


async def listed(site: Site, count: str) -> int:
    """Return what ``count`` prints of the connections that are listed."""
    code = f"from chat.models import Connection; {count}"
    return int(await asyncio.to_thread(site.first.run, code))


async def change(site: Site, ann: Ann, what: str) -> None:
    """Run ``what`` in a process of its own; returns when that is done, and it has told so."""
    key = ann.who.cookie.partition("=")[2]
    code = CHANGE.format(name=ann.name, key=key, room=ann.board, change=what)
    await asyncio.to_thread(site.first.run, code)


async def still_here(site: Site, visit: Visits, room: str) -> list[JsonClient]:
    """Others in the public room, one on each process."""
    return [await visit.json(server, room) for server in (site.first, site.second)]


@pytest.mark.parametrize(
    ("what", "code"),
    [*((name, 4501) for name in SIGNED_OUT), *((name, 4503) for name in REMOVED)],
)
async def test_sessions_end_on_both_processes_and_no_others(
    site: Site, visit: Visits, room: str, ann: Ann, what: str, code: int
) -> None:
    others = await still_here(site, visit, room)
    await change(site, ann, {**SIGNED_OUT, **REMOVED}[what])
    ends = [client.closed(within=site.within) for client in ann.clients]
    assert await asyncio.gather(*ends) == [code, code]
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


@pytest.mark.parametrize(
    "what",
    [
        "Membership.objects.all().delete()",
        "moderation.remove(moderation.target_of(user), room=room, by=by, reason='rude')",
        "moderation.ban(moderation.target_of(user), room=room, by=by, reason='rude')",
    ],
    ids=["lost membership", "removed", "banned"],
)
async def test_one_room_is_left_on_both_processes_and_no_other(
    site: Site, room: str, ann: Ann, what: str
) -> None:
    await change(site, ann, what)
    for client in ann.clients:
        left = await client.event("left", within=site.within)
        assert left["room"] == ann.board
        assert left.get("reason") == ("rude" if "rude" in what else None)
        await client.post(room, "still here")
        assert (await client.refusal("join", room=ann.board))["code"] in (
            "unknown_room",
            "forbidden",
        )


@pytest.mark.parametrize(
    "what",
    ["user.groups.clear()", "Group.objects.get(name=user.username).permissions.clear()"],
    ids=["group left", "group without"],
)
async def test_lost_permission_is_lost_on_both_processes_and_nobody_leaves(
    site: Site, room: str, ann: Ann, what: str
) -> None:
    await change(site, ann, what)
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
