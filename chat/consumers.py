"""Connects a socket to a session of the hub. Decides nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.http import parse_cookie

from chat import identity
from chat.hub import hub as hubs
from chat.hub.dialects import JSON, TERMINAL, Dialect
from chat.hub.hub import Hub, Refused
from chat.hub.session import Session
from chat.identity import Identity
from chat.protocol import SUBPROTOCOL
from chat.protocol.closing import CloseCode
from chat.protocol.errors import Unavailable

logger = logging.getLogger("chat")


class ChatConsumer(AsyncWebsocketConsumer):
    """One WebSocket. The hub holds the process's only channel, so this has none of its own."""

    # Channels opens a channel and a receiving task for each consumer whose layer is configured.
    channel_layer_alias = "chat: the hub listens for all"

    session: Session | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one WebSocket; whatever ends it, its session ends too."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.session is not None:
                self.session.gone()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Hand an ASGI message to its method.

        Not Channels' own dispatch: that closes old database connections in a thread for every
        frame (9 500 frames a second against 101 000), and nothing here uses one.
        """
        match message["type"]:
            case "websocket.receive":
                await self.receive(message.get("text"), message.get("bytes"))
            case "websocket.connect":
                await self.connect()
            case "websocket.disconnect":
                raise StopConsumer

    async def connect(self) -> None:
        """Let the client in, or say why not: by 403 before, by a close code after accepting."""
        hub = hubs.current()
        dialect = _dialect(self.scope["subprotocols"])
        if dialect is None:
            logger.info("refused: unknown subprotocols %s", self.scope["subprotocols"])
            await self.close()
            return
        scope: dict[str, Any] = dict(self.scope)
        subprotocol = None if dialect.terminal else SUBPROTOCOL
        address = (scope.get("client") or ("",))[0]
        try:
            who = await _identify(hub, scope)
            hub.admit(who, address)
        except (Refused, Unavailable) as refusal:
            code = getattr(refusal, "code", None)
            code = code if isinstance(code, CloseCode) else CloseCode.GOING_AWAY
            logger.info("refused a connection from %r: %s", address, code.name)
            await self.accept(subprotocol)
            await self.close(int(code))
            return
        # The server's own send: a step less for each frame than the consumer's.
        send: Any = self.base_send
        self.session = hub.connect(who, dialect, address, send)
        await self.accept(subprotocol)
        self.session.begin()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Pass a frame on."""
        if self.session is None:
            return
        if text_data is None:
            self.session.close(CloseCode.PROTOCOL_VIOLATION)
        else:
            self.session.receive(text_data)


def _dialect(subprotocols: Iterable[str]) -> Dialect | None:
    """The dialect a client asks for: JSON by name, the terminal's by asking for none."""
    if SUBPROTOCOL in subprotocols:
        return JSON
    return None if subprotocols else TERMINAL


async def _identify(hub: Hub, scope: dict[str, Any]) -> Identity:
    """Who is connecting: the site's user where somebody is signed in, else a guest.

    Guests cost no query. Raises ``Unavailable`` where a user cannot be looked up.
    """
    user = scope.get("user")  # where the site has put AuthMiddlewareStack around us
    if user is not None and user.is_authenticated:
        return await hub.threads.read(identity.of_user, user)
    cookies = _cookies(scope)
    session_key = cookies.get(settings.SESSION_COOKIE_NAME)
    if user is None and session_key:
        found = await hub.threads.read(identity.of_session, session_key)
        if found is not None:
            return found
    return identity.of_cookies(cookies)


def _cookies(scope: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name == b"cookie":
            found.update(parse_cookie(value.decode("latin1")))
    return found
