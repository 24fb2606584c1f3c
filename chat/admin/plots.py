"""Plots as SVG: lines over time, drawn by the server. Pure.

No style of their own: ``chat/admin/live.css`` has it, for light and dark. Whoever cannot see one is
told by its description what it comes to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, HEIGHT = 400, 170
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 10, 24

TICKS_MOST = 5
"""Values that an axis names, zero among them."""

NOTHING = 1e-9
"""What is less is as good as zero."""

Value = float | None


class Line(NamedTuple):
    """A line and its name in the legend; ``None`` where there is nothing to tell."""

    label: str
    points: Sequence[Value]


class Mark(NamedTuple):
    """A name for a moment: how many points from the left, and what it says."""

    at: float
    label: str


class Plot(NamedTuple):
    """All that a plot says. Lines are of the same length; ``show`` writes a value with its unit."""

    id: str
    title: str
    description: str
    lines: Sequence[Line]
    marks: Sequence[Mark]
    show: Callable[[float], str]
    nothing: str
    """What it says instead of lines where there is no point at all."""


def nice_ticks(most: float) -> list[float]:
    """From zero up to ``most`` or just beyond, in steps of 1, 2 or 5 times a power of ten."""
    if most < NOTHING:
        return [0.0, 1.0]
    rough = most / (TICKS_MOST - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * (1 - 1e-9))
    count = math.ceil(most / step - 1e-9)
    return [float(f"{step * number:.12g}") for number in range(count + 1)]


def draw(plot: Plot) -> SafeString:
    """The plot as an ``svg`` element."""
    known = [value for line in plot.lines for value in line.points if value is not None]
    ticks = nice_ticks(max(known, default=0.0))
    length = max((len(line.points) for line in plot.lines), default=0)
    scale = _Scale(length, ticks[-1])
    parts = [
        format_html(
            '<svg class="plot" role="img" viewBox="0 0 {} {}" aria-labelledby="{}-title {}-text">'
            '<title id="{}-title">{}</title><desc id="{}-text">{}</desc>',
            *(WIDTH, HEIGHT, plot.id, plot.id, plot.id, plot.title, plot.id, plot.description),
        ),
        *(_tick(scale, value, plot.show(value)) for value in ticks),
        *(_mark(scale, mark) for mark in plot.marks),
    ]
    if known:
        alone = len(plot.lines) == 1
        for number, line in enumerate(plot.lines, 1):
            parts += _line(scale, line.points, number, filled=alone)
    else:
        middle = (LEFT + WIDTH - RIGHT) / 2
        parts.append(
            format_html(
                '<text class="nothing" x="{}" y="{}" text-anchor="middle">{}</text>',
                *(_short(middle), _short(HEIGHT / 2), plot.nothing),
            )
        )
    return format_html("{}</svg>", format_html_join("", "{}", ((part,) for part in parts)))


class _Scale(NamedTuple):
    length: int
    top: float

    def x(self, number: float) -> float:
        """Where the point of that number is; a single one is in the middle."""
        width = WIDTH - LEFT - RIGHT
        return LEFT + (width * number / (self.length - 1) if self.length > 1 else width / 2)

    def y(self, value: float) -> float:
        """Where a value is."""
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self.top


def _tick(scale: _Scale, value: float, label: str) -> SafeString:
    y = scale.y(value)
    return format_html(
        '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text x="{}" y="{}" text-anchor="end">{}</text>',
        *(LEFT, WIDTH - RIGHT, _short(y), _short(y), LEFT - 5, _short(y + 4), label),
    )


def _mark(scale: _Scale, mark: Mark) -> SafeString:
    x = scale.x(mark.at)
    base = HEIGHT - BOTTOM
    return format_html(
        '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text x="{}" y="{}" text-anchor="middle">{}</text>',
        *(_short(x), _short(x), base, base + 4, _short(x), HEIGHT - 6, mark.label),
    )


def _line(
    scale: _Scale, points: Sequence[Value], number: int, *, filled: bool
) -> Iterator[SafeString]:
    for run in _runs(points):
        places = [(scale.x(at), scale.y(value)) for at, value in run]
        path = " ".join(f"{_short(x)},{_short(y)}" for x, y in places)
        if len(places) == 1:
            ((x, y),) = places
            yield format_html(
                '<circle class="dot series-{}" cx="{}" cy="{}" r="2"/>',
                number,
                _short(x),
                _short(y),
            )
            continue
        if filled:
            base = HEIGHT - BOTTOM
            under = f"{_short(places[0][0])},{base} {path} {_short(places[-1][0])},{base}"
            yield format_html('<polygon class="area series-{}" points="{}"/>', number, under)
        yield format_html('<polyline class="line series-{}" points="{}"/>', number, path)


def _runs(points: Sequence[Value]) -> Iterator[list[tuple[int, float]]]:
    """What is to be joined: a gap is left where nothing is known."""
    run: list[tuple[int, float]] = []
    for at, value in enumerate(points):
        if value is not None:
            run.append((at, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _short(number: float) -> str:
    """A coordinate, to a tenth of a unit."""
    return f"{number:.1f}".removesuffix(".0")
