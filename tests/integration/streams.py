"""Clients of the HTTP fallback: streams of server-sent events, and posts."""

import asyncio
import contextlib
import http.client
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from tests.integration.connection import PATIENCE, Ended
from tests.integration.shapes import Event, check
from tests.servers import SiteServer
from tests.sse import Reader

RETRY_SECONDS = 0.05


class Stream(Reader):
    """One stream. What has not been read stays with the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        """What came instead of a stream."""
        self.complete = False
        """Whether the server has ended the response as it should."""
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(
        cls,
        server: SiteServer,
        room: str,
        query: str = "",
        *,
        cookie: str = "",
        last_id: str = "",
        buffer: int | None = None,
    ) -> Self:
        """Ask for a stream and read the head of the answer. Raises ``OSError`` or ``Ended``."""
        connection = socket.socket()
        connection.setblocking(False)
        if buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        try:
            loop = asyncio.get_running_loop()
            await loop.sock_connect(connection, ("127.0.0.1", server.port))
        except OSError:
            connection.close()
            raise
        reader, writer = await asyncio.open_connection(sock=connection, limit=buffer or 2**16)
        stream = cls(reader, writer)
        headers = {"Host": f"127.0.0.1:{server.port}", "Cookie": cookie, "Last-Event-ID": last_id}
        lines = [f"GET /rooms/{room}/events?{query} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items() if value]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        try:
            await stream._head()
        except BaseException:
            stream.close()
            raise
        return stream

    async def _head(self) -> None:
        try:
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        except (asyncio.IncompleteReadError, OSError):
            raise Ended("no answer") from None
        first, *lines = head.strip().split("\r\n")
        self.status = int(first.split()[1])
        for line in lines:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        if self.status != 200:
            length = int(self.headers["content-length"])
            self.body = await self._reader.readexactly(length)

    async def until(self, found: Callable[[], Any], what: str, *, within: float = PATIENCE) -> None:
        """Read on until ``found()``. Raises ``Ended`` when the stream ends before that."""
        try:
            async with asyncio.timeout(within):
                while not found():
                    if not await self.read():
                        raise Ended(f"ended, waiting for {what}; {self.messages[-2:]!s:.500}")
        except TimeoutError:
            raise AssertionError(f"no {what} in {within} s; {self.messages[-2:]!s:.500}") from None

    async def end(self, *, within: float = PATIENCE) -> None:
        """Read on until the response is complete, or broken off."""
        async with asyncio.timeout(within):
            while await self.read():
                pass

    async def read(self) -> bool:
        """Read a chunk; false at the end."""
        known = len(self.messages)
        try:
            size = int(await self._reader.readline() or b"0", 16)
            data = await self._reader.readexactly(size + 2)
        except (asyncio.IncompleteReadError, OSError):
            return False
        self.feed(data[:size])
        for told in self.messages[known:]:
            if told.event == "message":
                for event in told.data:
                    check(event)
        self.complete = not size
        return bool(size)

    async def joined(self) -> Event:
        """Wait for ``joined``."""
        await self.until(lambda: self.told("joined"), "joined")
        return self.told("joined")[0]

    def close(self) -> None:
        """Be gone."""
        self._writer.transport.abort()


@asynccontextmanager
async def stream(
    server: SiteServer, room: str, query: str = "", **kwargs: Any
) -> AsyncIterator[Stream]:
    """A stream that ends with the test."""
    opened = await Stream.open(server, room, query, **kwargs)
    try:
        yield opened
    finally:
        opened.close()


class Listener:
    """One who hears a room by one stream after another, from the next of ``servers`` each time."""

    def __init__(self, room: str, servers: Sequence[SiteServer], query: str) -> None:
        self.room = room
        self.start: int | None = None
        self.entries: list[Event] = []
        self.streams = 0
        self.codes: list[int] = []
        self.complete = 0
        """How many streams the server has ended as it should."""
        self._query = query
        self._servers = servers
        self._news = asyncio.Condition()
        self._staying = asyncio.create_task(self._stay())

    async def _stay(self) -> None:
        last_id, query = "", "history=0&" + self._query
        while True:
            server = self._servers[self.streams % len(self._servers)]
            self.streams += 1
            with contextlib.suppress(OSError, Ended):
                async with stream(server, self.room, query, last_id=last_id) as now:
                    if now.status != 200:
                        assert now.status == 503, (now.status, now.body)
                        await asyncio.sleep(RETRY_SECONDS)
                        continue
                    try:
                        await self._hear(now)
                    finally:
                        last_id = now.last_id or last_id
                        self.codes += [now.code] if now.code else []
                        self.complete += now.complete
            await asyncio.sleep(RETRY_SECONDS)

    async def _hear(self, now: Stream) -> None:
        joined = await now.joined()
        assert joined["recovered"] is (None if self.start is None else True), joined
        if self.start is None:
            self.start = int(now.last_id.rpartition(":")[2])
        taken, more = 0, True
        while more:
            self.entries += now.log[taken:]
            taken = len(now.log)
            async with self._news:
                self._news.notify_all()
            more = await now.read()

    async def reach(self, seq: int, *, within: float = PATIENCE) -> None:
        """Wait until everything up to ``seq`` is here, over however many streams."""

        def there() -> bool:
            return self._staying.done() or bool(self.entries and self.entries[-1]["seq"] >= seq)

        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(there)
        if self._staying.done():
            self._staying.result()

    async def here(self) -> None:
        """Wait until the first stream has joined."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: self.start is not None)

    async def leave(self) -> None:
        """Listen no longer."""
        self._staying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._staying


@asynccontextmanager
async def listener(room: str, *servers: SiteServer, query: str = "") -> AsyncIterator[Listener]:
    """One who has begun to listen."""
    who = Listener(room, servers, query)
    try:
        await who.here()
        yield who
    finally:
        await who.leave()


async def post(
    server: SiteServer,
    room: str,
    body: Mapping[str, Any],
    *,
    cookie: str = "",
    token: str = "a" * 32,
) -> tuple[int, Any]:
    """Post a command; the status and what is answered."""
    return await asyncio.to_thread(_post, server, room, body, cookie, token)


def _post(
    server: SiteServer, room: str, body: Mapping[str, Any], cookie: str, token: str
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    cookies = "; ".join(filter(None, [cookie, token and f"csrftoken={token}"]))
    headers = {"Cookie": cookies, "X-CSRFToken": token, "Content-Type": "application/json"}
    try:
        connection.request("POST", f"/rooms/{room}/messages", json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.headers.get_content_type() != "application/json":
        return answer.status, content
    events = json.loads(content)
    for event in events:
        check(event)
    return answer.status, events
