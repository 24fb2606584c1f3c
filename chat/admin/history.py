"""Samples to plots: what was done in each stretch of the last hour and the last day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chat.admin.plots import Line, Mark, Plot, Value, draw
from chat.hub import live
from chat.protocol.closing import CloseCode
from chat.store import Counts, Report

MINUTE = timedelta(minutes=1)


class Span(NamedTuple):
    """What a plot covers: from when, in what steps, and every how many minutes it is marked."""

    id: str
    title: str | Promise
    length: timedelta
    step: timedelta
    marked: int

    def start(self, now: datetime) -> datetime:
        """The first step: the last one is that of the minute that is just over.

        Steps are whole ones of the local day.
        """
        over = now - MINUTE
        clock = localtime(over).replace(tzinfo=None)
        midnight = clock.replace(hour=0, minute=0, second=0, microsecond=0)
        # Hours that the clock is put forward or back by are whole steps. In UTC, where the time
        # between two moments is the time that passes.
        last = over.astimezone(UTC) - (clock - midnight) % self.step
        return last - self.length + self.step

    @property
    def steps(self) -> int:
        """How many points a line has."""
        return self.length // self.step


HOUR = Span("hour", gettext_lazy("The last hour"), timedelta(hours=1), MINUTE, 10)
DAY = Span("day", gettext_lazy("The last day"), timedelta(days=1), timedelta(minutes=10), 4 * 60)


class Step:
    """What all processes together did in one step of a plot.

    Averages are over the minutes that were sampled: a process that began, or died, within the step
    counts for its part of it.
    """

    def __init__(self) -> None:
        self.minutes: set[datetime] = set()
        self.counts = Counts()
        self.sessions = 0
        self.posts = 0.0
        self.deliveries = 0.0

    def take(self, minute: datetime, report: Report) -> None:
        """Add one process's minute."""
        self.minutes.add(minute)
        self.counts += report.lately
        self.sessions += report.sessions
        if report.seconds:
            self.posts += report.lately.posts / report.seconds
            self.deliveries += report.lately.deliveries / report.seconds

    def mean(self, total: float) -> float:
        """A sum over minutes, for one of them."""
        return total / len(self.minutes)


def steps(
    samples: Iterable[tuple[datetime, Report]], span: Span, now: datetime
) -> list[Step | None]:
    """The steps of a span; ``None`` where there is no sample."""
    start = span.start(now)
    found: dict[int, Step] = defaultdict(Step)
    for minute, report in samples:
        if minute >= start:
            found[(minute - start) // span.step].take(minute, report)
    return [found.get(number) for number in range(span.steps)]


class _Kind(NamedTuple):
    """One kind of plot: its lines, each with what it takes of a step."""

    id: str
    title: str
    lines: Sequence[tuple[str, Callable[[Step], Value]]]
    unit: str = ""


def _kinds() -> list[_Kind]:
    def latency(title: str, id: str, name: str) -> _Kind:
        def share(of: float) -> Callable[[Step], Value]:
            return lambda step: live.milliseconds(getattr(step.counts, name), of)

        return _Kind(id, title, [("p50", share(0.5)), ("p99", share(0.99))], "ms")

    return [
        _Kind("sessions", _("Sessions"), [("", lambda step: step.mean(step.sessions))]),
        _Kind("posts", _("Posts a second"), [("", lambda step: step.mean(step.posts))]),
        _Kind(
            "deliveries",
            _("Deliveries a second"),
            [("", lambda step: step.mean(step.deliveries))],
        ),
        latency(_("Post to ack"), "acks", "acks"),
        latency(_("Fan-out"), "fanouts", "fanouts"),
        _Kind(
            "trouble",
            _("Trouble a minute"),
            [
                (_("healed"), lambda step: step.mean(step.counts.healed)),
                (_("slow closes"), lambda step: step.mean(_slow(step.counts))),
                (_("layer failures"), lambda step: step.mean(step.counts.failures)),
                (_("errors"), lambda step: step.mean(live.errors(step.counts))),
            ],
        ),
    ]


def _slow(counts: Counts) -> int:
    return counts.closes.get(CloseCode.TOO_SLOW, 0)


class Figure(NamedTuple):
    """A plot on the page: the drawing, and the names of its lines where there are several."""

    title: str
    unit: str
    svg: SafeString
    legend: Sequence[str]


def figures(
    samples: Sequence[tuple[datetime, Report]], now: datetime
) -> list[tuple[str | Promise, list[Figure]]]:
    """All plots, by what they cover."""
    return [
        (
            span.title,
            [
                figure(kind.id, kind.title, _lines(kind, taken), span, now, unit=kind.unit)
                for kind in _kinds()
            ],
        )
        for span in (HOUR, DAY)
        for taken in [steps(samples, span, now)]
    ]


def _lines(kind: _Kind, taken: Sequence[Step | None]) -> list[Line]:
    return [
        Line(label, [None if step is None else value(step) for step in taken])
        for label, value in kind.lines
    ]


def figure(
    id: str, title: str, lines: Sequence[Line], span: Span, now: datetime, *, unit: str = ""
) -> Figure:
    """A plot with its axes named."""
    svg = draw(
        Plot(
            id=f"{id}-{span.id}",
            title=title,
            description=_describe(lines, unit),
            lines=lines,
            marks=_marks(span, now),
            show=short,
            nothing=_("Nothing yet"),
        )
    )
    return Figure(title, unit, svg, [line.label for line in lines if line.label])


def _describe(lines: Sequence[Line], unit: str) -> str:
    """What a plot comes to, in words."""
    said = []
    for line in lines:
        known = [point for point in line.points if point is not None]
        if not known:
            continue
        values = {
            "name": line.label,
            "last": f"{short(known[-1])} {unit}".strip(),
            "most": f"{short(max(known))} {unit}".strip(),
        }
        text = _("last %(last)s, at most %(most)s") % values
        said.append(f"{line.label}: {text}" if line.label else text)
    return "; ".join(said) or _("Nothing yet")


def _marks(span: Span, now: datetime) -> list[Mark]:
    start = span.start(now)
    moments = [localtime(start + span.step * number) for number in range(span.steps)]
    return [
        Mark(number, f"{moment:%H:%M}")
        for number, moment in enumerate(moments)
        if (60 * moment.hour + moment.minute) % span.marked == 0
        # At the edges there is no room for it.
        and span.steps * 0.04 < number < span.steps * 0.96
    ]


def per_minute(counts: Mapping[datetime, int], span: Span, now: datetime) -> Line:
    """A line of what is counted by minutes, zero where nothing is."""
    start = span.start(now)
    points = [0.0] * span.steps
    for minute, count in counts.items():
        number = (minute - start) // span.step
        if 0 <= number < span.steps:
            points[number] += count
    return Line("", points)


def short(value: float) -> str:
    """A number in little room: 1.5k for one thousand five hundred."""
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return number_format(float(f"{value / size:.3g}")).removesuffix(".0") + suffix
    found: Any = float(f"{value:.3g}")
    return number_format(int(found) if found.is_integer() else found)
