"""What goes to sockets: ASGI's messages, and the bytes that they become on the wire."""

from __future__ import annotations

import struct
from functools import cached_property
from typing import Any, NamedTuple

from chat.protocol.closing import CloseCode

Outgoing = dict[str, Any]
"""An ASGI message. One object is handed to many sessions: nobody changes it."""

# Bytes that are written at once, or one frame that is longer: what asyncio's and Twisted's
# connections hold before they say that they are full.
PIECE_SIZE = 2**16


class Piece(NamedTuple):
    """What is written at once: the bytes of how many frames, and the longest payload of them."""

    wire: bytes
    frames: int
    longest: int


class Messages(tuple[Outgoing, ...]):
    """Messages that go to a socket in a row, and to others as well."""

    _parts: tuple[Messages, ...] = ()

    def after(self, first: Messages) -> Messages:
        """These after ``first``, of which there are bytes. Nothing's bytes are made twice."""
        assert sum(piece.frames for piece in first.pieces) == len(first)
        both = Messages((*first, *self))
        both._parts = (first, self)
        return both

    @cached_property
    def pieces(self) -> list[Piece]:
        """The bytes of the first of them: up to one that only a server can make something of."""
        found: list[Piece] = [piece for part in self._parts for piece in part.pieces]
        if found:
            return found
        frames: list[bytes] = []
        size = longest = 0
        for message in self:
            payload = _payload(message)
            if payload is None:
                break
            frame = _header(len(payload)) + payload
            if frames and size + len(frame) > PIECE_SIZE:
                found.append(Piece(b"".join(frames), len(frames), longest))
                frames, size, longest = [], 0, 0
            frames.append(frame)
            size, longest = size + len(frame), max(longest, len(payload))
        if frames:
            found.append(Piece(b"".join(frames), len(frames), longest))
        return found


def text_frame(text: str) -> Outgoing:
    """Return the message that sends ``text``."""
    return {"type": "websocket.send", "text": text}


def close_message(code: CloseCode | int) -> Outgoing:
    """Return the last message of a connection."""
    # A plain int: autobahn refuses an enumeration's.
    return {"type": "websocket.close", "code": int(code)}


def size_of(message: Outgoing) -> int:
    """The bytes of a text frame."""
    return text_size(message.get("text", ""))


def text_size(text: str) -> int:
    """The bytes of ``text``; lone surrogates, which no frame can hold, count three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _payload(message: Outgoing) -> bytes | None:
    """What a text frame holds. None for other messages and for no text, of which servers differ.

    And for lone surrogates, which no frame can hold.
    """
    text: str = message.get("text", "")
    try:
        return text.encode() or None
    except UnicodeEncodeError:
        return None


def _header(size: int) -> bytes:
    """Of a server's text frame: whole, neither masked nor compressed (RFC 6455, section 5.2)."""
    if size < 126:
        return struct.pack("!BB", 0x81, size)
    if size < 2**16:
        return struct.pack("!BBH", 0x81, 126, size)
    return struct.pack("!BBQ", 0x81, 127, size)
