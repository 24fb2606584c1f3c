"""The load generator's figures are only worth something if its own counting is right."""

import asyncio
import struct
from collections import Counter
from time import monotonic_ns

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.dialects import TUTORIAL
from chat.load.client import Client
from chat.load.crowd import Crowd
from chat.load.dialects import HUB, text_of
from tests.load.speech import (
    UPGRADED,
    ack,
    enter,
    events,
    message,
    posted,
    room,
    server_frame,
    tutorial_message,
)


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
    assert "closed with 4002: 1" in found


async def test_a_refused_handshake_is_a_connection_error() -> None:
    crowd = Crowd(HUB, [("127.0.0.1", 1)], "/ws")
    client = Client(crowd, crowd.rooms[0], 0)
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
    late = Client(crowd, crowd.rooms[0], 1)
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
    assert crowd.problems() == ["could not resume: 1"]


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


async def test_latency_is_sampled_anew_as_more_come_the_last_among_them() -> None:
    crowd = Crowd(HUB, [("127.0.0.1", 1)], "/ws")
    for count in (25, 25, 450):
        await crowd.arrive(count, of=500)
        sampled = [client.index for client in crowd.clients if client.sampled]
        assert len(sampled) == min(40, len(crowd.clients))
        assert (sampled[0], sampled[-1]) == (0, len(crowd.clients) - 1)


@given(st.integers(1, 60), st.data())
def test_no_room_has_a_second_poster_before_each_has_one(
    sessions: int, data: st.DataObject
) -> None:
    rooms = data.draw(st.integers(1, sessions))
    most = data.draw(st.integers(1, 2 * sessions))

    async def chosen() -> list[Client]:
        return room(TUTORIAL, sessions, rooms=rooms).posters(most)

    posters = asyncio.run(chosen())
    assert len(posters) == len(set(posters)) == min(most, sessions)
    assert len({poster.room for poster in posters[:rooms]}) == min(most, rooms)


@pytest.mark.parametrize("rooms", [1, 12])
@pytest.mark.parametrize("processes", [1, 2, 3, 4])
async def test_posters_are_spread_over_the_processes(processes: int, rooms: int) -> None:
    crowd = room(TUTORIAL, 480, rooms=rooms, processes=processes)
    posters = Counter(poster.index % processes for poster in crowd.posters(12))
    assert posters == dict.fromkeys(range(processes), 12 // processes)


async def test_posters_in_one_room_are_spread_over_it() -> None:
    assert [poster.index for poster in room(TUTORIAL, 10).posters(4)] == [0, 2, 5, 7]
