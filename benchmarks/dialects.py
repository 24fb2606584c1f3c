"""How the contenders that are not the hub are spoken to. None of them numbers or acknowledges."""

import msgspec

from chat.load.dialects import Dialect, account
from chat.load.digests import Aside, Digest


class _TutorialMessage(msgspec.Struct):
    message: str


_tutorial_message = msgspec.json.Decoder(_TutorialMessage)


def _tutorial_decode(payload: bytes) -> Digest:
    digest = Digest()
    account(digest, _tutorial_message.decode(payload).message)
    return digest


TUTORIAL = Dialect(
    subprotocol=None,
    hello=lambda *_: (),
    joins=False,
    logs=False,
    post=lambda _, text, __: msgspec.json.encode({"message": text}),
    pong=lambda *_: b"",
    decode=_tutorial_decode,
)
"""The one of the Channels tutorial: `{"message": text}` both ways."""


def _plain_decode(payload: bytes) -> Digest:
    digest = Digest()
    account(digest, payload.decode())
    return digest


PLAIN = Dialect(
    subprotocol=None,
    hello=lambda *_: (),
    joins=False,
    logs=False,
    post=lambda _, text, __: text.encode(),
    pong=lambda *_: b"",
    decode=_plain_decode,
)
"""The text itself, both ways."""


_ENGINE_OPEN, _ENGINE_PING, _ENGINE_PONG = b"0", b"2", b"3"
_CONNECT, _EVENT, _REFUSED = b"40", b"42", b"44"
_socketio_event = msgspec.json.Decoder(tuple[str, str])


def _socketio_decode(payload: bytes) -> Digest:
    digest = Digest()
    if payload.startswith(_EVENT):
        account(digest, _socketio_event.decode(payload[2:])[1])
    elif payload.startswith(_CONNECT):
        digest.aside = Aside(entered=True)
    elif payload == _ENGINE_PING:
        digest.aside = Aside(ping=True)
    elif payload.startswith(_REFUSED):
        digest.aside = Aside(errors=[payload.decode()])
    else:
        assert payload.startswith(_ENGINE_OPEN), "this dialect knows no other packet"
    return digest


SOCKETIO = Dialect(
    subprotocol=None,
    hello=lambda *_: (_CONNECT,),
    joins=True,
    logs=False,
    post=lambda _, text, __: _EVENT + msgspec.json.encode(("post", text)),
    pong=lambda *_: _ENGINE_PONG,
    decode=_socketio_decode,
)
"""Socket.IO 5 over Engine.IO 4, on WebSocket from the start: `post` in, `message` out."""
