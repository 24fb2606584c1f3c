"""The site, on a server that logs each text frame of a ``send`` of its own."""

import logging
from typing import Any

from autobahn.websocket.protocol import WebSocketProtocol
from websockets.protocol import Protocol

from project.asgi import application

__all__ = ["application", "behind_middleware"]

_logger = logging.getLogger("chat")

_send_message: Any = WebSocketProtocol.sendMessage
_send_text: Any = Protocol.send_text


def _sends_message(self: Any, *arguments: Any, **options: Any) -> Any:
    _logger.warning("a text frame went by send")
    return _send_message(self, *arguments, **options)


def _sends_text(self: Any, *arguments: Any, **options: Any) -> Any:
    _logger.warning("a text frame went by send")
    return _send_text(self, *arguments, **options)


WebSocketProtocol.sendMessage = _sends_message  # type: ignore[method-assign]
Protocol.send_text = _sends_text  # type: ignore[method-assign]


async def behind_middleware(scope: Any, receive: Any, send: Any) -> None:
    """The same, with middleware around it."""

    async def passed_on(message: Any) -> None:
        await send(message)

    await application(scope, receive, passed_on)
