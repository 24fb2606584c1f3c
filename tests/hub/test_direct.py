"""Frames past the ``send`` of real servers: the same bytes, and only where it would write them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat.hub import direct
from chat.hub.outgoing import InARow, close_message
from tests.fakes import turns
from tests.hub.outlets import Ends, frame
from tests.hub.servers import SERVERS, accepted, connected

on_each_server = pytest.mark.parametrize("name", SERVERS)


def writer(socket: Any) -> direct.Write:
    """Return what writes past its ``send``."""
    write = direct.writer(socket.send)
    assert write is not None
    return write


LENGTHS = [0, 1, 125, 126, 127, 2**16 - 1, 2**16, 2**16 + 1]

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@on_each_server
@given(rows=st.lists(st.lists(texts, min_size=1, max_size=5)))
@example(rows=[["x" * length] for length in LENGTHS if length])
@example(rows=[["€" * length for length in LENGTHS if length]])
async def test_bytes_are_those_of_the_servers_own_send(name: str, rows: list[list[str]]) -> None:
    async with accepted(name) as (by_send, _), accepted(name) as (past_it, talk):
        write = writer(past_it)
        before = len(by_send.written), len(past_it.written)
        for row in rows:
            assert write(InARow(map(frame, row)))
            for text in row:
                await by_send.send(frame(text))
        assert by_send.written[before[0] :] == past_it.written[before[1] :]
        assert talk.texts(past_it) == [text for row in rows for text in row]


Step = Callable[[Any, Any], Awaitable[None]]


async def close_it(socket: Any, talk: Any) -> None:
    await socket.send(close_message(4002))


async def hear_a_close(socket: Any, talk: Any) -> None:
    talk.client.send_close(1000)
    socket.feed(b"".join(talk.client.data_to_send()))


async def hear_nonsense(socket: Any, talk: Any) -> None:
    socket.feed(b"\xff" * 20)


async def lose_it(socket: Any, talk: Any) -> None:
    socket.lose()


@on_each_server
@pytest.mark.parametrize("step", [close_it, hear_a_close, hear_nonsense, lose_it])
async def test_nothing_is_written_past_the_end(name: str, step: Step) -> None:
    async with accepted(name) as (socket, talk):
        write = writer(socket)
        assert write(InARow([frame("a")]))
        await step(socket, talk)
        written = socket.written
        assert not write(InARow([frame("b")]))
        assert socket.written == written


@on_each_server
async def test_nothing_is_written_before_it_is_accepted(name: str) -> None:
    async with connected(name) as (socket, _):
        written = socket.written
        assert not writer(socket)(InARow([frame("a")]))
        assert socket.written == written


@on_each_server
async def test_what_is_to_be_compressed_goes_by_send(name: str) -> None:
    async with accepted(name, deflate=True) as (socket, talk):
        assert talk.client.extensions, "compression was agreed on"
        assert not writer(socket)(InARow([frame("a")]))
        ends = Ends(socket.send)
        assert ends.outlet.push(frame("a" * 200))
        assert talk.texts(socket) == ["a" * 200]
        assert len(socket.written) < 600


@on_each_server
async def test_what_no_frame_can_hold_is_left_to_the_server(name: str) -> None:
    async with accepted(name) as (socket, _):
        written = socket.written
        for row in ([frame("\ud800")], [frame("a"), frame("\ud800")], [close_message(4002)]):
            assert not writer(socket)(InARow(row))
        assert socket.written == written


async def test_message_that_is_too_long_for_daphne_is_refused_by_it() -> None:
    async with accepted("daphne") as (socket, _):
        socket.protocol.maxMessagePayloadSize = 1000
        written = socket.written
        assert not writer(socket)(InARow([frame("x" * 1001)]))
        assert socket.written == written


async def test_what_autobahn_has_in_its_queue_is_not_overtaken() -> None:
    async with accepted("daphne") as (socket, _):
        socket.protocol.send_queue.append((b"", False))
        assert not writer(socket)(InARow([frame("a")]))


async def test_full_connection_is_waited_for_on_uvicorn_in_order() -> None:
    async with accepted("uvicorn") as (socket, talk):
        ends = Ends(socket.send)
        assert ends.outlet.push(frame("a"))
        socket.protocol.pause_writing()
        assert ends.outlet.push(frame("b"))  # by send, which waits
        assert not ends.outlet.push(frame("c"))
        ends.outlet.send(frame("d"))
        assert talk.texts(socket) == ["a"]
        socket.protocol.resume_writing()
        await turns()
        assert ends.outlet.push(frame("e"))
        assert talk.texts(socket) == ["b", "d", "e"]


@given(steps=st.lists(st.sampled_from(["send", "push", "row", "full", "free", "turn"])))
async def test_what_is_taken_arrives_in_order_whichever_way_it_goes(steps: list[str]) -> None:
    async with accepted("uvicorn") as (socket, talk):
        ends = Ends(socket.send)
        taken: list[str] = []
        for number, step in enumerate(steps):
            row = [f"{number} {part}" for part in range(3)]
            match step:
                case "send":
                    ends.outlet.send(frame(row[0]))
                    taken.append(row[0])
                case "push":
                    taken += row[: ends.outlet.push(frame(row[0]))]
                case "row":
                    taken += row[: ends.outlet.push_row(InARow(map(frame, row)))]
                case "full":
                    socket.protocol.pause_writing()
                case "free":
                    socket.protocol.resume_writing()
                case _:
                    await turns(3)
        socket.protocol.resume_writing()
        await turns(len(steps) + 5)
        assert talk.texts(socket) == taken


async def test_full_connection_is_held_back_on_daphne() -> None:
    async with accepted("daphne") as (socket, talk):
        ends = Ends(socket.send, most=10)
        socket.transport.producer.pauseProducing()
        assert ends.outlet.push_row(InARow(map(frame, ("1234", "567890", "x", "y")))) == 2
        assert talk.texts(socket) == ["1234", "567890"]


@on_each_server
async def test_write_that_fails_ends_the_session_and_nothing_else(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(data: bytes) -> None:
        raise ConnectionResetError

    async with accepted(name) as (socket, _):
        monkeypatch.setattr(socket.transport, "write", fail)
        ends = Ends(socket.send)
        assert not ends.outlet.push(frame("a"))
        assert not ends.outlet.push(frame("b"))
        assert (ends.freed, ends.failed) == (0, 0)


@on_each_server
async def test_middleware_of_the_sites_own_misses_nothing(name: str) -> None:
    async with accepted(name) as (socket, talk):
        seen: list[Any] = []

        async def send(message: Any) -> None:
            seen.append(message)
            await socket.send(message)

        assert direct.writer(send) is None
        assert Ends(send).outlet.push(frame("a"))
        assert (seen, talk.texts(socket)) == ([frame("a")], ["a"])


async def test_other_servers_are_left_alone() -> None:
    class Other:
        """As uvicorn's protocol around wsproto."""

        conn = object()
        transport = writable = None

        async def send(self, message: Any) -> None: ...

    assert direct.writer(Other().send) is None
    assert direct.writer(None) is None
