import asyncio
from typing import Any

import pytest
from autobahn.exception import Disconnected
from hypothesis import given
from hypothesis import strategies as st

from chat.hub import sending
from chat.hub.outgoing import Outgoing
from chat.hub.sending import Outlet
from tests.fakes import Socket, soon, turns
from tests.hub import outlets
from tests.hub.outlets import CLOSE, frame

MOST = 2**20


class Ends(outlets.Ends):
    """An outlet into a socket."""

    def __init__(self) -> None:
        self.socket = Socket()
        super().__init__(self.socket.send, most=MOST)


def nothing() -> None:
    """Called back, and nobody cares."""


async def test_push_to_a_free_socket_is_sent_before_it_returns() -> None:
    ends = Ends()
    assert ends.outlet.push(frame("a"))
    assert ends.socket.texts == ["a"]


async def test_message_object_is_handed_on_as_it_is() -> None:
    ends = Ends()
    message = frame("a")
    ends.outlet.push(message)
    assert ends.socket.messages[0] is message


async def test_push_that_blocks_is_taken_and_the_next_is_refused() -> None:
    ends = Ends()
    ends.socket.block()
    assert ends.outlet.push(frame("a"))
    assert not ends.outlet.push(frame("b"))
    ends.socket.unblock()
    await soon(lambda: bool(ends.freed))
    assert ends.socket.texts == ["a"]
    assert ends.outlet.push(frame("c"))
    assert ends.socket.texts == ["a", "c"]


async def test_freed_is_called_once_after_all_that_waited_was_sent() -> None:
    ends = Ends()
    ends.socket.block()
    for text in "abc":
        ends.outlet.send(frame(text))
    await turns()
    assert ends.freed == 0
    ends.socket.unblock()
    await soon(lambda: bool(ends.freed))
    assert ends.socket.texts == ["a", "b", "c"]
    await turns()
    assert ends.freed == 1


async def test_socket_that_never_blocks_never_calls_freed() -> None:
    ends = Ends()
    ends.outlet.send(frame("a"))
    await turns()
    assert ends.freed == 0


async def test_socket_that_blocks_again_in_the_middle_keeps_the_order() -> None:
    ends = Ends()
    ends.socket.block()
    for text in "abc":
        ends.outlet.send(frame(text))
    ends.socket.unblock()
    ends.socket.block()
    ends.outlet.send(frame("d"))
    await turns()
    ends.socket.unblock()
    await soon(lambda: bool(ends.freed))
    assert ends.socket.texts == ["a", "b", "c", "d"]


async def test_send_that_raises_closes_the_outlet_quietly() -> None:
    ends = Ends()
    ends.socket.broken = True
    assert not ends.outlet.push(frame("a"))
    ends.socket.broken = False
    assert not ends.outlet.push(frame("b"))
    ends.outlet.send(frame("c"))
    ends.outlet.close(4002)
    await turns()
    assert ends.socket.messages == []
    assert (ends.freed, ends.failed) == (0, 0)


async def test_connection_that_is_gone_for_daphne_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failed: list[bool] = []

    async def send(message: Outgoing) -> None:
        raise Disconnected("Attempt to send on a closed protocol")

    outlet = Outlet(send, most=MOST, freed=nothing, failed=lambda: failed.append(True), cut=nothing)
    assert not outlet.push(frame("a"))
    assert (failed, caplog.records) == ([], [])


async def test_send_that_raises_after_blocking_closes_the_outlet_quietly() -> None:
    ends = Ends()
    ends.socket.block()
    ends.outlet.send(frame("a"))
    ends.outlet.send(frame("b"))
    ends.socket.broken = True
    ends.socket.unblock()
    await turns()
    ends.socket.broken = False
    assert not ends.outlet.push(frame("c"))
    assert ends.socket.messages == []
    assert ends.freed == 0


@pytest.mark.parametrize("blocked", [False, True])
async def test_frame_that_the_server_refuses_ends_the_session_with_an_error(
    blocked: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The client would else wait for it for ever."""
    failed: list[bool] = []

    async def send(message: Outgoing) -> None:
        if blocked:
            await asyncio.sleep(0)
        raise ValueError("message too big")

    outlet = Outlet(send, most=MOST, freed=nothing, failed=lambda: failed.append(True), cut=nothing)
    outlet.send(frame("a"))
    await turns()
    assert failed == [True]
    assert "a send failed" in caplog.text


async def test_connection_that_is_gone_is_no_failure_of_the_session() -> None:
    ends = Ends()
    ends.socket.broken = True
    ends.outlet.send(frame("a"))
    ends.socket.block()
    await turns()
    assert ends.failed == 0


async def test_too_many_replies_for_a_blocked_socket_overflow() -> None:
    ends = Ends()
    ends.socket.block()
    for number in range(1 + sending.WAITING_MOST):
        ends.outlet.send(frame(number))
    assert ends.failed == 0
    ends.outlet.send(frame("one too many"))
    assert ends.failed == 1
    ends.outlet.abandon()


async def test_close_is_the_last_that_is_sent() -> None:
    ends = Ends()
    ends.outlet.send(frame("a"))
    ends.outlet.close(4002)
    ends.outlet.send(frame("b"))
    assert not ends.outlet.push(frame("c"))
    await turns()
    assert ends.socket.messages == [frame("a"), CLOSE]


async def test_close_of_a_blocked_socket_comes_after_what_is_on_its_way() -> None:
    ends = Ends()
    ends.socket.block()
    ends.outlet.push(frame("a"))
    ends.outlet.close(4002)
    ends.outlet.send(frame("b"))
    ends.socket.unblock()
    await soon(lambda: len(ends.socket.messages) == 2)
    await turns()
    assert ends.socket.messages == [frame("a"), CLOSE]
    assert ends.freed == 0


async def test_second_close_sends_nothing() -> None:
    ends = Ends()
    ends.outlet.close(4002)
    ends.outlet.close(4000)
    assert ends.socket.messages == [CLOSE]


async def test_abandoned_outlet_sends_nothing_more_and_stays_silent() -> None:
    ends = Ends()
    ends.socket.block()
    ends.outlet.send(frame("a"))
    ends.outlet.send(frame("b"))
    await turns()
    ends.outlet.abandon()
    ends.socket.unblock()
    await turns()
    ends.outlet.send(frame("c"))
    assert ends.socket.messages == []
    assert (ends.freed, ends.failed) == (0, 0)


async def test_outlet_abandoned_before_its_task_has_begun_sends_nothing_more() -> None:
    ends = Ends()
    ends.socket.block()
    ends.outlet.push(frame("a"))
    ends.outlet.abandon()
    ends.socket.unblock()
    await turns()
    assert ends.socket.messages == []


async def test_send_that_catches_what_it_waits_for_goes_on() -> None:
    """What a suspended send awaits may fail: it is told, as it would be by ``await``."""
    failing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    sent: list[Outgoing] = []

    async def send(message: Outgoing) -> None:
        with pytest.raises(OSError, match="full"):
            await failing
        sent.append(message)

    freed: list[bool] = []
    outlet = Outlet(send, most=MOST, freed=lambda: freed.append(True), failed=nothing, cut=nothing)
    assert outlet.push(frame("a"))
    failing.set_exception(OSError("full"))
    await soon(lambda: bool(freed))
    assert sent == [frame("a")]


async def test_send_that_only_yields_is_parked_and_ends() -> None:
    sent: list[Outgoing] = []

    async def send(message: Outgoing) -> None:
        await asyncio.sleep(0)
        sent.append(message)

    outlet = Outlet(send, most=MOST, freed=nothing, failed=nothing, cut=nothing)
    assert outlet.push(frame("a"))
    assert not outlet.push(frame("b"))
    await soon(lambda: bool(sent))


steps: st.SearchStrategy[list[Any]] = st.lists(
    st.sampled_from(["send", "send", "push", "block", "unblock", "turn"]), max_size=60
)


@given(steps)
def test_what_is_taken_arrives_once_and_in_order(plan: list[str]) -> None:
    """Nothing that ``send`` takes, or ``push`` says it took, is lost, doubled or overtaken."""

    async def run() -> None:
        ends = Ends()
        taken: list[str] = []
        for number, step in enumerate(plan):
            text = f"{step} {number}"
            match step:
                case "send":
                    ends.outlet.send(frame(text))
                    taken.append(text)
                case "push":
                    if ends.outlet.push(frame(text)):
                        taken.append(text)
                case "block":
                    ends.socket.block()
                case "unblock":
                    ends.socket.unblock()
                case _:
                    await turns(3)
        ends.socket.unblock()
        await soon(lambda: len(ends.socket.texts) == len(taken))
        await turns(3)
        assert ends.socket.texts == taken
        assert ends.outlet.push(frame("last"))

    asyncio.run(run())
