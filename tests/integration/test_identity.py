"""Who the server says you are: by the cookie its pages set, or by the site's session."""

import asyncio
import http.client
import re
from http.cookies import Morsel, SimpleCookie

import pytest

from tests.integration.people import Guest, Visits, new_guest
from tests.servers import Serve, ServerKind, SiteServer

GUEST_COOKIE = "chat_guest"

SIGN_IN = """
from django.contrib.auth import get_user_model
from django.test import Client
user = get_user_model().objects.create_user({name!r}, password="a long secret")
client = Client()
client.force_login(user)
print("signed in:", user.pk, client.cookies["sessionid"].value)
"""

SIGN_OUT = """
from django.contrib.sessions.models import Session
print("ended:", Session.objects.filter(pk={key!r}).delete()[0])
"""


@pytest.fixture(scope="module")
def server(serve_module: Serve) -> SiteServer:
    """A site as it comes, with one process."""
    return serve_module()


def cookie_of_page(server: SiteServer, cookie: str = "") -> Morsel[str] | None:
    """The guest's cookie that ``GET /`` sets, if it sets one."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("GET", "/", headers={"Cookie": cookie} if cookie else {})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        cookies: SimpleCookie = SimpleCookie()
        for line in answer.headers.get_all("Set-Cookie") or []:
            cookies.load(line)
        return cookies.get(GUEST_COOKIE)
    finally:
        connection.close()


async def visit_page(server: SiteServer) -> str:
    """Open the page as a new visitor; the ``Cookie`` header of all that comes after."""
    cookie = await asyncio.to_thread(cookie_of_page, server)
    assert cookie is not None
    return f"{GUEST_COOKIE}={cookie.coded_value}"


async def sign_in(server: SiteServer, name: str) -> Guest:
    """Make a user with a session: their number, and their cookie."""
    code = SIGN_IN.format(name=name)
    printed = await asyncio.to_thread(server.run, code)
    found = re.search(r"^signed in: (\d+) (\S+)$", printed, re.MULTILINE)
    assert found, printed
    return Guest(found[1], f"sessionid={found[2]}")


# Guests


async def test_page_makes_a_guest_and_does_not_make_another_of_it(server: SiteServer) -> None:
    first = await asyncio.to_thread(cookie_of_page, server)
    second = await asyncio.to_thread(cookie_of_page, server)
    assert first is not None
    assert second is not None
    assert first.value != second.value
    assert first["httponly"] is True
    assert first["samesite"] == "Lax"
    assert int(first["max-age"]) >= 30 * 24 * 3600
    known = f"{GUEST_COOKIE}={first.coded_value}"
    assert await asyncio.to_thread(cookie_of_page, server, known) is None


async def test_guest_keeps_its_identity_over_reconnect_and_restart(
    serve: Serve, visit: Visits, room: str
) -> None:
    server = serve()
    cookie = await visit_page(server)
    anna = await visit.json(server, room, cookie=cookie)
    who = anna.sender
    assert 0 < int(who["id"]) < 2**31
    seq = (await anna.post(room, "mine"))["seq"]
    await anna.close()
    again = await visit.json(server, room, cookie=cookie)
    assert again.sender == who

    await asyncio.to_thread(server.restart)
    back = await visit.json(server, room, cookie=cookie)
    assert back.sender == who
    assert back.texts(room) == ["mine"]
    await back.ask("edit", room=room, seq=seq, text="still mine")
    stranger = await visit.json(server, room)
    assert stranger.sender["id"] != who["id"]
    refusal = await stranger.refusal("edit", room=room, seq=seq, text="not mine")
    assert refusal["code"] == "forbidden"
    line = await visit.terminal(server, room, who=Guest(who["id"], cookie))
    await line.say("the same one")
    await line.line(f"[UID: {who['id']}]: the same one")


async def test_those_without_a_cookie_are_all_different(server: SiteServer, visit: Visits) -> None:
    ids = {(await visit.json(server)).sender["id"] for _ in range(5)}
    assert len(ids) == 5


@pytest.mark.parametrize("forgery", ["number", "signature", "unsigned", "empty", "another key"])
async def test_forged_cookie_is_a_new_guest(
    server: SiteServer, visit: Visits, forgery: str
) -> None:
    victim = new_guest()
    _, _, value = victim.cookie.partition("=")
    number, _, signature = value.partition(":")
    assert number == victim.uid
    wanted = number
    match forgery:
        case "number":
            wanted = str(int(number) ^ 1)
            value = f"{wanted}:{signature}"
        case "signature":
            # Not of the last one, two bits of which say nothing.
            value = f"{number}:{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
        case "unsigned":
            value = number
        case "empty":
            value = ""
        case _:
            value = f"{number}:{'A' * len(signature)}"
    assert f"{GUEST_COOKIE}={value}" != victim.cookie
    forged = f"{GUEST_COOKIE}={value}"
    ids = [(await visit.json(server, cookie=forged)).sender["id"] for _ in range(2)]
    assert wanted not in ids
    assert ids[0] != ids[1]
    replaced = await asyncio.to_thread(cookie_of_page, server, forged)
    assert replaced is not None
    assert not replaced.value.startswith(wanted)


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_guest_that_keeps_its_cookie_may_post_again_after_a_lost_connection(
    serve_module: Serve, visit: Visits, room: str, kind: ServerKind
) -> None:
    server = serve_module(kind)
    first = await visit.json(server, room)
    assert first.socket.response is not None
    cookies: SimpleCookie = SimpleCookie()
    for line in first.socket.response.headers.get_all("Set-Cookie"):
        cookies.load(line)
    if kind == "daphne":
        assert not cookies, "it sends no headers of the application's"
        cookie = await visit_page(server)
        first = await visit.json(server, room, cookie=cookie)
    else:
        cookie = f"{GUEST_COOKIE}={cookies[GUEST_COOKIE].coded_value}"
    stored = await first.post(room, "once", id="tried")
    await first.close()
    again = await visit.json(server, room, cookie=cookie)
    assert again.sender == first.sender
    ack = await again.post(room, "once", id="tried")
    assert (ack["seq"], ack["duplicate"]) == (stored["seq"], True)


# Users


async def test_signed_in_user_is_the_sender(server: SiteServer, visit: Visits, room: str) -> None:
    user = await sign_in(server, f"user-{room}")
    anna = await visit.json(server, room, who=user)
    bert = await visit.json(server, room)
    assert anna.sender == {"id": user.uid, "name": f"user-{room}"}
    await anna.post(room, "signed")
    assert (await bert.said(room, "signed"))["sender"] == anna.sender
    await bert.online(room, {user.uid, bert.sender["id"]})
    joined = await (await visit.json(server)).join(room)
    assert anna.sender in joined["members"]
    # A name is what the account says: only guests choose one.
    assert (await anna.refusal("rename", name="somebody else"))["type"] == "error"
    await anna.post(room, "again")
    assert (await bert.said(room, "again"))["sender"] == anna.sender


async def test_terminal_shows_a_user_by_the_primary_key(
    server: SiteServer, visit: Visits, room: str
) -> None:
    user = await sign_in(server, f"user-{room}")
    bert = await visit.terminal(server, room)
    reader = await visit.json(server, room)
    anna = await visit.terminal(server, room, who=user)
    await bert.line(f"[UID: {user.uid}] joined")
    await anna.say("hello")
    for client in (anna, bert):
        await client.line(f"[UID: {user.uid}]: hello")
    assert (await reader.said(room, "hello"))["sender"]["id"] == user.uid


async def test_session_comes_before_the_guest_cookie_and_lasts_over_a_restart(
    serve: Serve, visit: Visits, room: str
) -> None:
    server = serve()
    user, guest = await sign_in(server, "anna"), new_guest()
    both = f"{guest.cookie}; {user.cookie}"
    wanted = {"id": user.uid, "name": "anna"}
    assert (await visit.json(server, cookie=both)).sender == wanted
    await asyncio.to_thread(server.restart)
    assert (await visit.json(server, cookie=both)).sender == wanted

    # Signed out, they are the guest that they were.
    key = user.cookie.partition("=")[2]
    printed = await asyncio.to_thread(server.run, SIGN_OUT.format(key=key))
    assert "ended: 1" in printed
    assert (await visit.json(server, cookie=both)).sender["id"] == guest.uid
    assert (await visit.json(server, cookie="sessionid=made-up")).sender["id"] != user.uid
