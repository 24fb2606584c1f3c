"""Connections that hold more than they were ever sent, or that do not end by themselves."""

from __future__ import annotations

import pytest

from chat.hub import sending
from chat.hub.sending import HELD_MOST
from tests.fakes import soon, turns
from tests.hub import outlets
from tests.hub.outlets import CLOSE, Protocol, frame

MOST = 10


class Ends(outlets.Ends):
    """An outlet into a connection of uvicorn's."""

    def __init__(self) -> None:
        self.protocol = Protocol()
        self.stream = self.protocol.transport
        super().__init__(self.protocol.send, most=MOST)


async def test_what_its_server_answers_overflows_a_connection() -> None:
    ends = Ends()
    seen = []
    for held in (0, MOST + HELD_MOST, MOST + HELD_MOST + 1):
        ends.stream.held = held
        seen.append(ends.outlet.overflows)
    assert seen == [False, False, True]


async def test_close_of_one_that_overflows_ends_it_at_once() -> None:
    ends = Ends()
    ends.stream.held = 2 * HELD_MOST
    ends.outlet.close(4002)
    await soon(lambda: ends.stream.aborted)


async def test_closed_connection_ends_though_its_client_takes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends = Ends()
    ends.outlet.close(4002)
    await turns()
    assert ends.protocol.sent == [CLOSE]
    assert not ends.stream.aborted, "the client has a while to answer"
    monkeypatch.setattr(sending, "ABORT_SECONDS", 0)
    ends = Ends()
    ends.outlet.close(4002)
    ends.outlet.abandon()  # its server has told us already that it is over
    await soon(lambda: ends.stream.aborted)


async def test_blocked_connection_ends_once_it_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "CLOSE_SECONDS", 0)
    monkeypatch.setattr(sending, "ABORT_SECONDS", 0.01)
    ends = Ends()
    ends.protocol.writable.clear()
    ends.outlet.send(frame("a"))
    ends.outlet.close(4002)
    await soon(lambda: ends.stream.aborted)
    assert ends.cuts == 1
    assert ends.protocol.sent == []


async def test_connection_that_its_server_has_closed_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ends = Ends()
    ends.stream.closing = ends.protocol.refuses = True
    assert not ends.outlet.push(frame("a"))
    assert (ends.failed, caplog.records) == (0, [])
