"""Who is connected to either process is in the admin of both, and is disconnected from there."""

import asyncio
import http.client
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from tests.integration.connection import PATIENCE
from tests.integration.people import Visits
from tests.integration.settings import overriding
from tests.integration.streams import Stream
from tests.servers import Serve, SiteServer
from tests.services import PostgresServer, RedisServer

# What is told is there at once; what is not, is found within a heartbeat.
HEARTBEAT = 4.0

LIST = "/admin/chat/connection/"

BOSS = """
from django.contrib.auth.models import User
from django.test import Client
client = Client()
client.force_login(User.objects.create_superuser("boss"))
print("signed in:", client.cookies["sessionid"].value)
"""

ROWS = """
import json
from chat.models import Connection
fields = ("pk", "session", "node__name", "rooms", "address", "dialect", "client", "lag")
rows = Connection.objects.order_by("pk")
print("rows:", json.dumps(list(rows.values(*fields, "sender_key", "heard_at")), default=str))
"""


class Site(NamedTuple):
    """Two processes of one site, and the cookie of somebody who may do everything."""

    first: SiteServer
    second: SiteServer
    cookie: str

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of all sessions."""
        printed = self.first.run(ROWS)
        found = re.search(r"^rows: (.*)$", printed, re.MULTILINE)
        assert found, printed
        return list(json.loads(found[1]))


@pytest.fixture(scope="module", params=["core-postgres", "untold-sqlite"])
def site(serve_module: Serve, request: pytest.FixtureRequest) -> Iterator[Site]:
    """Two daphne processes that are told over Redis what happens, or nothing."""
    layer, database = request.param.split("-")
    env = overriding(HEARTBEAT=20 if layer == "core" else HEARTBEAT, PRESENCE_LINGER=0.2)
    postgres: PostgresServer | None = None
    with RedisServer() as redis:
        if layer == "core":
            env |= {"REDIS_URL": redis.url}
        if database == "postgres":
            postgres = request.getfixturevalue("postgres_server")
            assert postgres is not None
            postgres.start()
            env["DATABASE_URL"] = postgres.create_database()
        first, second = serve_module(env=env), serve_module(env=env)
        found = re.search(r"^signed in: (\S+)$", first.run(BOSS), re.MULTILINE)
        assert found
        yield Site(first, second, f"sessionid={found[1]}; csrftoken={'c' * 32}")
        for server in (first, second):
            server.stop()
        if postgres:
            postgres.drop_database(env["DATABASE_URL"])


def ask(server: SiteServer, path: str, cookie: str, form: dict[str, Any] | None = None) -> str:
    """Load a page of the admin, or send it a form; what it answers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        if form is None:
            connection.request("GET", path, headers={"Cookie": cookie})
        else:
            body = urlencode(form | {"csrfmiddlewaretoken": "c" * 32}, doseq=True)
            head = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", path, body, head)
        answer = connection.getresponse()
        assert answer.status in (200, 302), answer.status
        return answer.read().decode()
    finally:
        connection.close()


async def rows_of(site: Site, room: str, count: int) -> dict[str, dict[str, Any]]:
    """Wait until so many sessions are in a room, by the rows; the rows by dialect."""
    async with asyncio.timeout(PATIENCE):
        while True:
            rows = [row for row in await asyncio.to_thread(site.rows) if room in row["rooms"]]
            if len(rows) == count:
                return {row["dialect"]: row for row in rows}


async def test_sessions_of_either_process_are_on_the_page_of_both(
    site: Site, visit: Visits, room: str
) -> None:
    client = await visit.json(site.first, room)
    await client.post(room, "hello")
    line = await visit.terminal(site.second, room)
    stream = await Stream.open(site.second, room)
    rows = await rows_of(site, room, 3)
    assert rows.keys() == {"json", "terminal", "stream"}
    for row in rows.values():
        assert row["address"] == "127.0.0.1"
        assert row["sender_key"].startswith("g:")
    assert "websockets" in rows["json"]["client"]
    nodes = [rows[dialect]["node__name"] for dialect in ("json", "terminal", "stream")]
    assert nodes[0] != nodes[1] == nodes[2]
    for server in (site.first, site.second):
        page = await asyncio.to_thread(ask, server, f"{LIST}?room={room}", site.cookie)
        for row in rows.values():
            assert f"{LIST}{row['pk']}/change/" in page
    # Both processes were asked, and tell.
    async with asyncio.timeout(PATIENCE):
        while any(row["heard_at"] is None for row in (await rows_of(site, room, 3)).values()):
            pass
    lags = {dialect: row["lag"] for dialect, row in (await rows_of(site, room, 3)).items()}
    assert lags["terminal"] is None
    # Both have heard the message, and confirm it at the next ping.
    assert {lags["json"], lags["stream"]} <= {0, 1}
    assert line.open
    stream.close()


async def test_session_is_disconnected_from_the_admin_of_the_other_process(
    site: Site, visit: Visits, room: str
) -> None:
    stays = await visit.json(site.second, room)
    goes = await visit.terminal(site.second, room)
    row = (await rows_of(site, room, 2))["terminal"]
    form = {
        "action": "disconnect_selected",
        "_selected_action": [row["pk"]],
        "reason": "spam",
    }
    question = await asyncio.to_thread(ask, site.first, LIST, site.cookie, form)
    assert "These sessions end at once" in question
    assert goes.open
    await asyncio.to_thread(ask, site.first, LIST, site.cookie, form | {"confirmed": "yes"})
    assert await goes.closed(within=2 * HEARTBEAT) == 4503
    await stays.post(room, "still here")
    await rows_of(site, room, 1)
