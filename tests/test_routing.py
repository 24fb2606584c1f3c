import logging
from typing import Any

import pytest
from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.urls import path
from pytest_django import Settings

from chat.consumers import ChatConsumer
from chat.protocol import SUBPROTOCOL
from chat.routing import websocket_application, websocket_urlpatterns
from tests.hub.clients import OPEN_SITE, Connection


async def shake_hands(
    connections: list[Connection],
    path: str = "/ws",
    *,
    origin: str | None = None,
    subprotocols: tuple[str, ...] = (SUBPROTOCOL,),
    application: Any = websocket_application,
) -> Connection:
    """Try to connect."""
    connection = Connection(path, origin=origin, subprotocols=subprotocols, application=application)
    connections.append(connection)
    await connection.open()
    return connection


@pytest.fixture(autouse=True)
def site(settings: Settings) -> None:
    settings.CHAT = OPEN_SITE
    settings.ALLOWED_HOSTS = ["chat.example.org", ".example.com", "[::1]"]


# Paths


@pytest.mark.parametrize("path", ["/ws", "/ws/", "/ws?a=b"])
async def test_chat_is_reached_with_and_without_a_slash(
    connections: list[Connection], path: str
) -> None:
    assert (await shake_hands(connections, path)).accepted


@pytest.mark.parametrize("path", ["/", "/wss", "/ws/x", "/ws//", "/chat/ws", "/WS", "/ws.json"])
async def test_any_other_path_is_refused(
    connections: list[Connection], path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "chat"):
        assert not (await shake_hands(connections, path)).accepted
    said = [record.getMessage() for record in caplog.records if record.name == "chat"]
    assert said == [f"refused a handshake on path {path!r}"]


# Origins


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "https://chat.example.org",
        "http://chat.example.org",
        "http://chat.example.org:8000",
        "https://CHAT.example.org",
        "https://example.com",
        "https://a.b.example.com",
        "http://[::1]:5000",
    ],
)
async def test_origin_of_the_site_is_let_in_and_so_is_who_names_none(
    connections: list[Connection], origin: str | None
) -> None:
    assert (await shake_hands(connections, origin=origin)).accepted


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://example.org",
        "https://evil-chat.example.org",
        "https://chat.example.org.evil.example",
        "https://chat.example.org@evil.example",
        "https://evilexample.com",
        "http://localhost",
        "http://127.0.0.1",
        "null",
        "",
        "file://",
        "chat.example.org",
        "http://[",
        "http://[::2]",
        "https://chat.example.org\\.evil.example",
    ],
)
async def test_origin_of_another_site_is_refused(
    connections: list[Connection], origin: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "chat"):
        assert not (await shake_hands(connections, origin=origin)).accepted
    assert "refused a handshake from origin" in caplog.text


@pytest.mark.parametrize(
    "application",
    [
        websocket_application,
        URLRouter(websocket_urlpatterns),
        AuthMiddlewareStack(URLRouter(websocket_urlpatterns)),
        URLRouter([path("ws", ChatConsumer.as_asgi())]),  # type: ignore[arg-type, list-item]
    ],
    ids=["whole", "router", "router_with_accounts", "consumer"],
)
@pytest.mark.parametrize(
    ("origin", "let_in"),
    [
        (None, True),
        ("https://chat.example.org", True),
        ("https://evil.example", False),
        ("http://[", False),
        ("", False),
    ],
)
async def test_every_mounting_lets_in_pages_of_the_site_alone(
    connections: list[Connection], application: Any, origin: str | None, let_in: bool
) -> None:
    connection = await shake_hands(connections, origin=origin, application=application)
    assert connection.accepted == let_in


async def test_one_foreign_origin_of_two_is_refused(connections: list[Connection]) -> None:
    connection = Connection(origin="https://chat.example.org", subprotocols=(SUBPROTOCOL,))
    connections.append(connection)
    connection.scope["headers"].append((b"origin", b"https://evil.example"))
    await connection.open()
    assert not connection.accepted


@pytest.mark.parametrize(
    ("debug", "let_in"), [(True, ["http://localhost", "http://a.localhost:80"]), (False, [])]
)
async def test_without_allowed_hosts_only_debug_lets_local_pages_in(
    connections: list[Connection], settings: Settings, debug: bool, let_in: list[str]
) -> None:
    settings.DEBUG = debug
    settings.ALLOWED_HOSTS = []
    for origin in ("http://localhost", "http://a.localhost:80", "https://evil.example"):
        connection = await shake_hands(connections, origin=origin)
        assert connection.accepted == (origin in let_in)


async def test_wildcard_lets_every_page_in(
    connections: list[Connection], settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert (await shake_hands(connections, origin="https://evil.example")).accepted


# Subprotocols


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [((SUBPROTOCOL,), SUBPROTOCOL), (("mqtt", SUBPROTOCOL), SUBPROTOCOL), ((), None)],
)
async def test_subprotocol_is_chosen_among_those_asked_for(
    connections: list[Connection], asked: tuple[str, ...], chosen: str | None
) -> None:
    connection = await shake_hands(connections, subprotocols=asked)
    assert connection.accepted
    assert connection.subprotocol == chosen


@pytest.mark.parametrize("asked", [("mqtt",), ("chat.v2.json",), ("",), ("CHAT.V1.JSON",)])
async def test_unknown_subprotocols_are_refused(
    connections: list[Connection], asked: tuple[str, ...]
) -> None:
    assert not (await shake_hands(connections, subprotocols=asked)).accepted
