"""What goes to sockets: ASGI's messages, and the frames that they become."""

from __future__ import annotations

import struct
from functools import cached_property
from typing import Any

from chat.protocol.closing import CloseCode


class Outgoing(dict[str, Any]):
    """An ASGI message. One object is handed to many sessions: nobody changes it."""

    wire: bytes | None = None
    """Its bytes on the wire, where every server would make the same of it."""


class TextFrame(Outgoing):
    """A text frame."""

    def __init__(self, text: str) -> None:
        super().__init__(type="websocket.send", text=text)

    @cached_property
    def wire(self) -> bytes | None:  # type: ignore[override]  # made where somebody asks, and once
        """A frame of a server's: whole, neither masked nor compressed (RFC 6455, section 5.2).

        None for what no frame can hold: text with lone surrogates.
        """
        try:
            data: bytes = self["text"].encode()
        except UnicodeEncodeError:
            return None
        size = len(data)
        if size < 126:
            return struct.pack("!BB", 0x81, size) + data
        if size < 2**16:
            return struct.pack("!BBH", 0x81, 126, size) + data
        return struct.pack("!BBQ", 0x81, 127, size) + data


class InARow(tuple[Outgoing, ...]):
    """Messages that go to a socket in a row, and to others as well."""

    @cached_property
    def wire(self) -> bytes | None:
        """Their bytes on the wire, one after the other; None where any of them has none."""
        if len(self) == 1:
            return self[0].wire
        wires = [message.wire for message in self]
        return None if None in wires else b"".join(wires)  # type: ignore[arg-type]  # none is None


def close_message(code: CloseCode | int) -> Outgoing:
    """Return the last message of a connection."""
    # A plain int: autobahn refuses an enumeration's.
    return Outgoing(type="websocket.close", code=int(code))


def size_of(message: Outgoing) -> int:
    """The bytes of a text frame."""
    return text_size(message.get("text", ""))


def text_size(text: str) -> int:
    """The bytes of ``text``; lone surrogates, which no frame can hold, count three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
