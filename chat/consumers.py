"""Connects a socket to a session of the hub. Decides nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.http import parse_cookie

from chat import identity, origins
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

    session: Session | None = None
    _task: asyncio.Task[Any] | None = None
    _is_cut = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one WebSocket; whatever ends it, its session ends too.

        Not Channels' own loop: that opens a channel for each consumer, where the hub listens for
        all, and makes two tasks for each frame.
        """
        self.scope, self.base_send = scope, send
        self._task = asyncio.current_task()
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            return
        except asyncio.CancelledError:
            if self._task is None or not self._is_cut:
                raise
            self._task.uncancel()
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
        foreign = origins.foreign(self.scope["headers"])
        if foreign:
            # Here rather than around the routes, so that no mounting of them does without.
            logger.info("refused a handshake from origin %r", foreign)
            await self.close()
            return
        hub = hubs.current()
        dialect = _dialect(self.scope["subprotocols"])
        if dialect is None:
            logger.info("refused: unknown subprotocols %s", self.scope["subprotocols"])
            await self.close()
            return
        scope: dict[str, Any] = dict(self.scope)
        cookies = _cookies(scope)
        subprotocol = None if dialect.terminal else SUBPROTOCOL
        address = (scope.get("client") or ("",))[0]
        try:
            who = await _identify(hub, scope, cookies)
            hub.admit(who, address)
        except (Refused, Unavailable) as refusal:
            code = getattr(refusal, "code", None)
            code = code if isinstance(code, CloseCode) else CloseCode.GOING_AWAY
            logger.info("refused a connection from %r: %s", address, code.name)
            hub.figures.closed(code)
            await self.accept(subprotocol)
            await self.close(int(code))
            return
        # The server's own send: a step less for each frame than the consumer's.
        send: Any = self.base_send
        self.session = hub.connect(who, dialect, address, send, cut=self.cut, client=_client(scope))
        await self.accept(subprotocol, _headers(scope, cookies, who))
        self.session.begin()

    def cut(self) -> None:
        """End without the client, which takes nothing any more.

        Its server closes the socket as soon as what waits there was taken.
        """
        if self._task is not None:
            self._is_cut = True
            self._task.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Pass a frame on."""
        if self.session is None or self.session.closed:
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


async def _identify(hub: Hub, scope: dict[str, Any], cookies: Mapping[str, str]) -> Identity:
    """Who is connecting: the site's user where somebody is signed in, else a guest.

    Guests cost no query. Raises ``Unavailable`` where a user cannot be looked up.
    """
    user = scope.get("user")  # where the site has put AuthMiddlewareStack around us
    if user is not None and user.is_authenticated:
        return await hub.threads.read(identity.of_user, user, scope.get("session"))
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


def _headers(scope: dict[str, Any], cookies: Mapping[str, str], who: Identity) -> Any:
    """The cookie by which a guest that is new is the same one when it comes back.

    daphne has no way to send headers with its answer, and leaves them out. (Bytes, as ASGI has it;
    Channels' types say text.)
    """
    if not who.is_guest or identity.of_guest(cookies.get(identity.GUEST_COOKIE)) == who:
        return []
    cookie = identity.cookie_of_guest(who, secure=scope.get("scheme") == "wss")
    return [(b"set-cookie", cookie.OutputString().encode("latin1"))]


def _client(scope: dict[str, Any]) -> str:
    """What the client calls itself."""
    found = (value for name, value in scope["headers"] if name == b"user-agent")
    return str(next(found, b"").decode("latin1"))
