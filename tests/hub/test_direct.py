"""Frames past the ``send`` of real servers: the same bytes, and only where it would write them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat.hub import direct, outgoing, sending
from chat.hub.outgoing import PIECE_SIZE, Messages, Outgoing, close_message
from tests.fakes import turns
from tests.hub.outlets import Ends, frame
from tests.hub.servers import SERVERS, accepted, connected

on_each_server = pytest.mark.parametrize("name", SERVERS)


def writes(socket: Any, *messages: Outgoing) -> bool:
    """Write all of them past its ``send``, or nothing; say which."""
    write = direct.writer(socket.send)
    assert write is not None
    row = Messages(messages)
    assert sum(piece.frames for piece in row.pieces) == len(row)
    written = {write(piece) for piece in row.pieces}
    return written == {True}


LENGTHS = [1, 125, 126, 127, 2**16 - 1, 2**16, 2**16 + 1]

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@on_each_server
@given(rows=st.lists(st.lists(texts, min_size=1, max_size=5)))
@example(rows=[["x" * length] for length in LENGTHS])
@example(rows=[["€" * length for length in LENGTHS]])
async def test_bytes_are_those_of_the_servers_own_send(name: str, rows: list[list[str]]) -> None:
    async with accepted(name) as (by_send, _), accepted(name) as (past_it, talk):
        before = len(by_send.written), len(past_it.written)
        for row in rows:
            assert writes(past_it, *map(frame, row))
            for text in row:
                await by_send.send(frame(text))
        assert by_send.written[before[0] :] == past_it.written[before[1] :]
        assert talk.texts(past_it) == [text for row in rows for text in row]


# Where nothing is written


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
        assert writes(socket, frame("a"))
        await step(socket, talk)
        written = socket.written
        assert not writes(socket, frame("b"))
        assert socket.written == written


@on_each_server
async def test_nothing_is_written_before_it_is_accepted(name: str) -> None:
    async with connected(name) as (socket, _):
        written = socket.written
        assert not writes(socket, frame("a"))
        assert socket.written == written


@on_each_server
async def test_what_is_to_be_compressed_goes_by_send(name: str) -> None:
    async with accepted(name, deflate=True) as (socket, talk):
        assert talk.client.extensions, "compression was agreed on"
        assert direct.writer(socket.send) is None or not writes(socket, frame("a"))
        ends = Ends(socket.send)
        assert ends.outlet.push(frame("a" * 200))
        assert talk.texts(socket) == ["a" * 200]
        assert len(socket.written) < 600


async def test_message_that_is_too_long_for_daphne_is_refused_by_it() -> None:
    async with accepted("daphne") as (socket, talk):
        socket.protocol.maxMessagePayloadSize = 1000  # before it is looked at
        ends = Ends(socket.send)
        assert ends.outlet.push_row(Messages(map(frame, ("x" * 999, "y" * 999)))) == 2
        assert ends.outlet.push_row(Messages(map(frame, ("x" * 1001, "y")))) == 0
        assert ends.failed == 1
        assert talk.texts(socket) == ["x" * 999, "y" * 999]


async def test_what_autobahn_has_in_its_queue_is_not_overtaken() -> None:
    async with accepted("daphne") as (socket, _):
        socket.protocol.send_queue.append((b"", False))
        assert not writes(socket, frame("a"))


async def test_full_connection_is_waited_for_on_uvicorn_in_order() -> None:
    async with accepted("uvicorn") as (socket, talk):
        ends = Ends(socket.send)
        assert ends.outlet.push(frame("a"))
        socket.fill()
        assert ends.outlet.push(frame("b"))  # by send, which waits
        assert not ends.outlet.push(frame("c"))
        ends.outlet.send(frame("d"))
        assert talk.texts(socket) == ["a"]
        socket.free()
        await turns()
        assert ends.outlet.push(frame("e"))
        assert talk.texts(socket) == ["b", "d", "e"]


@on_each_server
@given(
    steps=st.lists(st.sampled_from(["send", "push", "row", "fills", "full", "free", "turn"])),
    piece=st.sampled_from([1, 8, 16]),
)
async def test_what_is_taken_arrives_in_order_whichever_way_it_goes(
    name: str, steps: list[str], piece: int
) -> None:
    """Rows are written in pieces, any of which may fill the connection; the rest goes by send."""
    with patch.object(outgoing, "PIECE_SIZE", piece), patch.object(sending, "HELD_MOST", 4):
        async with accepted(name) as (socket, talk):
            ends = Ends(socket.send)
            taken: list[str] = []
            for number, step in enumerate(steps):
                row = [f"{number} {part}" for part in range(5)]
                match step:
                    case "send":
                        ends.outlet.send(frame(row[0]))
                        taken.append(row[0])
                    case "push":
                        taken += row[: ends.outlet.push(frame(row[0]))]
                    case "row" | "fills":
                        socket.fill_with_next_write = step == "fills"
                        taken += row[: ends.outlet.push_row(Messages(map(frame, row)))]
                        socket.fill_with_next_write = False
                    case "full":
                        socket.fill()
                    case "free":
                        socket.free()
                    case _:
                        await turns(3)
            socket.free()
            await turns(len(steps) + 5)
            socket.free()
            assert talk.texts(socket) == taken


async def test_full_connection_is_held_back_on_daphne() -> None:
    async with accepted("daphne") as (socket, talk):
        ends = Ends(socket.send, most=10)
        socket.fill()
        assert ends.outlet.push_row(Messages(map(frame, ("1234", "567890", "x", "y")))) == 2
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


# A connection that a write of ours fills


def row_of_large_frames(count: int) -> Messages:
    """Return frames each of which is a piece."""
    return Messages(frame(str(number) * PIECE_SIZE) for number in range(count))


async def test_connection_that_a_piece_fills_takes_no_more_on_uvicorn() -> None:
    async with accepted("uvicorn") as (socket, talk):
        ends = Ends(socket.send)
        socket.fill_with_next_write = True
        assert ends.outlet.push_row(row_of_large_frames(4)) == 2  # the second by send, which waits
        assert talk.texts(socket) == ["0" * PIECE_SIZE]
        socket.free()
        await turns()
        assert talk.texts(socket) == ["1" * PIECE_SIZE]


async def test_connection_that_a_piece_fills_takes_no_more_than_the_bound_on_daphne() -> None:
    async with accepted("daphne") as (socket, talk):
        ends = Ends(socket.send, most=PIECE_SIZE)
        socket.fill_with_next_write = True
        # One that is written, and one that is held.
        assert ends.outlet.push_row(row_of_large_frames(9)) == 2
        assert talk.texts(socket) == ["0" * PIECE_SIZE, "1" * PIECE_SIZE]


@on_each_server
async def test_row_that_fails_in_the_middle_counts_what_was_written(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with accepted(name) as (socket, _):
        original = socket.transport.write
        writes: list[bytes] = []

        def write(data: bytes) -> None:
            if writes:
                raise ConnectionResetError
            writes.append(data)
            original(data)

        monkeypatch.setattr(socket.transport, "write", write)
        if name == "daphne":  # which looks its methods up as it comes
            monkeypatch.setattr(socket.protocol.transport, "write", write)
        assert Ends(socket.send).outlet.push_row(row_of_large_frames(3)) == 1
