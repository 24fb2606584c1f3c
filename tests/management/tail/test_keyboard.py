"""Typing at a terminal, and reading from pipes, in the tests' own process."""

import asyncio
import os
import pty
import signal
import termios
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress

import pytest

from chat.management.screen import ERASE_ROW
from chat.management.tail import keyboard
from chat.management.tail.keyboard import Keyboard, Pipes, Silent
from tests.fakes import PATIENCE, soon


class Output:
    """What was written."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


@pytest.fixture
def output() -> Output:
    return Output()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """A terminal as standard input: the person's end and the program's."""
    ours, theirs = pty.openpty()
    monkeypatch.setattr(keyboard, "STDIN", theirs)
    monkeypatch.setenv("COLUMNS", "80")
    yield ours, theirs
    os.close(theirs)
    os.close(ours)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], None]]:
    """A pipe as standard input; what is written to it, after which it ends."""
    reading, writing = os.pipe()
    monkeypatch.setattr(keyboard, "STDIN", reading)

    def write(data: bytes) -> None:
        os.write(writing, data)
        os.close(writing)

    yield write
    os.close(reading)


async def gather(lines: AsyncIterator[str]) -> list[str]:
    async with asyncio.timeout(PATIENCE):
        return [line async for line in lines]


async def test_pipes_give_lines_until_their_end(
    output: Output, pipe: Callable[[bytes], None]
) -> None:
    pipe("one\r\ntwö\n\nfour \xff".encode() + b"\xff")
    pipes = Pipes(output.write)
    with pipes.typing() as lines:
        assert await gather(lines) == ["one", "twö", "", "four ÿ�"]
    pipes.print("five")
    assert output.text == "five\n"


async def test_silence_has_no_end(output: Output) -> None:
    with Silent(output.write).typing() as lines, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await anext(lines)


async def test_line_that_comes_in_is_above_the_one_being_typed(
    output: Output, terminal: tuple[int, int]
) -> None:
    ours, _ = terminal
    board = Keyboard(output.write, "> ")
    board.print("before")
    assert output.text == "before\n"
    with board.typing() as lines:
        os.write(ours, b"half")
        reading = asyncio.ensure_future(anext(lines))
        await soon(lambda: output.text.endswith("> half"))
        output.text = ""
        board.print("news")
        assert output.text == f"{ERASE_ROW}news\n{ERASE_ROW}> half"
        os.write(ours, b" a line\n")
        assert await reading == "half a line"
        os.write(ours, b"\x04")
        assert await gather(lines) == []


async def test_terminal_is_put_back_whatever_happens(
    output: Output, terminal: tuple[int, int]
) -> None:
    _, theirs = terminal
    before = termios.tcgetattr(theirs)
    with suppress(ZeroDivisionError), Keyboard(output.write, "> ").typing():
        assert termios.tcgetattr(theirs) != before
        raise ZeroDivisionError
    assert termios.tcgetattr(theirs) == before
    assert output.text.endswith(ERASE_ROW)


@pytest.mark.parametrize("number", [signal.SIGCONT, signal.SIGWINCH])
async def test_line_is_drawn_again_after_a_stop_and_in_another_size(
    output: Output, terminal: tuple[int, int], number: signal.Signals
) -> None:
    _, theirs = terminal
    shell = termios.tcgetattr(theirs)
    with Keyboard(output.write, "> ").typing():
        raw = termios.tcgetattr(theirs)
        termios.tcsetattr(theirs, termios.TCSANOW, shell)  # as a shell does meanwhile
        output.text = ""
        os.kill(os.getpid(), number)
        await soon(lambda: output.text == f"{ERASE_ROW}> ")
        assert termios.tcgetattr(theirs) == raw


async def test_ctrl_l_cleans_the_screen(output: Output, terminal: tuple[int, int]) -> None:
    ours, _ = terminal
    with Keyboard(output.write, "> ").typing() as lines:
        os.write(ours, b"a\x0c\n")
        assert await anext(lines) == "a"
    assert "\x1b[2J" in output.text
