"""The site, on a server that logs each text frame that goes by its ``send``."""

import logging
from typing import Any

from daphne.server import Server
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from project.asgi import application

__all__ = ["application"]


_logger = logging.getLogger("chat")


def _note(message: dict[str, Any]) -> None:
    if message["type"] == "websocket.send":
        _logger.warning("a text frame went by send")


_daphne, _uvicorn = Server.handle_reply, WebSocketsSansIOProtocol.send


async def _handle_reply(self: Server, protocol: Any, message: dict[str, Any]) -> None:
    _note(message)
    await _daphne(self, protocol, message)


async def _send(self: WebSocketsSansIOProtocol, message: Any) -> None:
    _note(message)
    await _uvicorn(self, message)


Server.handle_reply = _handle_reply
WebSocketsSansIOProtocol.send = _send  # type: ignore[method-assign]
