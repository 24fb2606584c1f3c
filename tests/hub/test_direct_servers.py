"""Whose ``send`` is passed by, and whose is not."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from channels.sessions import InstanceSessionWrapper
from daphne.server import Server
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from chat.hub import direct
from tests.hub.servers import SERVERS, accepted

on_each_server = pytest.mark.parametrize("name", SERVERS)


async def test_other_servers_are_left_alone() -> None:
    class Other:
        """As uvicorn's protocol around wsproto."""

        conn = object()
        transport = writable = None

        async def send(self, message: Any) -> None: ...

    assert direct.writer(Other().send) is None
    assert direct.writer(None) is None
    assert direct.writer(partial(Other().send, "connection")) is None


def wrapped(send: Any, kind: type[InstanceSessionWrapper]) -> Any:
    scope: Any = {"cookies": {}, "session": {}}
    return kind(scope, send).send


class Saving(InstanceSessionWrapper):
    """Saves the session with each message."""


class Auditing:
    """Middleware as docs/deployment.md has it: what it wraps can be found, for the bound."""

    def __init__(self, send: Any) -> None:
        self.real_send = send

    async def send(self, message: Any) -> None: ...


@on_each_server
async def test_only_channels_own_middleware_is_passed_by(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with accepted(name) as (socket, _):
        theirs = wrapped(wrapped(socket.send, InstanceSessionWrapper), InstanceSessionWrapper)
        assert direct.writer(theirs) is not None
        assert direct.writer(wrapped(socket.send, Saving)) is None
        assert direct.writer(Auditing(socket.send).send) is None
        monkeypatch.setattr(InstanceSessionWrapper, "save_message_types", ["websocket.send"])
        assert direct.writer(theirs) is None


async def audited(self: Any, *arguments: Any) -> None:
    """What a tool puts in the place of a server's own."""


async def test_uvicorns_that_are_changed_or_older_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Counting(WebSocketsSansIOProtocol):
        async def send(self, message: Any) -> None: ...

    async with accepted("uvicorn") as (socket, _):
        counting = Counting.__new__(Counting)
        counting.__dict__.update(vars(socket.protocol))
        assert direct.writer(counting.send) is None
        with monkeypatch.context() as older:
            older.delattr(WebSocketsSansIOProtocol, "pause_writing")
            assert direct.writer(socket.send) is None
        with monkeypatch.context() as patched:
            patched.setattr(WebSocketsSansIOProtocol, "send", audited)
            assert direct.writer(socket.protocol.send) is None
        monkeypatch.delattr(socket.protocol, "writable")
        assert direct.writer(socket.send) is None


async def test_daphnes_that_are_changed_or_older_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Counting(Server):  # type: ignore[misc]  # daphne has no types
        async def handle_reply(self, protocol: Any, message: Any) -> None: ...

    async with accepted("daphne") as (socket, _):
        counting = Counting(None, endpoints=["nowhere"], signal_handlers=False)
        assert direct.writer(partial(counting.handle_reply, socket.protocol)) is None
        with monkeypatch.context() as fragmenting:
            fragmenting.setattr(socket.protocol, "autoFragmentSize", 10)
            assert direct.writer(socket.send) is None
        with monkeypatch.context() as patched:
            patched.setattr(Server, "handle_reply", audited)
            assert direct.writer(partial(socket.server.handle_reply, socket.protocol)) is None
        monkeypatch.delattr(socket.protocol, "send_queue")
        assert direct.writer(socket.send) is None
