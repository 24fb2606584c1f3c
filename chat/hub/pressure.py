"""What a server's connection holds for a client that does not take it.

daphne buffers that without limit. The Twisted connection below it does know when it holds too much,
and tells its producer; until somebody else registers, that is at most the HTTP channel of a
handshake which is over.

uvicorn's ``send`` waits, but what uvicorn itself answers (pongs) does not, and a connection that it
closes lives on until the client has taken everything. asyncio's transport below it can be asked how
much it holds, and can be ended at once.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

# Middleware of Channels that may be around one another.
DEEPEST = 10


class Valve(Protocol):
    """What is told of a connection."""

    def fill(self) -> None:
        """The connection holds more than it should."""

    def drain(self) -> None:
        """It has none left."""


class Transport(Protocol):
    """What is used of an ``asyncio.Transport``, which uvloop's are not by name."""

    def get_write_buffer_size(self) -> int:
        """The bytes that the client has not taken."""

    def is_closing(self) -> bool:
        """Whether the connection is over, or its server has closed it."""

    def abort(self) -> None:
        """End the connection at once; no harm to one that is over."""


class Producer:
    """A valve as Twisted would have it (``twisted.internet.interfaces.IPushProducer``).

    Nothing is read while the connection is full: a client that takes nothing could else go on
    asking for what is answered below us (pings, closes), and look alive to daphne, whose own pings
    end it.
    """

    __slots__ = ("_transport", "_valve")

    def __init__(self, transport: Any, valve: Valve) -> None:
        self._transport = transport
        self._valve = valve

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """More than 64 kB wait in the connection."""
        self._transport.pauseProducing()
        self._valve.fill()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """All of it was taken."""
        self._transport.resumeProducing()
        self._valve.drain()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The connection is gone, of which its server tells."""


def report(send: Any, valve: Valve) -> bool:
    """Tell ``valve`` of the connection behind an ASGI ``send``; false where it cannot be found.

    daphne's ``send`` is a partial of its protocol. A server with a ``send`` that waits needs none
    of this.
    """
    send = _innermost(send)
    connection: Any = send.args[0] if isinstance(send, partial) and send.args else None
    if not hasattr(connection, "registerProducer"):
        return False
    connection.unregisterProducer()
    connection.registerProducer(Producer(connection.transport, valve), True)
    return True


def transport_of(send: Any) -> Transport | None:
    """The transport below an ASGI ``send`` that is a method of an asyncio protocol, as uvicorn's.

    None elsewhere.
    """
    transport = getattr(getattr(_innermost(send), "__self__", None), "transport", None)
    return transport if hasattr(transport, "get_write_buffer_size") else None


def _innermost(send: Any) -> Any:
    """The server's own ``send``, which Channels' middleware has as ``real_send``; None too deep."""
    for _ in range(DEEPEST):
        wrapped = getattr(getattr(send, "__self__", None), "real_send", None)
        if wrapped is None:
            return send
        send = wrapped
    return None
