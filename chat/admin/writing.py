"""How figures are written on the page. ``live.js`` writes them in the same way."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chat.admin.meanings import FIGURES, Figure
from chat.protocol import events
from chat.templatetags.chat_figures import grouped

NONE = "–"

AGES = (
    ("seconds", 1, gettext_lazy("%s s")),
    ("minutes", 60, gettext_lazy("%s min")),
    ("hours", 3600, gettext_lazy("%s h")),
    ("days", 86_400, gettext_lazy("%s d")),
)
"""Units of ages, each with how many seconds it has; two of a unit are needed to use it."""


class Cell(NamedTuple):
    """A figure of one process, or of all of them, as it is written."""

    figure: Figure
    text: str
    red: bool


class Row(NamedTuple):
    """A process in the table."""

    process: events.Process
    age: str
    heard: str
    cells: list[Cell]


def row(process: events.Process) -> Row:
    """A line of the table."""
    heard = NONE if process.heard is None else age(process.heard)
    if process.silent:
        heard = _("silent: %s") % heard
    return Row(process, age(process.age), heard, cells(process))


def cells(figures: events.Figures) -> list[Cell]:
    """The figures, in the order of the table."""
    return [
        Cell(figure, write(figure, getattr(figures, figure.name)), figure.name in figures.red)
        for figure in FIGURES
    ]


def write(figure: Figure, value: float | None) -> str:
    """A figure's value."""
    if value is None:
        return NONE
    match figure.write:
        case "number":
            return grouped(value, 0)
        case "milliseconds":
            return grouped(value, 1 if value < 10 else 0)
        case _:
            return grouped(value, 1 if value < 100 else 0)


def age(seconds: float) -> str:
    """A span of time in its largest unit."""
    _name, size, unit = next(
        (found for found in reversed(AGES) if seconds >= 2 * found[1]), AGES[0]
    )
    return str(unit) % grouped(int(seconds // size), 0)
