"""The load generator's figures are only worth something if its own counting is right."""

import struct
from random import Random
from time import monotonic_ns

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.dialects import TUTORIAL
from chat.load.client import Client
from chat.load.crowd import Crowd
from chat.load.dialects import HUB, Dialect, text_of
from chat.load.digests import Digest, Digests
from chat.load.frames import FrameError, client_frame, server_frames
from chat.load.percentiles import percentile
from chat.load.schedule import moments, post_on_schedule

UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


def server_frame(payload: bytes, opcode: int = 1) -> bytes:
    """What a server sends: one whole frame without a mask."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 65536:
        return struct.pack("!BBH", 0x80 | opcode, 126, size) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, size) + payload


def events(*fields: dict[str, object]) -> bytes:
    """What the hub sends: one frame with these events."""
    return server_frame(msgspec.json.encode(fields))


def message(serial: int, poster: int = 0, seq: int | None = None) -> dict[str, object]:
    """The hub's event for the post with this serial number."""
    text = text_of(serial, poster, 1_000, "padding")
    return {"type": "message", "room": "bench", "seq": seq or serial, "text": text}


def ack(serial: int) -> dict[str, object]:
    """The hub's event for its poster."""
    return {"type": "ack", "room": "bench", "id": str(serial), "seq": serial, "duplicate": False}


def tutorial_message(serial: int) -> bytes:
    """What the usual consumer sends for the post with this serial number."""
    text = text_of(serial, 0, 1_000, "padding")
    return server_frame(msgspec.json.encode({"message": text}))


def room(dialect: Dialect, sessions: int, rooms: int = 1) -> Crowd:
    """A crowd whose sessions are in their rooms, without a network."""
    names = [f"bench-{number}" for number in range(rooms)]
    crowd = Crowd(dialect, [("127.0.0.1", 1)], "/ws", rooms=names, text_bytes=64)
    for index in range(sessions):
        client = Client(crowd, crowd.rooms[index * rooms // sessions], index, sampled=False)
        client.room.clients.append(client)
        crowd.clients.append(client)
        enter(client)
    return crowd


def enter(client: Client) -> None:
    """Let the client in, as the server would."""
    client.data_received(UPGRADED)
    if not client.entered.done():
        client.data_received(events({"type": "welcome"}, {"type": "joined", "head": 0}))
    assert client.entered.done()


def posted(crowd: Crowd, count: int) -> Crowd:
    """The crowd with `count` posts on their way, the serial numbers 1 to `count`."""
    crowd.start_posting(count)
    crowd.stop_posting()
    return crowd


# --- frames ---------------------------------------------------------------------------------------


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


# --- percentiles ----------------------------------------------------------------------------------


@given(st.lists(st.integers(), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_smallest_sample_with_that_share_at_or_below(
    samples: list[int], percent: int
) -> None:
    value = percentile(sorted(samples), percent / 100)
    assert 100 * sum(sample <= value for sample in samples) >= percent * len(samples)
    assert 100 * sum(sample < value for sample in samples) < percent * len(samples)


@pytest.mark.parametrize(("samples", "share"), [([], 0.5), ([1], 0), ([1], 1.5)])
def test_a_percentile_of_nothing_or_of_no_share_is_refused(
    samples: list[int], share: float
) -> None:
    with pytest.raises(ValueError, match=r"samples|share"):
        percentile(samples, share)


# --- the books ------------------------------------------------------------------------------------


async def test_books_are_in_order_when_every_session_received_every_post() -> None:
    crowd = posted(room(HUB, 2), 3)
    for client in crowd.clients:
        client.data_received(events(message(1), message(2)))
        client.data_received(events(message(3)))
    crowd.clients[0].data_received(events(ack(1), ack(2), ack(3)))
    assert crowd.delivered == 6
    assert crowd.problems() == []
    assert await crowd.quiesce(patience=0.1)


async def test_a_missing_delivery_is_found() -> None:
    crowd = posted(room(TUTORIAL, 2), 2)
    crowd.clients[0].data_received(tutorial_message(1) + tutorial_message(2))
    crowd.clients[1].data_received(tutorial_message(1))
    assert crowd.problems() == ["sessions with deliveries missing: 1", "deliveries missing: 1"]
    assert not await crowd.quiesce(patience=0.1)


async def test_a_delivery_that_comes_twice_is_found() -> None:
    crowd = posted(room(TUTORIAL, 1), 1)
    crowd.clients[0].data_received(tutorial_message(1) * 2)
    assert crowd.problems() == ["sessions with deliveries too many: 1", "deliveries too many: 1"]


async def test_one_delivery_twice_and_another_never_is_found() -> None:
    crowd = posted(room(TUTORIAL, 1), 2)
    crowd.clients[0].data_received(tutorial_message(1) * 2)
    assert crowd.problems() == ["sessions with the right number of wrong deliveries: 1"]


async def test_deliveries_out_of_order_are_found() -> None:
    crowd = posted(room(HUB, 1), 2)
    crowd.clients[0].data_received(events(message(2)))
    crowd.clients[0].data_received(events(message(1), ack(1), ack(2)))
    assert "sessions that saw a sequence number out of order: 1" in crowd.problems()


async def test_a_lost_session_and_an_error_of_the_hub_are_found() -> None:
    crowd = posted(room(HUB, 1), 1)
    crowd.clients[0].data_received(events({"type": "error", "code": "forbidden", "detail": "no"}))
    crowd.clients[0].data_received(server_frame(struct.pack("!H", 4002), opcode=8))
    found = crowd.problems()
    assert "forbidden: no: 1" in found
    assert "session 0: closed with 4002: 1" in found


async def test_a_refused_handshake_is_a_connection_error() -> None:
    crowd = Crowd(HUB, [("127.0.0.1", 1)], "/ws")
    client = Client(crowd, crowd.rooms[0], 0, sampled=False)
    client.data_received(b"HTTP/1.1 403 Forbidden\r\n\r\n")
    with pytest.raises(ConnectionError, match="403"):
        await client.entered


async def test_a_poster_posts_again_when_its_own_message_has_come_back() -> None:
    crowd = room(HUB, 2)
    crowd.start_posting(1)
    crowd.clients[1].data_received(events(message(1)))
    assert crowd.posted == 1
    crowd.clients[0].data_received(events(message(1)))
    assert crowd.posted == 2


async def test_what_others_say_in_the_room_is_no_delivery_and_no_disorder() -> None:
    crowd = posted(room(HUB, 1), 1)
    stranger = {"type": "message", "room": "bench", "seq": 1, "text": "hello: is this on?"}
    edit = {"type": "edited", "room": "bench", "seq": 3, "target": 1, "text": "hello"}
    crowd.clients[0].data_received(events(stranger))
    crowd.clients[0].data_received(events(message(1, seq=2), edit))
    crowd.clients[0].data_received(events({**ack(1), "seq": 2}))
    assert crowd.delivered == 1
    assert crowd.problems() == []


async def test_who_comes_later_is_not_owed_what_was_said_before() -> None:
    crowd = posted(room(TUTORIAL, 1), 1)
    crowd.clients[0].data_received(tutorial_message(1))
    late = Client(crowd, crowd.rooms[0], 1, sampled=False)
    crowd.clients.append(late)
    late.room.clients.append(late)
    enter(late)
    assert crowd.complete()
    crowd.post(crowd.clients[0], [1])
    assert not crowd.complete()
    for client in crowd.clients:
        client.data_received(tutorial_message(2))
    assert crowd.problems() == []
    late.data_received(tutorial_message(1))
    assert "sessions with deliveries too many: 1" in crowd.problems()


async def test_each_room_has_books_of_its_own() -> None:
    crowd = room(TUTORIAL, 4, rooms=2)
    crowd.post(crowd.clients[0], [1])
    crowd.clients[0].data_received(tutorial_message(1))
    crowd.clients[1].data_received(tutorial_message(1))
    assert crowd.complete()
    assert crowd.problems() == []
    crowd.clients[3].data_received(tutorial_message(1))
    assert "sessions with deliveries too many: 1" in crowd.problems()


async def test_who_comes_back_goes_on_with_the_same_books() -> None:
    crowd = posted(room(HUB, 1), 2)
    lost: list[Client] = []
    crowd.on_lost = lost.append
    client = crowd.clients[0]
    client.data_received(events(message(1), ack(1)))
    client.connection_lost(None)
    assert lost == [client]
    client.back()
    client.data_received(UPGRADED)
    client.data_received(
        events({"type": "joined", "head": 2, "epoch": "e", "recovered": True}, message(2), ack(2))
    )
    assert client.entered.done()
    assert crowd.complete()
    assert crowd.problems() == []


async def test_a_resume_that_the_server_could_not_serve_is_a_problem() -> None:
    client = room(HUB, 1).clients[0]
    client.back()
    client.data_received(UPGRADED)
    crowd = client._crowd
    client.data_received(events({"type": "joined", "head": 9, "epoch": "x", "recovered": False}))
    assert crowd.problems() == ["session 0: could not resume: 1"]


async def test_a_stuck_reader_is_not_counted_and_its_end_is_no_problem() -> None:
    crowd = posted(room(TUTORIAL, 2), 1)
    crowd.clients[1].stuck = True
    crowd.clients[0].data_received(tutorial_message(1))
    crowd.clients[1].connection_lost(None)
    assert crowd.complete()
    assert crowd.problems() == []


async def test_latency_counts_from_when_a_post_was_due() -> None:
    crowd = room(HUB, 1)
    crowd.clients[0].sampled = crowd.sampling = True
    crowd.post(crowd.clients[0], [monotonic_ns() - 10_000_000])
    sent = crowd.clients[0].unacked[1][0]
    text = text_of(1, 0, sent, "")
    crowd.clients[0].data_received(events({**message(1), "text": text}, ack(1)))
    assert crowd.latencies[0] >= 10_000_000
    assert crowd.ack_latencies[0] >= 10_000_000


async def test_a_poster_paced_by_acks_posts_when_one_comes_and_not_before() -> None:
    crowd = room(HUB, 1)
    crowd.start_posting(1, pace="ack")
    crowd.clients[0].data_received(events(message(1)))
    assert crowd.posted == 1
    crowd.clients[0].data_received(events(ack(1)))
    assert crowd.posted == 2


# --- the schedule ---------------------------------------------------------------------------------


def test_a_schedule_has_its_rate_however_long_it_is() -> None:
    due = list(moments(500, rate=30, seconds=2))
    assert len(due) == 60
    assert due[0] == 500
    assert due[-1] == 500 + round(59e9 / 30)


async def test_posts_are_sent_in_turn_at_their_time_and_none_is_left_out() -> None:
    crowd = room(HUB, 4)
    began = monotonic_ns()
    await post_on_schedule(crowd, crowd.posters(2), rate=200, seconds=0.05)
    assert monotonic_ns() - began >= 45_000_000
    assert crowd.posted == 10
    assert [len(client.unacked) for client in crowd.clients] == [5, 0, 5, 0]
