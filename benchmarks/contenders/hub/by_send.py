"""`project/asgi.py` behind middleware of one's own: each frame goes by the server's `send`."""

from typing import Any

from project.asgi import application as _application


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Pass everything on."""

    async def passed_on(message: Any) -> None:
        await send(message)

    await _application(scope, receive, passed_on)
