"""The load generator reads every frame, and counts every message, however the bytes are cut."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.load.dialects import HUB
from chat.load.digests import Digest, Digests
from chat.load.frames import FrameError, client_frame, server_frames
from tests.load.speech import events, message, server_frame


@given(st.binary(max_size=70_000), st.integers(0, 2**32))
def test_a_client_frame_unmasks_to_its_payload(payload: bytes, seed: int) -> None:
    frame = client_frame(payload, Random(seed))
    body = frame[len(frame) - len(payload) :]
    mask = frame[len(frame) - len(payload) - 4 : len(frame) - len(payload)]
    assert bytes(byte ^ mask[i % 4] for i, byte in enumerate(body)) == payload
    assert frame[0] == 0x81
    assert frame[1] & 0x80


@given(st.lists(st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536]), max_size=6), st.data())
def test_frames_are_found_whatever_the_sizes_and_wherever_the_bytes_end(
    sizes: list[int], data: st.DataObject
) -> None:
    stream = b"".join(server_frame(b"x" * size) for size in sizes)
    cut = data.draw(st.integers(0, len(stream)))
    found = [(payload, end) for _, _, payload, end in server_frames(stream[:cut])]
    ends = [
        sum(len(server_frame(b"x" * size)) for size in sizes[: i + 1]) for i in range(len(sizes))
    ]
    assert [end for _, end in found] == [end for end in ends if end <= cut]
    assert [end - payload for payload, end in found] == sizes[: len(found)]


@pytest.mark.parametrize("head", [b"\x01\x00", b"\xc1\x00", b"\x81\x80"])
def test_a_frame_that_is_fragmented_compressed_or_masked_is_refused(head: bytes) -> None:
    with pytest.raises(FrameError):
        list(server_frames(head))


# --- digests --------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 5), min_size=1, max_size=12), st.data())
def test_every_message_is_counted_once_however_the_stream_is_cut(
    batches: list[int], data: st.DataObject
) -> None:
    frames, head = [], 0
    for size in batches:
        frames.append(events(*(message(head + n + 1, poster=n) for n in range(size))))
        head += size
    stream = b"".join(frames)
    digests = Digests(HUB.decode)
    for _ in range(2):  # the second socket meets what the first has left behind
        cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
        read: list[Digest] = []
        rest = b""
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            digest, rest = digests.read(rest + stream[start:end])
            read.append(digest)
        assert rest == b""
        assert sum(digest.deliveries for digest in read) == head
        assert sum(digest.checksum for digest in read) == head * (head + 1) // 2
        assert sum(count for digest in read for count in digest.owners.values()) == head
        assert sum(len(digest.sent) for digest in read) == head
        assert not any(digest.breaks for digest in read)
        assert [digest.last for digest in read if digest.deliveries][-1] == head


def test_bytes_that_begin_alike_are_told_apart() -> None:
    digests = Digests(HUB.decode)
    one = events(message(1), message(2))
    other = events(message(1), message(3))
    assert one[:64] == other[:64]
    assert len(one) == len(other)
    assert digests.read(one)[0].breaks == 0
    assert digests.read(other)[0].breaks == 1


def test_a_sequence_that_breaks_between_two_frames_of_one_read_is_noticed() -> None:
    digest, _ = Digests(HUB.decode).read(events(message(1)) + events(message(3)))
    assert digest.breaks == 1
