"""Server-sent events as a browser reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple


class Told(NamedTuple):
    """One message of a stream; ``id`` is the last one set, as EventSource remembers it."""

    event: str
    id: str
    data: Any


class Reader:
    """Reads a stream piece by piece."""

    def __init__(self) -> None:
        self.messages: list[Told] = []
        self.retry: int | None = None
        self.last_id = ""
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take what has arrived."""
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        for block in blocks:
            self._take(block.decode())

    def _take(self, block: str) -> None:
        event, data = "message", []
        for line in block.split("\n"):
            name, _, value = line.partition(": ")
            match name:
                case "event":
                    event = value
                case "data":
                    data.append(value)
                case "id":
                    self.last_id = value
                case "retry":
                    self.retry = int(value)
                case _:
                    raise AssertionError(f"no such field: {line!r}")
        if data:
            self.messages.append(Told(event, self.last_id, json.loads("\n".join(data))))

    @property
    def events(self) -> Iterator[dict[str, Any]]:
        """The chat's events, in order."""
        for told in self.messages:
            if told.event == "message":
                yield from told.data

    @property
    def log(self) -> list[dict[str, Any]]:
        """The logged ones among them."""
        return [e for e in self.events if e["type"] in ("message", "edited", "deleted")]

    @property
    def seqs(self) -> list[int]:
        """Their seqs."""
        return [event["seq"] for event in self.log]

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The events of a type."""
        return [event for event in self.events if event["type"] == kind]

    @property
    def code(self) -> int | None:
        """The close code that the stream ended with."""
        codes = [told.data["code"] for told in self.messages if told.event == "close"]
        return codes[0] if codes else None
