"""Somebody who talks while a test that is not asynchronous does something else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Thread
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

REPLY_SECONDS = 40.0
"""Until a reply that does not come never will."""


class Client:
    """Somebody who is in a room, and answers pings whatever the test waits for."""

    def __init__(self, socket: Any, room: str) -> None:
        self._socket = socket
        self.room = room
        self._replies: SimpleQueue[dict[str, Any] | ConnectionClosed] = SimpleQueue()
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        seen: dict[str, int] = {}
        try:
            while True:
                for event in json.loads(self._socket.recv()):
                    if event["type"] in ("message", "edited", "deleted"):
                        seen[event["room"]] = event["seq"]
                    elif event["type"] == "ping":
                        self._socket.send(json.dumps({"type": "pong", "seen": seen}))
                    if event.get("ref") == "r":
                        self._replies.put(event)
        except ConnectionClosed as closed:
            self._replies.put(closed)

    def do(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send a command and return its reply. Raises ``ConnectionClosed``."""
        self.tell(kind, ref="r", **fields)
        reply = self._replies.get(timeout=REPLY_SECONDS)
        if isinstance(reply, ConnectionClosed):
            raise reply
        return reply

    def tell(self, kind: str, **fields: Any) -> None:
        """Send a command that nothing answers."""
        self._socket.send(json.dumps({"type": kind, "room": self.room, **fields}))

    def post(self, text: str) -> int:
        """Say something; return its seq."""
        return int(self.do("post", text=text, id=text[:64])["seq"])


@contextmanager
def talker(address: str, room: str, name: str = "") -> Iterator[Client]:
    """A client in the room, at a server's WebSocket address."""
    with connect(address, subprotocols=[Subprotocol("chat.v1.json")], ping_interval=None) as socket:
        client = Client(socket, room)
        if name:
            renamed = client.do("rename", name=name)
            assert renamed["type"] == "renamed", renamed
        client.do("join")
        yield client
