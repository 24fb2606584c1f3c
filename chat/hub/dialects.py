"""The two dialects a session can speak: how its frames are read, how events are shown."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import Protocol

from chat.hub.outgoing import Outgoing, text_frame
from chat.protocol import MAIN, events, frames, terminal
from chat.protocol.commands import AnyCommand
from chat.protocol.errors import Problem
from chat.protocol.frames import Rejected

# Characters of replies in one frame: daphne sends nothing over 1 MiB.
FRAME_SIZE = 100_000


class Dialect(Protocol):
    """One way to write commands and events. Stateless: sessions share it."""

    name: str
    terminal: bool

    def read(self, text: str) -> Sequence[AnyCommand | Rejected]:
        """The commands of a frame. Raises ``BadFrame``."""

    def show(self, shown: Iterable[events.AnyEvent]) -> list[Outgoing]:
        """The frames that tell a session of these events."""


class Json:
    """``chat.v1.json``, over a WebSocket or as a stream."""

    terminal = False

    def __init__(self, name: str) -> None:
        self.name = name

    def read(self, text: str) -> Sequence[AnyCommand | Rejected]:
        """One command or a list of them."""
        return frames.decode(text)

    def show(self, shown: Iterable[events.AnyEvent]) -> list[Outgoing]:
        """All of them in one frame, or more where one would grow too big."""
        found: list[Outgoing] = []
        texts: list[str] = []
        size = 0
        for event in shown:
            text = frames.encode(event)
            if texts and size + len(text) > FRAME_SIZE:
                found.append(_frame(frames.frame(texts)))
                texts, size = [], 0
            texts.append(text)
            size += len(text)
        return [*found, _frame(frames.frame(texts))]


class Terminal:
    """Lines of plain text."""

    name = "terminal"
    terminal = True

    def read(self, text: str) -> Sequence[AnyCommand | Rejected]:
        """One line, one command. What is said goes to the room one is in when its turn comes."""
        try:
            return (terminal.parse(text, room=MAIN, post_id=secrets.token_hex(8)),)
        except Problem as problem:
            return (Rejected(problem),)

    def show(self, shown: Iterable[events.AnyEvent]) -> list[Outgoing]:
        """A frame for each line."""
        return [_frame(line) for event in shown for line in terminal.lines(event)]


def _frame(text: str) -> Outgoing:
    return text_frame(text)


JSON = Json("json")
STREAM = Json("stream")
TERMINAL = Terminal()
