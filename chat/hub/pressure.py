"""Backpressure of a server whose ``send`` never waits.

daphne buffers without limit what a client does not take. The Twisted connection below it does know
when it holds too much, and tells its producer; until somebody else registers, that is at most the
HTTP channel of a handshake which is over.
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

    daphne's ``send`` is a partial of its protocol; ``real_send`` is how Channels' middleware wraps
    one. A server with a ``send`` that waits needs none of this.
    """
    for _ in range(DEEPEST):
        if isinstance(send, partial):
            break
        send = getattr(getattr(send, "__self__", None), "real_send", None)
    connection: Any = send.args[0] if isinstance(send, partial) and send.args else None
    if not hasattr(connection, "registerProducer"):
        return False
    connection.unregisterProducer()
    connection.registerProducer(Producer(connection.transport, valve), True)
    return True
