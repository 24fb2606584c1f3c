"""One WebSocket to the server under test, and waiting for what comes over it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar, Self, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

PATIENCE = 60.0
"""Seconds until a test that waits for something gives up: far more than a busy machine needs."""

T = TypeVar("T")


class Ended(Exception):
    """The connection was closed while something was expected of it."""


class Client:
    """One WebSocket, and a task that notes what comes."""

    subprotocols: ClassVar[Sequence[Subprotocol]] = ()
    compression: ClassVar[str | None] = None

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.close_code: int | None = None
        """Why the connection ended: the code on the wire, 1006 where there was none."""
        self.fault: Exception | None = None
        """What the server did that it must never do."""
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, url: str, *, cookie: str = "", origin: str = "") -> Self:
        """Open a connection. Raises ``websockets.InvalidStatus`` where it is refused."""
        headers = {"Cookie": cookie, "Origin": origin}
        socket = await connect(
            url,
            subprotocols=cls.subprotocols or None,
            additional_headers={name: value for name, value in headers.items() if value},
            compression=cls.compression,
            max_size=None,
            max_queue=None,
            ping_interval=None,
            proxy=None,
            close_timeout=2,
        )
        return cls(socket)

    @property
    def open(self) -> bool:
        """Whether the connection lasts."""
        return self.close_code is None

    def heard(self) -> object:
        """What was last told, for the report of a failure."""
        return None

    def _report(self) -> str:
        return str(self.heard())[-2000:]

    async def hear(self, frame: str) -> None:
        """Note a frame down."""
        raise NotImplementedError

    async def _read(self) -> None:
        try:
            async for frame in self.socket:
                assert isinstance(frame, str), f"a binary frame: {frame!r}"
                await self.hear(frame)
                async with self._news:
                    self._news.notify_all()
        except ConnectionClosed:
            pass  # its code is noted below
        except Exception as error:
            self.fault = error
        finally:
            self.close_code = self.socket.close_code or 1006
            async with self._news:
                self._news.notify_all()

    async def until(
        self, found: Callable[[], T | None], what: str, *, within: float = PATIENCE
    ) -> T:
        """Wait until ``found()`` returns something true, and return it.

        Raises ``Ended`` when the connection is over before, ``AssertionError`` after ``within``
        seconds.
        """

        def settled() -> bool:
            return bool(self.fault or found() or not self.open)

        try:
            async with asyncio.timeout(within), self._news:
                await self._news.wait_for(settled)
        except TimeoutError:
            raise AssertionError(f"no {what} within {within} s; last: {self._report()}") from None
        if self.fault:
            raise self.fault
        result = found()
        if not result:
            raise Ended(f"closed with {self.close_code}, waiting for {what}; {self._report()}")
        return result

    async def send_text(self, text: str) -> None:
        """Send a frame as it is. Raises ``Ended``."""
        try:
            await self.socket.send(text)
        except ConnectionClosed:
            raise Ended("closed before sending") from None

    async def closed(self, *, within: float = PATIENCE) -> int:
        """Wait until the server has closed the connection; its code."""
        async with asyncio.timeout(within):
            await asyncio.shield(self._reading)
        assert self.close_code is not None, "noted at the end of reading"
        return self.close_code

    async def close(self) -> None:
        """Leave, and raise what the server did wrong."""
        await self.socket.close()
        await self._reading
        if self.fault:
            raise self.fault

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
