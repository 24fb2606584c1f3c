"""Small pictures of figures, as SVG that suits a light and a dark page. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from xml.sax.saxutils import escape, quoteattr

_WIDTH = 860
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 56, 46
_LINE_HEIGHT = 380
_ROW = 22
_LABELS = 410

# Told apart also by those who do not see colours all alike, on white and on black.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#b8860b")

_PLAIN = "#7f7f7f"

_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #222 }
.title { font-weight: 600 }
.faint { fill: #666 }
.grid { stroke: #8885; stroke-width: 1 }
.line { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .faint { fill: #999 } }
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing and its figure, which is above zero."""

    label: str
    value: float
    strong: bool = False
    """Whether it is what the picture is about."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing and its figures, from left to right."""

    label: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Axis:
    """What is along one side. A logarithmic one takes what is above zero."""

    label: str
    log: bool = False

    def scale(self, values: Iterable[float]) -> Scale:
        """Return where on this axis values are, with round numbers at both ends."""
        known = list(values)
        low, high = min(known), max(known)
        if self.log:
            assert low > 0, "a logarithmic axis takes what is above zero"
            bottom, top = floor(log10(low)), ceil(log10(high))
            return Scale(10.0**bottom, 10.0 ** max(top, bottom + 1), log=True)
        step = _step(high)
        return Scale(0.0, step * max(1, ceil(high / step)), step=step)


@dataclass(frozen=True, slots=True)
class Scale:
    """A stretch of numbers, and the marks along it."""

    low: float
    high: float
    step: float = 0.0
    log: bool = False

    def share(self, value: float) -> float:
        """Return how far along a value is, from 0 to 1."""
        if self.log:
            return log10(value / self.low) / log10(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def marks(self) -> Iterator[float]:
        """Yield the numbers that are written beside the axis."""
        mark = self.low
        while mark <= self.high * 1.000001:
            yield mark
            mark = mark * 10 if self.log else mark + self.step


def _step(high: float) -> float:
    """Return a round number that goes about five times into `high`."""
    if high <= 0:
        return 1.0
    rough = high / 5
    power = 10.0 ** floor(log10(rough))
    return power * next(digit for digit in (1, 2, 5, 10) if digit * power >= rough * 0.999999)


def short(value: float) -> str:
    """Return a number as short as it may be: `1.5M`, `20k`, `0.25`."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def spark(values: Sequence[float], high: float) -> str:
    """Return one line of text with a block for each value, from nothing to `high`."""
    blocks = "▁▂▃▄▅▆▇█"
    top = len(blocks) - 1
    return "".join(blocks[min(top, int(value / high * top + 0.5))] for value in values)


def lines(title: str, x: Axis, y: Axis, drawn: Sequence[Line]) -> str:
    """Return lines over two axes, with a legend below."""
    across = x.scale(point[0] for line in drawn for point in line.points)
    up = y.scale(point[1] for line in drawn for point in line.points)
    width, height = _WIDTH - _LEFT - _RIGHT, _LINE_HEIGHT - _TOP - _BOTTOM
    body: list[str] = []
    for mark in up.marks():
        at = _TOP + height * (1 - up.share(mark))
        body.append(_rule(_LEFT, at, _WIDTH - _RIGHT, at))
        body.append(_text(_LEFT - 8, at + 4, short(mark), "end", "faint"))
    for mark in across.marks():
        at = _LEFT + width * across.share(mark)
        body.append(_text(at, _TOP + height + 18, short(mark), "middle", "faint"))
    body.append(_text(_WIDTH - _RIGHT, _TOP + height + 38, x.label, "end", "faint"))
    body.append(_text(_LEFT, _TOP - 8, y.label, "start", "faint"))
    for turn, line in enumerate(drawn):
        colour = _COLOURS[turn % len(_COLOURS)]
        stroke = f'class="line" stroke="{colour}"'
        if turn >= len(_COLOURS):
            stroke += ' stroke-dasharray="6 4"'
        places = [
            (_LEFT + width * across.share(a), _TOP + height * (1 - up.share(b)))
            for a, b in line.points
        ]
        path = " ".join(f"{left:.1f},{top:.1f}" for left, top in places)
        body.append(f'<polyline {stroke} points="{path}"/>')
        body.extend(
            f'<circle cx="{left:.1f}" cy="{top:.1f}" r="3" fill="{colour}"/>'
            for left, top in places
        )
        at = _LINE_HEIGHT + 8 + turn * _ROW
        body.append(f'<path {stroke} d="M{_LEFT} {at - 4}h26"/>')
        body.append(_text(_LEFT + 34, at, line.label, "start"))
    return _picture(title, _LINE_HEIGHT + len(drawn) * _ROW, body)


def bars(title: str, drawn: Sequence[Bar]) -> str:
    """Return one bar below the other; logarithmic, since they differ by orders of magnitude."""
    scale = Axis("", log=True).scale(bar.value for bar in drawn)
    width = _WIDTH - _LABELS - 70
    height = len(drawn) * _ROW
    body: list[str] = []
    for mark in scale.marks():
        at = _LABELS + width * scale.share(mark)
        body.append(_rule(at, _TOP - 4, at, _TOP + height))
        body.append(_text(at, _TOP + height + 18, short(mark), "middle", "faint"))
    for turn, bar in enumerate(drawn):
        top = _TOP + turn * _ROW
        long = width * scale.share(bar.value)
        body.append(_text(_LABELS - 8, top + 14, bar.label, "end"))
        body.append(
            f'<rect x="{_LABELS}" y="{top + 2}" width="{long:.1f}" height="{_ROW - 6}" '
            f'fill="{_COLOURS[0] if bar.strong else _PLAIN}"/>'
        )
        body.append(_text(_LABELS + long + 6, top + 14, short(bar.value), "start"))
    return _picture(title, _TOP + height + 30, body)


def _rule(left: float, top: float, right: float, bottom: float) -> str:
    return f'<path class="grid" d="M{left:.1f} {top:.1f}L{right:.1f} {bottom:.1f}"/>'


def _text(left: float, top: float, said: str, anchor: str, style: str = "") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}"{kind}>{escape(said)}</text>'


def _picture(title: str, height: float, body: Sequence[str]) -> str:
    head = _text(10, 18, title, "start", "title")
    inside = "\n".join([head, *body])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" '
        f'role="img" aria-label={quoteattr(title)}>\n<style>{_STYLE}</style>\n{inside}\n</svg>\n'
    )
