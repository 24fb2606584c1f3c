"""The protocols of real servers, on connections that note down what is written to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from autobahn.websocket.compress import PerMessageDeflateOfferAccept
from daphne.server import Server  # installs the reactor, which autobahn would else choose
from daphne.ws_protocol import WebSocketFactory
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame
from websockets.uri import parse_uri

from chat.hub.sending import Send


class Socket(Protocol):
    """A client's end of a connection to one of them."""

    send: Send
    """The server's, as an application is given it."""

    def feed(self, data: bytes) -> None:
        """Let the server read ``data``."""

    @property
    def written(self) -> bytes:
        """What the server has written so far."""

    fill_with_next_write: bool
    """Whether it is full after the next."""

    def fill(self) -> None:
        """Have the connection say that it is full."""

    def free(self) -> None:
        """Have it say that all was taken."""

    def lose(self) -> None:
        """Let the connection be gone."""

    async def end(self) -> None:
        """Let what serves it end."""


class Talk:
    """What a client makes of it, after a handshake. It offers compression where ``deflate``."""

    def __init__(self, *, deflate: bool = False) -> None:
        extensions = [ClientPerMessageDeflateFactory()] if deflate else []
        self.client = ClientProtocol(parse_uri("ws://test/ws"), extensions=extensions)
        self.client.send_request(self.client.connect())
        self._read = 0

    @property
    def request(self) -> bytes:
        """The handshake."""
        return b"".join(self.client.data_to_send())

    def texts(self, socket: Socket) -> list[str]:
        """The text frames since the last call. Raises what makes no sense of a WebSocket."""
        written = socket.written
        self.client.receive_data(written[self._read :])
        self._read = len(written)
        for error in (self.client.parser_exc, self.client.handshake_exc):
            if error is not None:
                raise error
        events = self.client.events_received()
        return [bytes(event.data).decode() for event in events if isinstance(event, Frame)]


class Transport(asyncio.Transport):
    """As asyncio's."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 1), "sockname": ("192.0.2.2", 2)})
        self.data = bytearray()
        self.closing = False
        self.wrote: Callable[[], None] = lambda: None

    def write(self, data: Any) -> None:
        """Note down."""
        self.data += data
        self.wrote()

    def get_write_buffer_size(self) -> int:
        """Say that all was taken."""
        return 0

    def is_closing(self) -> bool:
        """Say whether it is over."""
        return self.closing

    def close(self) -> None:
        """Be over."""
        self.closing = True

    abort = close

    def pause_reading(self) -> None:
        """Read nothing, which nobody notices here."""

    resume_reading = pause_reading


class Application:
    """Accepts nothing by itself, and serves its one connection until it is ``over``."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.send: asyncio.Future[Send] = asyncio.get_running_loop().create_future()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.send.set_result(send)
        await self.over.wait()


class Uvicorn:
    """uvicorn's protocol of ``--ws websockets-sansio``."""

    def __init__(self, *, deflate: bool = False) -> None:
        self._application = Application()
        config = Config(
            self._application,
            interface="asgi3",
            log_config=None,
            ws_per_message_deflate=deflate,
            ws_ping_interval=None,
        )
        config.load()
        self._state = ServerState()
        self.protocol = WebSocketsSansIOProtocol(config, self._state, {})
        self.transport = Transport()
        self.transport.wrote = self._wrote
        self.fill_with_next_write = False
        self.protocol.connection_made(self.transport)
        self.feed = self.protocol.data_received

    def _wrote(self) -> None:
        if self.fill_with_next_write:
            self.fill()

    def fill(self) -> None:
        """Have the connection say that it is full."""
        self.protocol.pause_writing()

    def free(self) -> None:
        """Have it say that all was taken."""
        self.protocol.resume_writing()

    async def opened(self, request: bytes) -> Uvicorn:
        """Read a handshake, up to where the application decides."""
        self.feed(request)
        self.send = await self._application.send
        return self

    @property
    def written(self) -> bytes:
        """What the server has written so far."""
        return bytes(self.transport.data)

    def lose(self) -> None:
        """Let the connection be gone."""
        self.transport.closing = True
        self.protocol.connection_lost(ConnectionResetError())

    async def end(self) -> None:
        """Let what serves it end."""
        self._application.over.set()
        await asyncio.gather(*self._state.tasks)


class Wire(StringTransport):
    """As Twisted's."""

    def __init__(self, end: Daphne) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._end = end

    def write(self, data: bytes) -> None:
        """Note down."""
        super().write(data)  # type: ignore[no-untyped-call]
        if self._end.fill_with_next_write:
            self._end.fill()


class Daphne:
    """daphne's protocol, which is autobahn's."""

    def __init__(self, *, deflate: bool = False) -> None:
        self.fill_with_next_write = False
        self._application = Application()
        self.server = Server(self._application, endpoints=["nowhere"], signal_handlers=False)
        self.server.connections = {}  # as when it runs
        factory = WebSocketFactory(self.server)
        if deflate:
            factory.setProtocolOptions(perMessageCompressionAccept=_accept_deflate)
        self.protocol = factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1))
        self.transport = Wire(self)
        self.transport.registerProducer("the HTTP channel", True)  # type: ignore[no-untyped-call]
        self.protocol._raw_query_string = b""
        self.protocol.makeConnection(self.transport)
        self.feed = self.protocol.dataReceived

    @property
    def _producer(self) -> Any:
        return self.transport.producer

    def fill(self) -> None:
        """Have the connection say that it is full."""
        self._producer.pauseProducing()

    def free(self) -> None:
        """Have it say that all was taken."""
        self._producer.resumeProducing()

    async def opened(self, request: bytes) -> Daphne:
        """Read a handshake, up to where the application decides."""
        self.feed(request)
        self._served = self.server.connections[self.protocol]["application_instance"]
        self.send = await self._application.send
        return self

    @property
    def written(self) -> bytes:
        """What the server has written so far."""
        return bytes(self.transport.value())  # type: ignore[no-untyped-call]

    def lose(self) -> None:
        """Let the connection be gone."""
        self.protocol.connectionLost(Failure(ConnectionLost()))  # type: ignore[no-untyped-call]

    async def end(self) -> None:
        """Let what serves it end."""
        self._application.over.set()
        await self._served


def _accept_deflate(offers: Any) -> Any:
    return PerMessageDeflateOfferAccept(offers[0])  # type: ignore[no-untyped-call]


SERVERS: dict[str, Callable[..., Any]] = {"daphne": Daphne, "uvicorn": Uvicorn}


@asynccontextmanager
async def connected(name: str, *, deflate: bool = False) -> AsyncIterator[tuple[Any, Talk]]:
    """Yield a connection that the application is about to accept, and what its client hears."""
    talk = Talk(deflate=deflate)
    socket = await SERVERS[name](deflate=deflate).opened(talk.request)
    try:
        yield socket, talk
    finally:
        await socket.end()


@asynccontextmanager
async def accepted(name: str, *, deflate: bool = False) -> AsyncIterator[tuple[Any, Talk]]:
    """Yield one that it has accepted."""
    async with connected(name, deflate=deflate) as (socket, talk):
        await socket.send({"type": "websocket.accept"})
        assert talk.texts(socket) == []
        yield socket, talk
