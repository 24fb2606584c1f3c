"""A site that takes back what it gave, and Ann, from whom it does."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Iterator

import pytest

from tests.integration.losing import losing
from tests.integration.people import Guest, Visits
from tests.integration.revocation.acts import Ann, Site
from tests.integration.settings import overriding
from tests.servers import Serve
from tests.services import PostgresServer, RedisServer

# Who is told has acted within two seconds; the rest is for a busy machine.
TOLD_SECONDS = 4.0

# A heartbeat that is shorter than a test's patience. Where nobody is told, all is found within it;
# the rest is for the database and a busy machine.
HEARTBEAT = 4.0
FOUND_SECONDS = 2 * HEARTBEAT

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

REVOKING = ("altered", "barred", "signedout", "doubted", "dismissed")
"""The signals that tell of what somebody may have lost."""


@pytest.fixture(
    scope="module",
    params=["core-postgres", "pubsub-sqlite", "untold-sqlite"],
)
def site(serve_module: Serve, request: pytest.FixtureRequest) -> Iterator[Site]:
    """Told over Redis, with a heartbeat in which nothing else happens; or told nothing.

    That is without a Redis, or with ``-lost`` at the end, with one that works, where exactly what
    tells of revocations is lost on the way.
    """
    layer, database, *lost = request.param.split("-")
    told = layer != "untold" and not lost
    env = overriding(
        HEARTBEAT=20 if told else HEARTBEAT, PRESENCE_LINGER=0.2, WINDOW=256, BATCH_EVENTS=64
    )
    postgres: PostgresServer | None = None
    with RedisServer() as redis:
        if layer != "untold":
            env |= {"REDIS_URL": redis.url, "CHANNEL_LAYER": layer}
        if lost:
            env |= losing(*REVOKING)
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
        while (await _listed(site, rows)) < len(clients):
            pass
    return Ann(name, board, who, clients)


async def _listed(site: Site, count: str) -> int:
    """Return what ``count`` prints of the connections that are listed."""
    code = f"from chat.models import Connection; {count}"
    return int(await asyncio.to_thread(site.first.run, code))
