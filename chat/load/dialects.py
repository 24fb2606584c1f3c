"""How a server is spoken to: what a client sends, and how to read what comes back. Pure.

The text of every message is `load:serial:poster:sent:padding`, so that a delivery can be accounted
for and timed whoever receives it, on whatever server.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from chat.load.digests import Aside, Digest

_MARK = "load:"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to speak: bytes are payloads of text frames."""

    subprotocol: str | None
    hello: Callable[[str, str, int], tuple[bytes, ...]]
    """`hello(room, epoch, seq)`: sent once the WebSocket is open. With an epoch, to resume."""
    joins: bool
    """Whether the server says when the session is in the room; without, being open is being in."""
    logs: bool
    """Whether posts are acknowledged and numbered."""
    post: Callable[[str, str, int], bytes]
    """`post(room, text, serial)`: the command that posts."""
    pong: Callable[[str, int], bytes]
    """`pong(room, seq)`: the answer to a ping of the protocol above WebSocket."""
    decode: Callable[[bytes], Digest]


def text_of(serial: int, poster: int, sent: int, padding: str) -> str:
    """Return the text of one message."""
    return f"{_MARK}{serial}:{poster}:{sent}:{padding}"


def account(digest: Digest, text: str) -> None:
    """Enter a message into the books of its digest; what somebody else has said is none."""
    if not text.startswith(_MARK):
        return
    _, serial, poster, sent, _ = text.split(":", 4)
    owner = int(poster)
    digest.deliveries += 1
    digest.checksum += int(serial)
    digest.sent.append(int(sent))
    digest.owners[owner] = digest.owners.get(owner, 0) + 1


class _Limits(msgspec.Struct):
    posts_per_second: float = 0.0


class _Event(msgspec.Struct):
    type: str
    seq: int = 0
    text: str = ""
    head: int = 0
    epoch: str = ""
    recovered: bool | None = None
    id: str = ""
    code: str = ""
    detail: str = ""
    duplicate: bool = False
    limits: _Limits | None = None


_events = msgspec.json.Decoder(list[_Event])
_LOGGED = frozenset({"message", "edited", "deleted"})


def _hub_decode(payload: bytes) -> Digest:
    digest = Digest()
    aside = Aside()
    for event in _events.decode(payload):
        if event.type in _LOGGED:
            if digest.first and event.seq != digest.last + 1:
                digest.breaks += 1
            if not digest.first:
                digest.first = event.seq
            digest.last = event.seq
            account(digest, event.text)
        elif event.type == "ack":
            aside.acks.append((int(event.id), event.seq))
            aside.duplicates += event.duplicate
        elif event.type == "ping":
            aside.ping = True
        elif event.type == "welcome" and event.limits is not None:
            aside.posts_per_second = event.limits.posts_per_second
        elif event.type == "joined":
            aside.entered = True
            aside.head, aside.epoch = event.head, event.epoch
            aside.recovered = event.recovered
        elif event.type == "error":
            aside.errors.append(f"{event.code}: {event.detail}")
    digest.aside = aside or None
    return digest


def _hub_hello(room: str, epoch: str, seq: int) -> tuple[bytes, ...]:
    if epoch:
        return (_command(type="join", room=room, after={"epoch": epoch, "seq": seq}),)
    return (_command(type="join", room=room, history=0),)


def _command(**fields: Any) -> bytes:
    return msgspec.json.encode(fields)


HUB = Dialect(
    subprotocol="chat.v1.json",
    hello=_hub_hello,
    joins=True,
    logs=True,
    post=lambda room, text, serial: _command(type="post", room=room, text=text, id=str(serial)),
    pong=lambda room, seq: _command(type="pong", seen={room: seq}),
    decode=_hub_decode,
)
"""The hub's `chat.v1.json`."""
