"""The check that WebSockets reach the chat sees through what applications are made of."""

import functools
from typing import Any

import pytest
from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.handlers.asgi import ASGIHandler
from django.urls import path
from pytest_django import Settings

from chat import checks
from chat.consumers import ChatConsumer
from chat.routing import websocket_application, websocket_urlpatterns
from tests.test_checks import found, only


@pytest.fixture(autouse=True)
def debugging(settings: Settings) -> None:
    """Let nothing else be wrong."""
    settings.DEBUG = True


class Other(AsyncWebsocketConsumer):
    """A consumer of the site's own."""


class Mine(ChatConsumer):
    """The chat's, changed by the site."""


class Opaque:
    """Something that keeps what it wraps to itself."""

    def __init__(self, hidden: object) -> None:
        self.__hidden = hidden

    async def __call__(self, *args: Any) -> None:
        """Do as it does."""


def route(pattern: str, application: Any) -> Any:
    return path(pattern, application)


def wrapped(application: Any) -> Any:
    @functools.wraps(application)
    async def wrapper(*args: Any) -> None:
        await application(*args)

    return wrapper


def install(settings: Settings, monkeypatch: pytest.MonkeyPatch, application: object) -> None:
    """Make ``application`` the site's."""
    monkeypatch.setattr(f"{__name__}.application", application, raising=False)
    settings.ASGI_APPLICATION = f"{__name__}.application"


CHAT = URLRouter(websocket_urlpatterns)


@pytest.mark.parametrize(
    "application",
    [
        ProtocolTypeRouter({"http": ASGIHandler(), "websocket": websocket_application}),
        ProtocolTypeRouter({"websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(CHAT))}),
        ProtocolTypeRouter({"websocket": URLRouter([route("chat/", CHAT)])}),
        ProtocolTypeRouter(
            {"websocket": URLRouter([route("a", Other.as_asgi()), route("b", CHAT)])}
        ),
        ProtocolTypeRouter({"websocket": Mine.as_asgi()}),
        ProtocolTypeRouter({"websocket": wrapped(CHAT)}),
        websocket_application,
        ChatConsumer.as_asgi(),
    ],
)
def test_application_that_routes_to_the_chat_is_sound(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, application: object
) -> None:
    install(settings, monkeypatch, application)
    assert checks._reaches_chat(application) is True
    assert not found()


@pytest.mark.parametrize(
    "application",
    [
        Opaque(CHAT),
        ProtocolTypeRouter({"websocket": Opaque(CHAT)}),
        ProtocolTypeRouter({"websocket": URLRouter([route("a", Opaque(CHAT))])}),
        lambda scope: None,
    ],
)
def test_application_that_cannot_be_seen_through_is_given_the_benefit(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, application: object
) -> None:
    install(settings, monkeypatch, application)
    assert checks._reaches_chat(application) is None
    assert not found()


def endless() -> Any:
    router = URLRouter([])
    router.routes.append(route("", router))
    return router


@pytest.mark.parametrize(
    "application",
    [
        ASGIHandler(),
        ProtocolTypeRouter({"http": ASGIHandler()}),
        ProtocolTypeRouter({"websocket": URLRouter([route("a", Other.as_asgi())])}),
        ProtocolTypeRouter({"websocket": AuthMiddlewareStack(URLRouter([]))}),
        ProtocolTypeRouter({"websocket": ASGIHandler(), "http": CHAT}),
        endless(),
    ],
)
def test_application_that_does_not_route_to_the_chat_is_a_warning(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, application: object
) -> None:
    install(settings, monkeypatch, application)
    assert only().id == "chat.W009"
    assert "chat.routing.websocket_application" in str(only().hint)


@pytest.mark.parametrize("path", [None, ""])
def test_site_without_an_application_is_a_warning(settings: Settings, path: str | None) -> None:
    settings.ASGI_APPLICATION = path
    assert only().id == "chat.W008"
    assert "ASGI_APPLICATION = 'mysite.asgi.application'" in str(only().hint)


@pytest.mark.parametrize("path", ["nodots", "no.such.module", "project.asgi.nothing"])
def test_application_that_cannot_be_imported_is_an_error(settings: Settings, path: str) -> None:
    settings.ASGI_APPLICATION = path
    assert only().id == "chat.E005"
    assert path in only().msg
