"""HTTP requests to the site in the tests' own process, as an ASGI server hands them over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Any, Self

from django.core.handlers.asgi import ASGIHandler

from tests.fakes import PATIENCE
from tests.sse import Reader


class Exchange:
    """One request, and what comes back. The sends of its response wait while it is blocked."""

    def __init__(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        body: bytes = b"",
        address: str = "192.0.2.1",
    ) -> None:
        path, _, query = path.partition("?")
        given = {"host": "testserver", **(headers or {})}
        if cookies:
            given["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        scope: Any = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            "client": [address, 12345],
        }
        self.status = 0
        self.headers: dict[str, str] = {}
        self.cookies: SimpleCookie = SimpleCookie()
        self.content = b""
        self.stream = Reader()
        """What the content says, where it is a stream."""
        self.open = asyncio.Event()
        self.open.set()
        self._body: bytes | None = body
        self._left = asyncio.Event()
        handler: Any = ASGIHandler()
        self.task = asyncio.create_task(handler(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        await self.open.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            for name, value in message["headers"]:
                if name.lower() == b"set-cookie":
                    self.cookies.load(value.decode())
                else:
                    self.headers[name.decode().lower()] = value.decode()
            return
        self.content += message.get("body", b"")
        if self.headers.get("content-type") == "text/event-stream":
            self.stream.feed(message.get("body", b""))

    @property
    def json(self) -> Any:
        """What came back."""
        return json.loads(self.content)

    async def end(self) -> Self:
        """Wait until the response is complete."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([self.task])
        if not self.task.cancelled():  # the server may have cut it off
            self.task.result()
        return self

    async def leave(self) -> None:
        """Close the connection."""
        self._left.set()
        await self.end()


async def post(
    path: str, body: Any, *, cookies: Mapping[str, str] | None = None, **fields: Any
) -> Exchange:
    """Post ``body`` as JSON, or as it is where it is bytes, with a CSRF token; the answer."""
    token = "a" * 32
    return await Exchange(
        path,
        method="POST",
        headers={"x-csrftoken": token, "content-type": "application/json"},
        cookies={"csrftoken": token, **(cookies or {})},
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        **fields,
    ).end()
