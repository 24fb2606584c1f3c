"""Where lines come from and go to: a terminal in which one types while others talk, or pipes."""

from __future__ import annotations

import asyncio
import codecs
import os
import shutil
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Protocol

from chat.management.screen import ERASE_ROW
from chat.management.tail.editing import Key, Line

if sys.platform != "win32":
    import termios
    import tty

STDIN = 0
CHUNK = 65_536

Write = Callable[[str], object]
"""Puts text on standard output, as it is and at once."""


class Terminal(Protocol):
    """What a tail prints to and reads from."""

    def print(self, line: str) -> None:
        """Put a line on standard output."""

    def typing(self) -> AbstractContextManager[AsyncIterator[str]]:
        """The lines that are typed from now on, until their end."""


class Silent:
    """Prints, and reads nothing: there is no end to wait for."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def print(self, line: str) -> None:
        """Put a line on standard output."""
        self._write(f"{line}\n")

    def typing(self) -> AbstractContextManager[AsyncIterator[str]]:
        """No line, for ever."""
        return nullcontext(self._lines())

    async def _lines(self) -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield ""


class Pipes(Silent):
    """Lines as they come, where standard input or output is no terminal."""

    async def _lines(self) -> AsyncIterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        rest = ""
        while data := await _read():
            *lines, rest = (rest + decoder.decode(data)).split("\n")
            for line in lines:
                yield line.rstrip("\r")
        if rest:
            yield rest


class Keyboard(Silent):
    """A terminal: what others say is printed above the line that is being typed."""

    def __init__(self, write: Write, prompt: str) -> None:
        super().__init__(write)
        self._line = Line(prompt)
        self._drawn = False

    def print(self, line: str) -> None:
        """Put a line on standard output, above the one being typed."""
        if self._drawn:
            self._write(f"{ERASE_ROW}{line}\n{self._row()}")
        else:
            super().print(line)

    @contextmanager
    def typing(self) -> Iterator[AsyncIterator[str]]:
        """The lines that are typed, each key being read as it is pressed."""
        before = termios.tcgetattr(STDIN)
        loop = asyncio.get_running_loop()
        for changed in signal.SIGCONT, signal.SIGWINCH:  # back from Ctrl-Z; another size
            loop.add_signal_handler(changed, self._begin)
        self._begin()
        try:
            yield self._lines()
        finally:
            self._drawn = False
            termios.tcsetattr(STDIN, termios.TCSADRAIN, before)
            self._write(ERASE_ROW)

    async def _lines(self) -> AsyncIterator[str]:
        while data := await _read():
            for found in self._line.feed(data):
                match found:
                    case Key.END:
                        return
                    case Key.REDRAW:
                        self._write("\x1b[H\x1b[2J")
                    case _:
                        self._draw()
                        yield found
            self._draw()

    def _begin(self) -> None:
        tty.setcbreak(STDIN)
        self._draw()

    def _draw(self) -> None:
        self._drawn = True
        self._write(self._row())

    def _row(self) -> str:
        return self._line.draw(shutil.get_terminal_size().columns)


async def _read() -> bytes:
    """What comes on standard input next; nothing at its end.

    Not in one of the loop's own threads: at exit those are waited for, until somebody presses a
    key.
    """
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[bytes] = loop.create_future()

    def deliver(data: bytes) -> None:
        if not arrived.done():
            arrived.set_result(data)

    def read() -> None:
        try:
            data = os.read(STDIN, CHUNK)
        except OSError:  # a terminal that is gone
            data = b""
        with suppress(RuntimeError):  # the loop is gone, and whoever waited with it
            loop.call_soon_threadsafe(deliver, data)

    threading.Thread(target=read, daemon=True).start()
    return await arrived
