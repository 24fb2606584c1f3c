"""Sending to a connection that never waits, and says when it holds too much."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from channels.sessions import InstanceSessionWrapper
from hypothesis import given
from hypothesis import strategies as st

from chat.hub import sending
from chat.hub.pressure import Producer, report
from chat.hub.sending import Outgoing, Outlet
from tests.fakes import soon, turns

MOST = 10
CLOSE = {"type": "websocket.close", "code": 4002}


class Connection:
    """As daphne's protocol: it takes all, and has a producer, at first the HTTP channel."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.producer: Any = "the HTTP channel"

    def registerProducer(self, producer: Producer, streaming: bool) -> None:  # noqa: N802
        assert self.producer is None, "there may be one alone"
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:  # noqa: N802
        self.producer = None

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.sent if "text" in message]


class Server:
    async def handle_reply(self, connection: Connection, message: Outgoing) -> None:
        connection.sent.append(message)


class Ends:
    """An outlet into such a connection, and how often it called back."""

    def __init__(self) -> None:
        self.connection = Connection()
        self.freed = self.failed = 0
        self.outlet = Outlet(
            partial(Server().handle_reply, self.connection),
            most=MOST,
            freed=self._freed,
            failed=self._failed,
            cut=self._cut,
        )

    def _freed(self) -> None:
        self.freed += 1

    def _failed(self) -> None:
        self.failed += 1

    def _cut(self) -> None:
        raise AssertionError("its close can be sent")

    def fill(self) -> None:
        self.connection.producer.pauseProducing()

    def drain(self) -> None:
        self.connection.producer.resumeProducing()


def frame(text: str) -> Outgoing:
    return {"type": "websocket.send", "text": text}


class Valve:
    def fill(self) -> None: ...

    def drain(self) -> None: ...


async def plain(message: Outgoing) -> None: ...


def wrapped(send: Any, times: int) -> Any:
    for _ in range(times):
        scope: Any = {"cookies": {}, "session": {}}
        send = InstanceSessionWrapper(scope, send).send
    return send


@pytest.mark.parametrize("times", [0, 1, 3])
def test_connection_is_found_through_the_middleware_of_channels(times: int) -> None:
    connection = Connection()
    assert report(wrapped(partial(Server().handle_reply, connection), times), Valve())
    assert isinstance(connection.producer, Producer)
    connection.producer.stopProducing()  # Twisted says so of a connection that is gone


@pytest.mark.parametrize(
    "send",
    [plain, partial(plain), partial(Server().handle_reply, "no connection"), wrapped(plain, 1)],  # type: ignore[arg-type]
)
def test_send_of_another_server_is_left_alone(send: Callable[..., Any]) -> None:
    assert not report(send, Valve())


def test_wrappers_without_end_are_given_up() -> None:
    class Endless:
        real_send: Any

        def send(self) -> None: ...

    endless = Endless()
    endless.real_send = endless.send
    assert not report(endless.send, Valve())


async def test_burst_that_is_taken_in_time_is_sent_at_once() -> None:
    ends = Ends()
    ends.fill()
    assert ends.outlet.push(frame("x" * MOST))
    ends.drain()
    assert ends.outlet.push(frame("x" * 100))
    assert ends.freed == 0


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


async def test_replies_wait_until_it_has_drained() -> None:
    ends = Ends()
    ends.fill()
    for text in ("x" * 11, "two", "three"):
        ends.outlet.send(frame(text))
    assert ends.connection.texts == []
    ends.drain()
    assert ends.connection.texts == ["x" * 11, "two", "three"]
    assert (ends.freed, ends.failed) == (1, 0)


async def test_replies_that_fill_it_anew_wait_again() -> None:
    ends = Ends()
    texts = ["x" * 11, "a" * 6, "b" * 6, "c"]
    ends.fill()
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


async def test_too_many_replies_fail() -> None:
    ends = Ends()
    ends.fill()
    for _ in range(sending.WAITING_MOST + 1):
        ends.outlet.send(frame("x" * 11))
    assert ends.failed == 1


async def test_close_comes_after_what_waits() -> None:
    ends = Ends()
    ends.fill()
    ends.outlet.send(frame("x" * 11))
    ends.outlet.close(4002)
    assert ends.connection.sent == []
    ends.drain()
    assert ends.connection.sent == [frame("x" * 11), CLOSE]
    assert ends.freed == 0


async def test_close_that_waits_too_long_is_sent_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "CLOSE_SECONDS", 0)
    ends = Ends()
    ends.fill()
    ends.outlet.send(frame("x" * 11))
    ends.outlet.close(4002)
    await soon(lambda: bool(ends.connection.sent))
    assert ends.connection.sent == [CLOSE]
    ends.drain()
    await turns()
    assert ends.connection.sent == [CLOSE]


async def test_what_waits_is_dropped_with_a_connection_that_is_gone() -> None:
    ends = Ends()
    ends.fill()
    ends.outlet.send(frame("x" * 11))
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
    ends.drain()
    assert ends.connection.texts == taken
    assert ends.failed == 0
