"""How the contenders are spoken to, held to what they really say."""

import pytest

from benchmarks.dialects import PLAIN, SOCKETIO, TUTORIAL
from chat.load.dialects import Dialect, text_of

TEXT = text_of(7, 3, 1_000, "padding: with colons")


@pytest.mark.parametrize(
    ("dialect", "posted", "delivered"),
    [
        (TUTORIAL, f'{{"message":"{TEXT}"}}', f'{{"message": "{TEXT}"}}'),
        (PLAIN, TEXT, TEXT),
        (SOCKETIO, f'42["post","{TEXT}"]', f'42["message","{TEXT}"]'),
    ],
)
def test_a_message_is_posted_and_found_in_what_comes_back(
    dialect: Dialect, posted: str, delivered: str
) -> None:
    assert dialect.post("bench", TEXT, 7) == posted.encode()
    digest = dialect.decode(delivered.encode())
    assert (digest.deliveries, digest.checksum, digest.owners) == (1, 7, {3: 1})
    assert digest.sent == [1_000]
    assert digest.aside is None


@pytest.mark.parametrize("dialect", [TUTORIAL, PLAIN])
def test_who_is_connected_is_in_the_room_where_nothing_says_so(dialect: Dialect) -> None:
    assert dialect.hello("bench", "", 0) == ()
    assert not dialect.joins


def test_a_socketio_session_is_in_once_its_namespace_is_connected() -> None:
    opened = SOCKETIO.decode(b'0{"sid":"x","upgrades":[],"pingTimeout":20000,"pingInterval":25000}')
    assert opened.aside is None
    assert SOCKETIO.hello("bench", "", 0) == (b"40",)
    connected = SOCKETIO.decode(b'40{"sid":"y"}').aside
    assert connected is not None
    assert connected.entered


def test_a_socketio_ping_is_answered() -> None:
    ping = SOCKETIO.decode(b"2").aside
    assert ping is not None
    assert ping.ping
    assert SOCKETIO.pong("bench", 0) == b"3"


def test_a_socketio_refusal_is_an_error() -> None:
    refusal = SOCKETIO.decode(b'44{"message":"no"}').aside
    assert refusal is not None
    assert refusal.errors == ['44{"message":"no"}']
