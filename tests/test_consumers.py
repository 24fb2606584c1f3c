import asyncio
import logging
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import OperationalError
from pytest_django import Settings

from chat import identity
from chat.hub import hub as hubs
from chat.hub import sending
from chat.hub.session import Session
from chat.identity import GUEST_COOKIE
from chat.routing import websocket_application
from tests.fakes import soon
from tests.hub.clients import (
    OPEN_SITE,
    Connect,
    Connection,
    ConnectTerminal,
    JsonClient,
    memory_layer,
    off_loop,
    sign_up,
)


@pytest.fixture(autouse=True)
def open_site(settings: Settings) -> None:
    settings.CHAT = OPEN_SITE


def sender(client: JsonClient) -> dict[str, str]:
    """Return who a client is told it is."""
    found: dict[str, str] = client.events[0]["sender"]
    return found


async def refused(connections: list[Connection], **kwargs: Any) -> int:
    """Connect to be accepted and closed at once; the code."""
    client = JsonClient(**kwargs)
    connections.append(client)
    await client.open()
    assert client.accepted
    assert client.subprotocol == "chat.v1.json"
    return await client.closed()


# Who is at the other end


async def test_guest_with_a_cookie_is_always_the_same(connect: Connect) -> None:
    guest = identity.new_guest()
    cookies = {GUEST_COOKIE: identity.guest_cookie(guest)}
    first, second = await connect(cookies=cookies), await connect(cookies=cookies)
    assert sender(first) == sender(second) == {"id": guest.sender.id, "name": guest.sender.name}


async def test_guest_with_a_forged_cookie_or_none_is_a_new_one(connect: Connect) -> None:
    guest = identity.new_guest()
    forged = identity.guest_cookie(guest)[:-1] + "_"
    first = await connect(cookies={GUEST_COOKIE: forged})
    second = await connect()
    assert len({guest.sender.id, sender(first)["id"], sender(second)["id"]}) == 3


async def test_new_guest_is_given_a_cookie_by_which_it_is_the_same_one_again(
    connect: Connect, connect_terminal: ConnectTerminal
) -> None:
    first = await connect()
    cookie = first.cookies[GUEST_COOKIE]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/", True, "Lax")
    assert not cookie["secure"]
    again = await connect(cookies={GUEST_COOKIE: cookie.value})
    assert sender(again) == sender(first)
    assert not again.cookies
    terminal = await connect_terminal()
    assert identity.of_guest(terminal.cookies[GUEST_COOKIE].value)


async def test_cookie_of_a_guest_is_for_encrypted_connections_where_it_came_by_one(
    connections: list[Connection],
) -> None:
    client = JsonClient()
    connections.append(client)
    client.scope["scheme"] = "wss"
    await client.open()
    assert client.cookies[GUEST_COOKIE]["secure"]


async def test_user_is_given_no_cookie_of_a_guest(connect: Connect) -> None:
    ann = await sign_up("ann")
    assert not (await connect(cookies=ann.cookies)).cookies
    assert not (await connect(user=ann.user)).cookies


async def test_user_is_known_by_the_cookie_of_the_site(connect: Connect) -> None:
    ann = await sign_up("ann")
    client = await connect(cookies=ann.cookies)
    assert sender(client) == {"id": str(ann.user.pk), "name": "ann"}


async def test_user_that_the_site_put_into_the_scope_is_believed(connect: Connect) -> None:
    ann, bob = await sign_up("ann"), await sign_up("bob")
    client = await connect(user=ann.user, cookies=bob.cookies)
    assert sender(client)["name"] == "ann"


async def test_anonymous_user_in_the_scope_is_a_guest_whatever_the_cookie(
    connect: Connect,
) -> None:
    ann = await sign_up("ann")
    client = await connect(user=AnonymousUser(), cookies=ann.cookies)
    assert sender(client)["name"].startswith("Guest ")


@pytest.mark.parametrize("session", ["nonsense", "", "x" * 32, '"\\000aaaaaaaaaa"'])
async def test_session_that_is_not_there_is_a_guests(connect: Connect, session: str) -> None:
    client = await connect(cookies={"sessionid": session})
    assert sender(client)["name"].startswith("Guest ")


async def test_inactive_user_is_a_guest_only(connect: Connect) -> None:
    ann = await sign_up("ann")
    await off_loop(User.objects.filter(pk=ann.user.pk).update, is_active=False)
    client = await connect(cookies=ann.cookies)
    assert sender(client)["name"].startswith("Guest ")


# Who is not let in


async def test_guest_of_a_site_without_guests_is_accepted_and_told_to_sign_in(
    connections: list[Connection], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CHAT = {**OPEN_SITE, "GUESTS": "none"}
    with caplog.at_level(logging.INFO, "chat"):
        assert await refused(connections) == 4501
    assert "refused a connection from '192.0.2.1': SIGNED_OUT" in caplog.text
    assert not hubs.current().sessions


async def test_user_of_a_site_without_guests_is_let_in(
    connect: Connect, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "GUESTS": "none"}
    ann = await sign_up("ann")
    await (await connect(cookies=ann.cookies)).join()


async def test_connections_beyond_those_of_a_user_are_told_so(
    connect: Connect, connections: list[Connection], settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "SESSIONS_PER_USER": 1}
    ann = await sign_up("ann")
    first = await connect(cookies=ann.cookies)
    assert await refused(connections, cookies=ann.cookies) == 4003
    await first.close()
    await connect(cookies=ann.cookies)


async def test_connections_beyond_those_of_an_address_are_told_so(
    connect: Connect, connections: list[Connection], settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "SESSIONS_PER_ADDRESS": 1}
    first = await connect()
    assert await refused(connections) == 4003
    await connect(address="192.0.2.2")
    await first.close()
    await connect()


async def test_user_is_told_to_come_back_where_the_database_is_away(
    connect: Connect, connections: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await sign_up("ann")

    def fail(key: str) -> None:
        raise OperationalError("away")

    with monkeypatch.context() as away:
        away.setattr(identity, "of_session", fail)
        assert await refused(connections, cookies=ann.cookies) == 4000
        await connect()
    await connect(cookies=ann.cookies)


async def test_connection_without_an_address_is_served(connections: list[Connection]) -> None:
    client = JsonClient()
    connections.append(client)
    del client.scope["client"]
    await client.open()
    await client.event("welcome")


# Frames


async def test_binary_frame_is_a_violation(connect: Connect) -> None:
    client = await connect()
    await client.send_bytes(b"hello")
    assert await client.closed() == 4500


async def test_binary_frame_of_a_terminal_is_a_violation(
    connect_terminal: ConnectTerminal,
) -> None:
    client = await connect_terminal()
    await client.send_bytes(b"hello")
    assert await client.closed() == 4500


async def test_frames_of_who_was_refused_are_not_heard(
    connections: list[Connection], settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "GUESTS": "none"}
    client = JsonClient()
    connections.append(client)
    await client.open()
    await client.send_text("hello")
    assert await client.closed() == 4501
    assert not client.communicator.future.done()


async def test_frames_after_a_close_are_not_heard(connect: Connect) -> None:
    client = await connect()
    await client.send_bytes(b"hello")
    await client.send({"type": "post", "room": "main", "text": "late", "id": "p"})
    assert await client.closed() == 4500
    other = await connect()
    page = await other.ask("history", room="main", before=9)
    assert page["messages"] == []


async def test_unknown_message_of_the_server_is_passed_over(connect: Connect) -> None:
    client = await connect()
    await client.communicator.send_input({"type": "websocket.future"})
    assert (await client.ask("rooms"))["type"] == "rooms"


# The end


async def test_session_ends_with_its_socket(connect: Connect) -> None:
    client = await connect()
    await client.join()
    (hub,) = hubs.running()
    assert len(hub.sessions) == 1
    await client.close()
    assert not hub.sessions
    assert not hub.rooms["main"].seats


async def test_session_ends_with_a_consumer_that_fails(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(session: Session, text: str) -> None:
        raise RuntimeError("a bug")

    client = await connect()
    (hub,) = hubs.running()
    monkeypatch.setattr(Session, "receive", fail)
    await client.send_text("hello")
    await soon(client.communicator.future.done)
    assert not hub.sessions
    with pytest.raises(RuntimeError, match="a bug"):
        client.communicator.future.result()


async def test_session_ends_with_a_consumer_that_its_server_cancels(connect: Connect) -> None:
    client = await connect()
    (hub,) = hubs.running()
    client.communicator.future.cancel()
    await soon(client.communicator.future.done)
    assert not hub.sessions


async def test_sessions_have_no_channel_of_their_own(connect: Connect) -> None:
    """The process has one: else every session had a task that waits for the layer."""
    for _ in range(5):
        await connect()
    (hub,) = hubs.running()
    await soon(lambda: hub.heart._renewed_at > 0 and hub.heart.probed_at is None)
    assert len(memory_layer().channels) == 1


async def test_connection_that_takes_not_even_its_close_is_cut_off(
    connections: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "CLOSE_SECONDS", 0.01)

    async def stuck(scope: Any, receive: Any, send: Any) -> None:
        async def send_no_frame(message: Any) -> None:
            if message["type"] != "websocket.accept":
                await asyncio.Event().wait()
            await send(message)

        await websocket_application(scope, receive, send_no_frame)

    client = JsonClient(application=stuck)
    connections.append(client)
    await client.open()
    (session,) = hubs.current().sessions
    session.too_slow()
    await soon(client.communicator.future.done)
    client.communicator.future.result()  # an ordinary end: the server logs no error
