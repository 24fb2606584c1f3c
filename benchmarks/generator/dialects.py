"""How each contender is spoken to: what a client sends, and how to read what comes back. Pure.

The text of every message is `serial:poster:sent:padding`, so that a delivery can be accounted for
and timed whoever receives it, on whatever contender.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from benchmarks.generator.digests import Aside, Digest

ROOM = "bench"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to speak: bytes are payloads of text frames."""

    subprotocol: str | None
    hello: tuple[bytes, ...]
    """Sent once the WebSocket is open."""
    joins: bool
    """Whether the server says when the session is in the room; without, being open is being in."""
    post: Callable[[str, int], bytes]
    """`post(text, serial)`: the command that posts."""
    pong: Callable[[int], bytes]
    """`pong(seq)`: the answer to a ping of the protocol above WebSocket."""
    decode: Callable[[bytes], Digest]


def text_of(serial: int, poster: int, sent: int, padding: str) -> str:
    """Return the text of one message."""
    return f"{serial}:{poster}:{sent}:{padding}"


def _account(digest: Digest, text: str) -> None:
    serial, poster, sent, _ = text.split(":", 3)
    owner = int(poster)
    digest.deliveries += 1
    digest.checksum += int(serial)
    digest.sent.append(int(sent))
    digest.owners[owner] = digest.owners.get(owner, 0) + 1


class _Event(msgspec.Struct):
    type: str
    seq: int = 0
    text: str = ""
    head: int = 0
    code: str = ""
    detail: str = ""
    duplicate: bool = False


_events = msgspec.json.Decoder(list[_Event])


def _hub_decode(payload: bytes) -> Digest:
    digest = Digest()
    aside = Aside()
    for event in _events.decode(payload):
        if event.type == "message":
            if digest.deliveries and event.seq != digest.last + 1:
                digest.breaks += 1
            if not digest.deliveries:
                digest.first = event.seq
            digest.last = event.seq
            _account(digest, event.text)
        elif event.type == "ack":
            aside.acked += 1
            aside.acked_seq = max(aside.acked_seq, event.seq)
            aside.duplicates += event.duplicate
        elif event.type == "ping":
            aside.ping = True
        elif event.type == "welcome":
            aside.welcome = True
        elif event.type == "joined":
            aside.head = event.head
        elif event.type == "error":
            aside.errors.append(f"{event.code}: {event.detail}")
    digest.aside = aside or None
    return digest


def _command(**fields: Any) -> bytes:
    return msgspec.json.encode(fields)


HUB = Dialect(
    subprotocol="chat.v1.json",
    hello=(_command(type="join", room=ROOM, history=0),),
    joins=True,
    post=lambda text, serial: _command(type="post", room=ROOM, text=text, id=str(serial)),
    pong=lambda seq: _command(type="pong", seen={ROOM: seq}),
    decode=_hub_decode,
)
"""The hub's `chat.v1.json`."""


class _TutorialMessage(msgspec.Struct):
    message: str


_tutorial_message = msgspec.json.Decoder(_TutorialMessage)


def _tutorial_decode(payload: bytes) -> Digest:
    digest = Digest()
    _account(digest, _tutorial_message.decode(payload).message)
    return digest


TUTORIAL = Dialect(
    subprotocol=None,
    hello=(),
    joins=False,
    post=lambda text, _: _command(message=text),
    pong=lambda _: b"",
    decode=_tutorial_decode,
)
"""The one of the Channels tutorial: `{"message": text}` both ways."""
