"""What no client means to send: it is answered, or cut off; others notice nothing of it."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.frames import Opcode

from tests.integration.clients import JsonClient
from tests.integration.connection import Ended
from tests.integration.memory import resident
from tests.integration.nonsense import (
    SILENT,
    TIMES,
    commands,
    likely,
    moderating,
)
from tests.integration.people import Visits, new_guest
from tests.integration.raw import RawClient, frame
from tests.integration.settings import overriding
from tests.servers import Serve, ServerKind, SiteServer
from tests.talker import talker

MEGABYTE = 2**20
CODES = {
    *("bad_frame", "bad_command", "unknown_command", "unknown_room", "forbidden", "not_joined"),
    *("empty", "too_long", "not_found", "rate_limited", "too_many_rooms"),
}


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def kind(request: pytest.FixtureRequest) -> ServerKind:
    """Each kind of server."""
    kind: ServerKind = request.param
    return kind


@pytest.fixture(scope="module")
def server(
    serve_module: Serve, kind: ServerKind, request: pytest.FixtureRequest
) -> Iterator[SiteServer]:
    """A site that lets one say a lot; with uvicorn, on PostgreSQL."""
    env = overriding(POSTS_PER_SECOND=0, ROOMS_PER_SESSION=10_000)
    if kind == "daphne":
        yield serve_module(kind, env=env)
        return
    postgres = request.getfixturevalue("postgres_server")
    url = postgres.create_database()
    server = serve_module(kind, env={**env, "DATABASE_URL": url})
    yield server
    server.close()
    postgres.drop_database(url)


@pytest.fixture
def unharmed(server: SiteServer) -> Iterator[None]:
    """Sees to it that another session is as it was, and that the server has not grown."""
    with talker(server.ws_url, "witness") as witness:
        before, said = resident(server.pid), len(server.log)
        yield
        witness.post("still here")
    grown = resident(server.pid) - before
    assert grown < 16 * MEGABYTE, f"{grown / MEGABYTE:.0f} MB"
    # uvicorn shows the traceback of its own decoder for text that is not UTF-8.
    assert "/chat/" not in server.log[said:]


# Below the messages: the server itself answers

ENDLESS = 3 * MEGABYTE


def fragments(size: int, pieces: int) -> bytes:
    """A message in so many frames, of which none is the last."""
    head = frame("x" * size, fin=False)
    return head + frame("x" * size, opcode=Opcode.CONT, fin=False) * (pieces - 1)


VIOLATIONS = {
    "invalid UTF-8": frame(b'{"type":"rooms"}\xff\xfe'),
    "overlong UTF-8": frame(b'"\xc0\xaf"'),
    "surrogate in UTF-8": frame(b'"\xed\xa0\x80"'),
    "unmasked": frame("{}", masked=False),
    "reserved bit 1": frame("{}", reserved=0b100),
    "reserved bit 2": frame("{}", reserved=0b010),
    "reserved bit 3": frame("{}", reserved=0b001),
    "unknown opcode": frame("{}", opcode=0x3),
    "unknown control opcode": frame("", opcode=0xB),
    "continuation of nothing": frame("{}", opcode=Opcode.CONT),
    "new message in a message": frame("a", fin=False) + frame("b"),
    "fragmented ping": frame("a", opcode=Opcode.PING, fin=False),
    "ping too long": frame("x" * 126, opcode=Opcode.PING),
    "close with one byte": frame(b"\x03", opcode=Opcode.CLOSE),
    "close with a code that may not be": frame(b"\x03\xed", opcode=Opcode.CLOSE),
    "frame that claims too much": frame("", claims=2**40),
    "frame that claims what no number is": frame("", claims=2**63 + 1),
    "frame over the server's limit": frame("x" * ENDLESS),
    "message over the server's limit": fragments(65_536, ENDLESS // 65_536),
    "not WebSocket at all": b"GET / HTTP/1.1\r\n\r\n" * 10,
}


@pytest.mark.parametrize("data", VIOLATIONS.values(), ids=VIOLATIONS)
async def test_violation_ends_the_connection_and_harms_nobody(
    server: SiteServer, visit: Visits, room: str, unharmed: None, data: bytes
) -> None:
    witness = await visit.json(server, room)
    async with await RawClient.connect(server) as client:
        with contextlib.suppress(OSError):  # cut off while it still talks
            await client.send(data)
        assert await client.end() in (None, 1002, 1007, 1009, 4509)
    await witness.post(room, "nothing happened")
    assert witness.texts(room) == ["nothing happened"]


async def test_message_that_never_ends_costs_no_more_than_the_limit(
    server: SiteServer, visit: Visits, unharmed: None
) -> None:
    """Many at once, each just below what ends it."""
    witness = await visit.json(server)
    before = resident(server.pid)
    clients = [await RawClient.connect(server) for _ in range(8)]
    for client in clients:
        await client.send(fragments(1000, 60))
    await witness.ask("rooms")
    assert resident(server.pid) - before < 8 * MEGABYTE
    for client in clients:
        client.close()


async def test_pings_are_answered_and_not_kept(
    server: SiteServer, visit: Visits, unharmed: None
) -> None:
    witness = await visit.json(server)
    async with await RawClient.connect(server) as client:
        for _ in range(20):
            await client.send(frame("x" * 125, opcode=Opcode.PING) * 200)
        await client.say("rooms", ref=1)
        await client.until(
            lambda: any(event.get("ref") == 1 for event in client.events), "an answer"
        )
    await witness.ask("rooms")


# Frames that are no commands

FRAMES = {
    "blank": " \n",
    "half of it": '{"type":"rooms"',
    "two": '{"type":"rooms"}{"type":"rooms"}',
    "number": "7",
    "null": "null",
    "string": '"rooms"',
    "list of numbers": "[1,2]",
    "list in a list": '[[{"type":"rooms"}]]',
    "too many commands": json.dumps([{"type": "rooms"}] * 101),
    "NaN": '{"type":"history","room":"main","before":NaN}',
    "Infinity": '{"type":"history","room":"main","before":Infinity}',
    "deep list": "[" * 30_000,
    "deep object": '{"a":' * 10_000,
    "deep value": '{"type":"rooms","x":' + "[" * 20_000 + "]" * 20_000 + "}",
    "lone surrogate in UTF-8 escapes": '{"type":"post","room":"main","id":"1","text":"\\ud800"}',
    "NUL": '{"type":"rooms"\0}',
    "byte order mark": '\ufeff{"type":"rooms"}',
}


@pytest.mark.parametrize("text", FRAMES.values(), ids=FRAMES)
async def test_frame_that_is_no_command_is_answered(
    server: SiteServer, visit: Visits, room: str, unharmed: None, text: str
) -> None:
    client, witness = await visit.json(server), await visit.json(server, room)
    await client.send_text(text)
    error = await client.event("error")
    assert error["code"] in ("bad_frame", "bad_command")
    await client.post(room, "still here")
    await witness.said(room, "still here")


async def test_nul_in_a_message_is_a_bad_command_and_the_session_lives(
    server: SiteServer, visit: Visits, room: str
) -> None:
    client = await visit.json(server, room)
    assert (await client.refusal("post", room=room, text="a\0b", id="1"))["code"] == "bad_command"
    assert (await client.refusal("post", room=room, text="ab", id="\0"))["code"] == "bad_command"
    assert (await client.refusal("join", room="a\0b"))["code"] == "bad_command"
    await client.post(room, "ab")


@pytest.mark.parametrize("seq", ["1" + "0" * 5000, "-" + "9" * 400, "1e400"], ids=len)
async def test_huge_number_is_a_bad_command(
    server: SiteServer, visit: Visits, room: str, seq: str
) -> None:
    client = await visit.json(server, room)
    await client.send_text(f'{{"type":"history","room":"{room}","before":{seq},"ref":1}}')
    error = await client.event("error")
    assert error["code"] in ("bad_command", "bad_frame")
    await client.post(room, "still here")


# Commands whose fields are anything

SIGN_IN = """
from django.contrib.auth.models import User
from django.test import Client
client = Client()
boss, _ = User.objects.get_or_create(username="boss", is_staff=True, is_superuser=True)
client.force_login(boss)
print("sessionid=" + client.cookies["sessionid"].value)
"""


@pytest.fixture(scope="module")
def moderator(server: SiteServer) -> str:
    """The cookie of somebody to whom nothing is forbidden."""
    return server.run(SIGN_IN).strip()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(commands | likely | moderating, min_size=1, max_size=25))
def test_every_command_is_answered_once_whatever_is_in_it(
    server: SiteServer, unharmed: None, said: list[dict[str, Any]]
) -> None:
    asyncio.run(_answered(server, said))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(commands | likely | moderating, min_size=1, max_size=25))
def test_every_command_of_a_moderator_is_answered_once_whatever_is_in_it(
    server: SiteServer, moderator: str, unharmed: None, said: list[dict[str, Any]]
) -> None:
    asyncio.run(_answered(server, said, moderator))


@pytest.mark.parametrize("until", TIMES)
async def test_mute_until_the_ends_of_time_is_answered(
    server: SiteServer, moderator: str, visit: Visits, room: str, unharmed: None, until: str
) -> None:
    client = await visit.json(server, room, cookie=moderator)
    muted = {"room": room, "action": "mute", "target": new_guest().uid, "until": until}
    await client.send_text(json.dumps({"type": "moderate", **muted, "ref": "mute"}))
    await client.until(lambda: _replies(client, "mute"), "an answer")
    (reply,) = _replies(client, "mute")
    assert reply["type"] == "moderated" or reply["code"] == "bad_command"
    await client.post(room, "still here")


async def _answered(server: SiteServer, said: list[dict[str, Any]], cookie: str = "") -> None:
    async with await JsonClient.connect(server.ws_url, cookie=cookie) as client:
        await client.event("welcome")
        # The client's own bookkeeping of rooms is not what this is about.
        client.logs = _AnyRoom()
        refs = itertools.count(1)
        expected = []
        for command in said:
            ref = next(refs)
            if command["type"] not in SILENT:
                expected.append(ref)
            with contextlib.suppress(Ended):
                await client.send_text(json.dumps({**command, "ref": ref}))
        await client.send_text(json.dumps({"type": "rooms", "ref": "last"}))
        await client.event("rooms", ref="last")
        await client.until(
            lambda: all(_replies(client, ref) for ref in expected), f"replies to {said}"
        )
        for ref in expected:
            (reply,) = _replies(client, ref)
            assert reply["type"] != "error" or reply["code"] in CODES, (reply, said[ref - 1])


def _replies(client: JsonClient, ref: int | str) -> list[dict[str, Any]]:
    return [event for event in client.events if event.get("ref") == ref]


class _Nobody:
    """Keeps no log."""

    position = 0

    def add(self, entry: object) -> None:
        """Take it as it comes."""


class _AnyRoom(dict[str, Any]):
    """Has a log that keeps nothing, for every room."""

    def __contains__(self, room: object) -> bool:
        return True

    def __getitem__(self, room: str) -> Any:
        return _Nobody()
