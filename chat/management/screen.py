"""Text on a terminal: how wide it is, and rows of it in columns."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

GAP = "  "

ERASE_ROW = "\r\x1b[K"
"""What has a terminal begin its row anew."""


def columns(character: str) -> int:
    """How many columns a terminal gives to one character: none, one, or two."""
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def width(text: str) -> int:
    """How many columns a text takes."""
    return sum(map(columns, text))


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, headings first, each column as wide as what is in it."""
    lines = [headings, *rows]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell + " " * (most - width(cell)) for cell, most in zip(line, widths, strict=True))
        yield GAP.join(cells).rstrip()
