"""Finding the connection behind a ``send``, to be told how full it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from channels.sessions import InstanceSessionWrapper

from chat.hub.outgoing import Outgoing
from chat.hub.pressure import Producer, report
from tests.hub.outlets import Connection, Server


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
