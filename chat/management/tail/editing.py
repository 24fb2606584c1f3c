"""A line being typed: what a terminal's keys send to lines, and the line to what is shown.

Pure. The line takes one row however long it is and scrolls sideways, so that erasing that row makes
room for what comes in meanwhile.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Callable, Iterator
from enum import Enum, auto

from chat.management.screen import ERASE_ROW, columns, width

LINES_KEPT = 100
"""Lines that the arrow keys bring back."""

# What keys send that are no characters: ESC [ parameters letter, ESC O letter, or ESC character.
_ESCAPE = re.compile(r"\x1b(?:\[([0-?]*[ -/]*[@-~])|O([ -~])|[^\[O\x00-\x1f])")
_BEGUN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?\Z")
_UNTYPED = frozenset({"Cc", "Cs", "Zl", "Zp"})


class Key(Enum):
    """Keys that ask for something beyond the line."""

    END = auto()
    REDRAW = auto()


class Line:
    """One line under the keys that terminals and shells have in common."""

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt
        self.before = ""
        """What is left of the cursor."""
        self.after = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._unread = ""
        self._earlier: list[str] = []
        self._brought_back = 0
        """Which of the earlier lines is shown, counted from the end; 0: the one being typed."""
        self._typed = ""
        self._keys: dict[str, Callable[[], None]] = {
            "\x01": self._to_start,  # Ctrl-A
            "\x02": self._left,
            "\x04": self._erase_at,  # Ctrl-D in a line
            "\x05": self._to_end,
            "\x06": self._right,
            "\x08": self._erase_before,
            "\x0b": self._erase_to_end,
            "\x0e": self._next,
            "\x10": self._previous,
            "\x15": self._erase_to_start,
            "\x17": self._erase_word,
            "\x7f": self._erase_before,
            "\x1bA": self._previous,
            "\x1bB": self._next,
            "\x1bC": self._right,
            "\x1bD": self._left,
            "\x1bF": self._to_end,
            "\x1bH": self._to_start,
            "\x1b1~": self._to_start,
            "\x1b3~": self._erase_at,
            "\x1b4~": self._to_end,
        }

    @property
    def text(self) -> str:
        """The line as it is so far."""
        return self.before + self.after

    def feed(self, data: bytes) -> Iterator[str | Key]:
        """Take in what was typed; the lines that it finished, and what it asked for."""
        self._unread += self._decoder.decode(data)
        while self._unread and not _BEGUN.match(self._unread):
            escape = _ESCAPE.match(self._unread)
            taken = escape[0] if escape else self._unread[0]
            self._unread = self._unread[len(taken) :]
            if taken in ("\r", "\n"):
                yield self._finished()
            elif taken == "\x04" and not self.text:
                yield Key.END
            elif taken == "\x0c":
                yield Key.REDRAW
            elif escape:
                self._press(f"\x1b{escape[1] or escape[2]}")
            else:
                self._press(taken)

    def _press(self, key: str) -> None:
        act = self._keys.get(key)
        if act is not None:
            act()
        elif len(key) == 1 and unicodedata.category(key) not in _UNTYPED:
            self.before += key

    def draw(self, room: int) -> str:
        """What puts the line on a row of ``room`` columns, in place of what is there."""
        room = max(room - width(self.prompt) - 1, 2)  # one for the cursor behind the end
        start = len(self.before)
        while start and room >= columns(self.before[start - 1]):
            start -= 1
            room -= columns(self.before[start])
        end = 0
        while end < len(self.after) and room >= columns(self.after[end]):
            room -= columns(self.after[end])
            end += 1
        behind = width(self.after[:end])
        back = f"\x1b[{behind}D" if behind else ""
        return f"{ERASE_ROW}{self.prompt}{self.before[start:]}{self.after[:end]}{back}"

    def _finished(self) -> str:
        text = self.text
        if text and self._earlier[-1:] != [text]:
            self._earlier = [*self._earlier, text][-LINES_KEPT:]
        self._brought_back = 0
        self._set("")
        return text

    def _set(self, text: str) -> None:
        self.before, self.after = text, ""

    # Keys

    def _to_start(self) -> None:
        self.before, self.after = "", self.text

    def _to_end(self) -> None:
        self._set(self.text)

    def _left(self) -> None:
        self.before, self.after = self.before[:-1], self.before[-1:] + self.after

    def _right(self) -> None:
        self.before, self.after = self.before + self.after[:1], self.after[1:]

    def _erase_before(self) -> None:
        self.before = self.before[:-1]

    def _erase_at(self) -> None:
        self.after = self.after[1:]

    def _erase_to_start(self) -> None:
        self.before = ""

    def _erase_to_end(self) -> None:
        self.after = ""

    def _erase_word(self) -> None:
        self.before = re.sub(r"\S*\s*\Z", "", self.before)

    def _previous(self) -> None:
        self._bring_back(self._brought_back + 1)

    def _next(self) -> None:
        self._bring_back(self._brought_back - 1)

    def _bring_back(self, which: int) -> None:
        if not 0 <= which <= len(self._earlier):
            return
        if self._brought_back == 0:
            self._typed = self.text
        self._brought_back = which
        self._set(self._earlier[-which] if which else self._typed)
