"""The server of python-socketio's documentation, on WebSocket alone."""

import socketio

from benchmarks.contenders.collector import spare_what_was_imported

_server = socketio.AsyncServer(async_mode="asgi", transports=["websocket"])
application = socketio.ASGIApp(_server)


@_server.event
async def post(_: str, text: str) -> None:
    """Pass on to everybody what one has posted."""
    await _server.emit("message", text)


spare_what_was_imported()
