"""A TCP relay that tests put between two programs, to break what is between them.

It runs in a thread with a loop of its own, so that tests may block while it works.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Coroutine
from typing import Any, Self

from tests.programs import free_port

# A close that does not say goodbye: RST.
_RESET = struct.pack("ii", 1, 0)

CHUNK = 65_536


class Relay:
    """Passes bytes on between ``port`` and a target port, both on 127.0.0.1.

    Of several targets, new connections go to one after another, those left out that refuse them.
    """

    def __init__(self, *targets: int) -> None:
        self._targets = deque(targets)
        self.port = free_port()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def ws_url(self) -> str:
        """The address of a site's WebSocket behind it."""
        return f"ws://127.0.0.1:{self.port}/ws"

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # What can be done to it

    def freeze(self) -> None:
        """Pass nothing on, and say nothing: both ends believe that the other is there."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def thaw(self) -> None:
        """Go on, with what came meanwhile first."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    def reset(self) -> None:
        """Break all connections off in mid-air; new ones are welcome."""
        self._do(self._reset())

    def cut(self) -> None:
        """Break all connections off and refuse new ones."""
        self._do(self._cut())

    def mend(self) -> None:
        """Take new connections again."""
        self._do(self._listen())

    # How

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._connected, "127.0.0.1", self.port, backlog=8192
            )

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._reset()

    async def _reset(self) -> None:
        for writer in self._writers:
            with contextlib.suppress(OSError):  # it is being closed already
                connection = writer.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    async def _end(self) -> None:
        await self._cut()
        self._flowing.set()  # so that all who wait see that it is over
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        if tasks:
            await asyncio.wait(tasks, timeout=5)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._flowing.wait()
            try:
                far_reader, far_writer = await self._connect()
            except OSError:
                return  # nobody is there: neither are we
            self._writers.add(far_writer)
            try:
                await asyncio.gather(
                    self._pass_on(reader, far_writer), self._pass_on(far_reader, writer)
                )
            finally:
                self._writers.discard(far_writer)
                far_writer.close()
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the next target that takes connections. Raises ``OSError`` if none does."""
        for _ in self._targets:
            target = self._targets[0]
            self._targets.rotate(-1)
            with contextlib.suppress(ConnectionRefusedError):
                return await asyncio.open_connection("127.0.0.1", target)
        raise ConnectionRefusedError

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(CHUNK):
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
        # What one end has closed is closed for the other.
        with contextlib.suppress(OSError):
            await self._flowing.wait()
            sink.close()
