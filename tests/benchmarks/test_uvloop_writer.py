from random import Random

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.contenders.uvloop_writer.server import accept, unmask
from chat.load.frames import client_frame


def test_a_handshake_is_answered_as_the_specification_has_it() -> None:
    # The example of RFC 6455, 1.3.
    head = b"GET / HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n" in accept(head)


@given(st.binary(max_size=100))
def test_what_a_client_masked_is_unmasked(payload: bytes) -> None:
    frame = client_frame(payload, Random(1))
    assert unmask(frame[2:6], frame[6:]) == payload
