"""Sending to a connection that never waits, and says when it holds too much."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.hub import sending
from chat.hub.outgoing import Messages, Outgoing
from tests.fakes import soon, turns
from tests.hub import outlets
from tests.hub.outlets import CLOSE, Connection, Server, frame

MOST = 10


class Ends(outlets.Ends):
    """An outlet into such a connection."""

    def __init__(self) -> None:
        self.connection = Connection()
        super().__init__(partial(Server().handle_reply, self.connection), most=MOST)

    def fill(self) -> None:
        """Have the connection say that it is full."""
        self.connection.producer.pauseProducing()

    def drain(self) -> None:
        """Have it say that all was taken."""
        self.connection.producer.resumeProducing()


async def test_burst_that_is_taken_in_time_is_sent_at_once() -> None:
    ends = Ends()
    ends.fill()
    assert ends.outlet.push(frame("x" * MOST))
    ends.drain()
    assert ends.outlet.push(frame("x" * 100))
    assert ends.freed == 0


async def test_row_ends_with_what_a_full_connection_takes() -> None:
    ends = Ends()
    ends.fill()
    assert ends.outlet.push_row(Messages(map(frame, ("1234", "567890", "x", "y")))) == 2
    assert ends.connection.texts == ["1234", "567890"]


async def test_full_connection_is_sent_so_much_more_and_goes_on_once_it_has_drained() -> None:
    ends = Ends()
    ends.fill()
    assert ends.outlet.push(frame("1234"))
    ends.fill()  # Twisted says so with every write
    assert ends.outlet.push(frame("567890"))
    assert not ends.outlet.push(frame("x"))
    assert not ends.outlet.push(frame(""))
    assert ends.freed == 0
    ends.drain()
    assert ends.freed == 1
    assert ends.outlet.push(frame("and on"))
    ends.drain()
    assert ends.freed == 1
    assert ends.connection.texts == ["1234", "567890", "and on"]


async def test_nothing_is_read_from_a_connection_that_is_full() -> None:
    ends = Ends()
    transport = ends.connection.transport
    seen = [transport.reads]
    ends.fill()
    seen.append(transport.reads)
    ends.drain()
    seen.append(transport.reads)
    assert seen == [True, False, True]


async def test_large_windows_do_not_make_large_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "HELD_MOST", MOST - 1)
    ends = Ends()
    ends.fill()
    assert not ends.outlet.push(frame("x" * MOST))


async def test_bytes_count_not_characters() -> None:
    ends = Ends()
    ends.fill()
    assert ends.outlet.push(frame("é" * 5))
    assert not ends.outlet.push(frame("x"))


async def test_replies_wait_until_it_has_drained() -> None:
    ends = Ends()
    ends.fill()
    texts = ["x" * MOST, "one", "two", "3"]
    for text in texts:
        ends.outlet.send(frame(text))
    assert ends.connection.texts == texts[:1]
    ends.drain()
    assert ends.connection.texts == texts
    assert (ends.freed, ends.failed) == (1, 0)


async def test_replies_that_fill_it_anew_wait_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "HELD_MOST", 3)
    ends = Ends()
    ends.fill()
    assert not ends.outlet.push(frame("x" * 4))
    texts = ["aaa", "bbb", "cc"]
    for text in texts:
        ends.outlet.send(frame(text))

    async def fills(connection: Connection, message: Outgoing) -> None:
        connection.sent.append(message)
        ends.fill()

    ends.outlet._send = partial(fills, ends.connection)
    ends.drain()
    assert ends.connection.texts == texts[:2]
    assert ends.freed == 0
    ends.drain()
    assert ends.connection.texts == texts
    assert ends.freed == 1


async def test_too_much_of_replies_fails() -> None:
    ends = Ends()
    ends.fill()
    assert not ends.outlet.push(frame("x" * 11))
    ends.outlet.send(frame("x" * 5))
    ends.outlet.send(frame("x" * 5))
    assert ends.failed == 0
    ends.outlet.send(frame("x"))
    assert ends.failed == 1


async def test_too_many_replies_fail() -> None:
    ends = Ends()
    ends.fill()
    assert not ends.outlet.push(frame("x" * 11))
    for _ in range(sending.WAITING_MOST):
        ends.outlet.send(frame(""))
    assert ends.failed == 0
    ends.outlet.send(frame(""))
    assert ends.failed == 1


async def test_middleware_that_waits_is_not_overtaken() -> None:
    ends = Ends()
    going_on = asyncio.Event()

    async def waits(connection: Connection, message: Outgoing) -> None:
        await going_on.wait()
        connection.sent.append(message)

    ends.outlet._send = partial(waits, ends.connection)
    ends.outlet.send(frame("a"))
    ends.outlet.send(frame("b"))
    ends.fill()
    ends.drain()
    going_on.set()
    await soon(lambda: bool(ends.freed))
    assert ends.connection.texts == ["a", "b"]
    assert ends.freed == 1


async def test_close_comes_after_what_waits() -> None:
    ends = Ends()
    ends.fill()
    assert not ends.outlet.push(frame("x" * 11))
    ends.outlet.send(frame("a"))
    ends.outlet.close(4002)
    assert ends.connection.sent == []
    ends.drain()
    assert ends.connection.sent == [frame("a"), CLOSE]
    assert ends.freed == 0


async def test_close_that_waits_too_long_is_sent_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "CLOSE_SECONDS", 0)
    ends = Ends()
    ends.fill()
    assert not ends.outlet.push(frame("x" * 11))
    ends.outlet.send(frame("a"))
    ends.outlet.close(4002)
    await soon(lambda: bool(ends.connection.sent))
    assert ends.connection.sent == [CLOSE]
    ends.drain()
    await turns()
    assert ends.connection.sent == [CLOSE]
    assert ends.cuts == 0, "its close can be sent"


async def test_what_waits_is_dropped_with_a_connection_that_is_gone() -> None:
    ends = Ends()
    ends.fill()
    assert not ends.outlet.push(frame("x" * 11))
    ends.outlet.send(frame("a"))
    ends.outlet.abandon()
    ends.drain()
    assert ends.connection.sent == []
    assert ends.freed == 0


steps = st.lists(
    st.tuples(st.sampled_from(["send", "push", "fill", "drain"]), st.integers(0, MOST)), max_size=60
)


@given(steps)
async def test_nothing_is_lost_swapped_or_held_beyond_the_bound(
    steps: list[tuple[str, int]],
) -> None:
    ends = Ends()
    taken: list[str] = []
    full, held = False, 0
    for number, (step, size) in enumerate(steps):
        text = f"{number} " + "x" * size
        before = len(ends.connection.texts)
        match step:
            case "send":
                ends.outlet.send(frame(text))
                taken.append(text)
            case "push":
                if ends.outlet.push(frame(text)):
                    taken.append(text)
            case "fill":
                full = True
                ends.fill()
            case "drain":
                full, held = False, 0
                ends.drain()
        if full:
            held += sum(map(len, ends.connection.texts[before:]))
            assert held <= MOST
        if ends.failed:
            return  # more waited than may
    ends.drain()
    assert ends.connection.texts == taken
