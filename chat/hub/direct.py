"""Frames that are written to the connection below an ASGI server's ``send``.

What everybody is told is the same bytes for everybody, and a server makes them anew for each: that
was most of what a delivery cost (docs/benchmarks.md has both ways side by side). So on the servers
that are known here the bytes are made once, and written where their ``send`` would write just them:
to a connection that is open, takes more, and has agreed on no extension. Wherever that is not so,
or not certain, ``send`` is what is called: on other servers, with other versions of these that have
not what is looked for, and where middleware of the site's own is around ``send`` and would miss it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from chat.hub.outgoing import InARow
from chat.hub.pressure import innermost

Write = Callable[[InARow], bool]
"""Writes the messages, all of them; or says that they are for ``send``, and writes none."""


def writer(send: Any) -> Write | None:
    """Return what writes to the connection behind an ASGI ``send``; None where it is not known."""
    send = innermost(send)
    return _uvicorn(getattr(send, "__self__", None)) or _daphne(send)


def _uvicorn(protocol: Any) -> Write | None:
    """Of uvicorn's ``--ws websockets-sansio``: a protocol around one of ``websockets``."""
    connection = getattr(protocol, "conn", None)
    kind = getattr(sys.modules.get("websockets.server"), "ServerProtocol", None)
    states = getattr(sys.modules.get("websockets.protocol"), "State", None)
    if kind is None or states is None or not isinstance(connection, kind):
        return None
    is_open, transport, writable = states.OPEN, protocol.transport, protocol.writable

    def write(row: InARow) -> bool:
        if (
            connection.state is not is_open
            or connection.extensions
            or not writable.is_set()
            or transport.is_closing()
        ):
            return False
        wire = row.wire
        if wire is None:
            return False
        transport.write(wire)
        return True

    return write


def _daphne(send: Any) -> Write | None:
    """Of daphne: a partial of autobahn's protocol, on a connection of Twisted's.

    By the transport, as autobahn's ``sendData`` does where nothing is queued: that makes a coloured
    line for a debug log of each call (900 000 deliveries a second instead of 770 000).
    """
    protocol: Any = send.args[0] if isinstance(send, partial) and send.args else None
    names = ("STATE_OPEN", "_perMessageCompress", "send_queue", "maxMessagePayloadSize")
    if not all(hasattr(protocol, name) for name in names):
        return None
    is_open, transport, most = (
        protocol.STATE_OPEN,
        protocol.transport,
        protocol.maxMessagePayloadSize,
    )

    def write(row: InARow) -> bool:
        if (
            protocol.state != is_open
            or protocol._perMessageCompress is not None
            or protocol.send_queue
        ):
            return False
        wire = row.wire
        # What is too long for one message, autobahn refuses.
        if wire is None or 0 < most < len(wire):
            return False
        transport.write(wire)
        return True

    return write
