"""WebSocket routing: ``websocket_urlpatterns`` for a site's own router, or the whole application.

>>> application = ProtocolTypeRouter({"http": http, "websocket": websocket_application})
"""

from __future__ import annotations

import logging
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import URLRouter
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
        logger.info("refused a handshake on path %r", self.scope["path"])
        await self.close()


websocket_application = URLRouter([*websocket_urlpatterns, _route(r"", Refusal)])
