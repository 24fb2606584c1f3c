"""The bare writer: `python -m benchmarks.contenders.uvloop_writer.server PORT`.

One frame for each message and session, made once for all. Nothing is checked that the generator
does right: it is no server to be used.
"""

import asyncio
import base64
import hashlib
import sys
from typing import cast

import uvloop

from benchmarks.contenders.collector import spare_what_was_imported

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT = 0x81

_transports: set[asyncio.WriteTransport] = set()


class Writer(asyncio.Protocol):
    """One session: what it sends, all get."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the handshake."""
        self._transport = cast(asyncio.WriteTransport, transport)
        self._buffer = b""
        self._open = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave it out from now on."""
        _transports.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        """Read frames, and write each to everybody."""
        self._buffer += data
        if not self._open:
            head, blank, rest = self._buffer.partition(b"\r\n\r\n")
            if not blank:
                return
            self._transport.write(accept(head))
            self._open = True
            self._buffer = rest
            _transports.add(self._transport)
        while (frame := self._frame()) is not None:
            for transport in _transports:
                transport.write(frame)

    def _frame(self) -> bytes | None:
        """Take one whole text frame from the buffer and return it as a server sends it."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1] & 0x7F, 2
        if size == 126:
            size, start = int.from_bytes(buffer[2:4], "big"), 4
        end = start + 4 + size
        if len(buffer) < end:
            return None
        self._buffer = buffer[end:]
        if buffer[0] != _TEXT:
            self._transport.close()
            return None
        head = bytes((_TEXT, size)) if start == 2 else bytes((_TEXT, 126)) + buffer[2:4]
        return head + unmask(buffer[start : start + 4], buffer[start + 4 : end])


def unmask(mask: bytes, payload: bytes) -> bytes:
    """Return what a client masked (RFC 6455, 5.3)."""
    size = len(payload)
    stretched = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stretched, "big")).to_bytes(size, "big")


def accept(head: bytes) -> bytes:
    """Return the answer to a handshake (RFC 6455, 4.2.2)."""
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    key = base64.b64encode(hashlib.sha1(fields[b"Sec-WebSocket-Key"] + _GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + key + b"\r\n\r\n"
    )


async def _main(port: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_server(Writer, "127.0.0.1", port, backlog=8192)
    await loop.create_future()


if __name__ == "__main__":
    spare_what_was_imported()
    uvloop.run(_main(int(sys.argv[1])))
