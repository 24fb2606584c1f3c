"""Frames that are written to the connection below an ASGI server's ``send``.

What everybody is told is the same bytes for everybody, and a server makes them anew for each: that
was a third of what a delivery cost where frames are large, and nearly all where they are small
(docs/benchmarks.md, M2). So on the servers that are known here the bytes are made once for all who
are as far, and written where their ``send`` would write just them: to a connection that is open,
takes more, and has agreed on no extension. Wherever that is not so, or not certain, ``send`` is
what is called: on other servers, with versions of these that have not what is looked for, where
their ``send`` is no longer their own, and where middleware is around it, which would miss the
frames. (What the servers themselves would miss are their debug logs of each frame, and autobahn's
statistics, which daphne has no use for.)

Servers are no dependencies: their modules are looked up among those that are imported already.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from chat.hub.outgoing import Piece

Write = Callable[[Piece], bool]
"""Writes a piece; or says that it is for ``send``, and writes nothing."""


def writer(send: Any) -> Write | None:
    """Return what writes to the connection behind an ASGI ``send``; None where it is not known."""
    send = _servers_own(send)
    return _uvicorn(send) or _daphne(send)


def _servers_own(send: Any) -> Any:
    """What is within Channels' middleware for sessions, which saves none with a text frame."""
    known = getattr(sys.modules.get("channels.sessions"), "InstanceSessionWrapper", None)
    wrapper: Any = getattr(send, "__self__", None)
    while type(wrapper) is known and _has(wrapper, "real_send", "save_message_types"):
        if "websocket.send" in wrapper.save_message_types:
            return send
        send = wrapper.real_send
        wrapper = getattr(send, "__self__", None)
    return send


def _is_as_it_came(method: Any, kind: type, name: str) -> bool:
    """Whether it is the method of a class, where nobody has put another in its place."""
    own = getattr(kind, name, None)
    if own is None or getattr(method, "__func__", None) is not own:
        return False
    return own.__module__ == kind.__module__ and not hasattr(own, "__wrapped__")


def _has(thing: object, *names: str) -> bool:
    return all(hasattr(thing, name) for name in names)


def _uvicorn(send: Any) -> Write | None:
    """Of uvicorn's ``--ws websockets-sansio``: a protocol around one of ``websockets``."""
    module = sys.modules.get("uvicorn.protocols.websockets.websockets_sansio_impl")
    known = getattr(module, "WebSocketsSansIOProtocol", None)
    states = getattr(sys.modules.get("websockets.protocol"), "State", None)
    protocol = getattr(send, "__self__", None)
    if known is None or states is None or not isinstance(protocol, known):
        return None
    if not _is_as_it_came(send, known, "send"):
        return None
    if known.pause_writing is asyncio.Protocol.pause_writing:
        return None  # an older one, which is not told when its connection is full
    if not _has(protocol, "conn", "transport", "writable"):
        return None
    is_open, connection = states.OPEN, protocol.conn
    transport, writable = protocol.transport, protocol.writable
    if not _has(connection, "state", "extensions") or connection.extensions:
        return None

    def write(piece: Piece) -> bool:
        if connection.state is not is_open or not writable.is_set() or transport.is_closing():
            return False
        transport.write(piece.wire)
        return True

    return write


def _daphne(send: Any) -> Write | None:
    """Of daphne: a partial of autobahn's protocol, on a connection of Twisted's.

    By the transport, as autobahn's ``sendData`` does where nothing is queued: that makes a coloured
    line for a debug log of each call.
    """
    server = getattr(sys.modules.get("daphne.server"), "Server", None)
    known = getattr(sys.modules.get("daphne.ws_protocol"), "WebSocketProtocol", None)
    if server is None or known is None or not isinstance(send, partial):
        return None
    if not isinstance(getattr(send.func, "__self__", None), server) or len(send.args) != 1:
        return None
    (protocol,) = send.args
    if not _is_as_it_came(send.func, server, "handle_reply"):
        return None
    names = ("STATE_OPEN", "state", "_perMessageCompress", "send_queue", "autoFragmentSize")
    if type(protocol) is not known or not _has(protocol, *names, "maxMessagePayloadSize"):
        return None
    if protocol.autoFragmentSize or getattr(protocol, "maskServerFrames", False):
        return None
    is_open, transport = protocol.STATE_OPEN, protocol.transport
    most = protocol.maxMessagePayloadSize or float("inf")

    def write(piece: Piece) -> bool:
        if (
            protocol.state != is_open
            or protocol._perMessageCompress is not None
            or protocol.send_queue
            or piece.longest > most
        ):
            return False
        transport.write(piece.wire)
        return True

    return write
