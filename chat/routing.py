"""WebSocket routing: ``websocket_urlpatterns`` for a site's own router, or the whole application.

>>> application = ProtocolTypeRouter({"http": http, "websocket": websocket_application})
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import URLRouter
from django.conf import settings
from django.http.request import validate_host
from django.urls import re_path

from chat.consumers import ChatConsumer

logger = logging.getLogger("chat")


def _route(pattern: str, consumer: type[AsyncWebsocketConsumer]) -> Any:
    # Channels routes ASGI applications by Django's patterns, whose types know only views.
    application: Any = consumer.as_asgi()
    return re_path(pattern, application)


websocket_urlpatterns = [_route(r"^ws/?$", ChatConsumer)]


class Refusal(AsyncWebsocketConsumer):
    """Closes before accepting, which servers answer with HTTP 403."""

    channel_layer_alias = ChatConsumer.channel_layer_alias

    async def connect(self) -> None:
        """Refuse."""
        await self.close()


class OriginCheck:
    """Refuses pages of other sites: ``Origin`` is checked against ``ALLOWED_HOSTS``.

    Channels' own validator refuses a missing ``Origin`` as well. Browsers always send one, and only
    browsers carry a visitor's cookies to a site the visitor did not mean; so terminals may do
    without.
    """

    def __init__(self, application: Any) -> None:
        self.application = application
        self.refusal = Refusal.as_asgi()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the connection on, or refuse it."""
        origins = [value for name, value in scope["headers"] if name == b"origin"]
        if all(_allowed(origin.decode("latin1")) for origin in origins):
            await self.application(scope, receive, send)
            return
        logger.info("refused a handshake from origin %r", origins)
        await self.refusal(scope, receive, send)


def _allowed(origin: str) -> bool:
    hosts = settings.ALLOWED_HOSTS
    if settings.DEBUG and not hosts:
        hosts = [".localhost", "127.0.0.1", "[::1]"]  # as HttpRequest.get_host does
    try:
        host = urlsplit(origin).hostname or ""
    except ValueError:
        return False
    if ":" in host:
        host = f"[{host}]"
    return validate_host(host, hosts)


websocket_application = OriginCheck(URLRouter([*websocket_urlpatterns, _route(r"", Refusal)]))
