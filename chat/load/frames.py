"""The client's half of RFC 6455, as far as a load generator needs it. Pure.

No extensions are offered, so a server may not compress; a fragmented message is an error here.
"""

from collections.abc import Iterator
from random import Random

TEXT = 0x1
CLOSE = 0x8
PING = 0x9
PONG = 0xA


class FrameError(Exception):
    """The server sent what this client neither offered nor can read."""


def client_frame(payload: bytes, random: Random, opcode: int = TEXT) -> bytes:
    """Return one whole masked frame (RFC 6455, 5.2 and 5.3)."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 65536:
        head = bytes((0x80 | opcode, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0x80 | 127)) + size.to_bytes(8, "big")
    mask = random.getrandbits(32).to_bytes(4, "big")
    stretched = (mask * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(stretched, "big")
    return head + mask + masked.to_bytes(size, "big")


def server_frames(data: bytes, start: int = 0) -> Iterator[tuple[int, int, int, int]]:
    """Yield `(start, opcode, payload start, end)` of each whole frame in `data`.

    What follows the last `end` is the beginning of a frame whose rest has not arrived.
    """
    available = len(data)
    while available - start >= 2:
        first, size = data[start], data[start + 1]
        if first & 0xF0 != 0x80 or size & 0x80:
            raise FrameError(f"fragmented, compressed or masked frame: {first:#x} {size:#x}")
        payload = start + 2
        if size == 126:
            payload = start + 4
            size = int.from_bytes(data[start + 2 : payload], "big")
        elif size == 127:
            payload = start + 10
            size = int.from_bytes(data[start + 2 : payload], "big")
        end = payload + size
        # A header that is cut short reads as a small size, so the payload's start counts too.
        if payload > available or end > available:
            return
        yield start, first & 0x0F, payload, end
        start = end


def handshake(
    address: tuple[str, int],
    path: str,
    subprotocol: str | None,
    key: str,
    *,
    cookie: str = "",
    secure: bool = False,
) -> bytes:
    """Return the request that opens a WebSocket (RFC 6455, 4.1), as a page of that site would."""
    host, port = address
    name = f"[{host}]" if ":" in host else host
    authority = name if port == (443 if secure else 80) else f"{name}:{port}"
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {authority}",
        f"Origin: {'https' if secure else 'http'}://{authority}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
    ]
    if subprotocol is not None:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    if cookie:
        lines.append(f"Cookie: {cookie}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")
