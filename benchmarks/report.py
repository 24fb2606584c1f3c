"""The results as data for a file and as a table for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.contenders.contender import Contender
from benchmarks.measures.idle_memory import IdleMemory
from benchmarks.measures.saturation import Point

_HEAD = (
    "| server | contender | deliveries/s | times the usual | promised | in flight "
    "| p50 ms | p99 ms | server CPU | generator CPU | idle KiB/session | runs |\n"
    "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
)


@dataclass(slots=True)
class Outcome:
    """One run of one contender with one number of sessions."""

    contender: str
    sessions: int
    run: int
    memory: IdleMemory | None = None
    points: list[Point] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    """Loads not tried: messages would have been on their way too long, or something went wrong."""
    failure: str | None = None

    @property
    def best(self) -> Point | None:
        """The point with most deliveries per second, of those in which nothing went wrong."""
        sound = [point for point in self.points if not point.problems]
        return max(sound, key=lambda point: point.deliveries_per_second, default=None)


def typical(outcomes: Sequence[Outcome]) -> Outcome | None:
    """Return the run whose best is the median of the runs' bests, the lower of two."""
    ranked = sorted(
        (outcome.best.deliveries_per_second, outcome.run) for outcome in outcomes if outcome.best
    )
    if not ranked:
        return None
    run = ranked[(len(ranked) - 1) // 2][1]
    return next(outcome for outcome in outcomes if outcome.run == run)


def markdown(outcomes: Sequence[Outcome], contenders: Mapping[str, Contender]) -> str:
    """Return a table for each number of sessions, and under it what went wrong."""
    parts = []
    for sessions in sorted({outcome.sessions for outcome in outcomes}):
        chosen = [outcome for outcome in outcomes if outcome.sessions == sessions]
        rows = [_row(contender, chosen) for contender in _by_server(contenders, chosen)]
        parts.append(f"## {sessions} sessions in one room\n\n{_HEAD}\n" + "\n".join(rows))
        parts.extend(_wrong(chosen))
    parts.append(
        "Each at its own best load: the number of posts always on their way with which it "
        "delivered most. `≥`: the generator was busy all the time, the server may be able to do "
        "more. `~`: other processes had a noticeable part of the two cores."
    )
    return "\n\n".join(parts) + "\n"


def _by_server(contenders: Mapping[str, Contender], outcomes: Sequence[Outcome]) -> list[Contender]:
    measured = {outcome.contender for outcome in outcomes}
    present = [contender for name, contender in contenders.items() if name in measured]
    return sorted(present, key=lambda contender: contender.server)


def _row(contender: Contender, outcomes: Sequence[Outcome]) -> str:
    mine = [outcome for outcome in outcomes if outcome.contender == contender.name]
    outcome = typical(mine)
    best = outcome.best if outcome else None
    if outcome is None or best is None:
        return f"| {contender.server} | {contender.title} | failed |" + " |" * 9
    marks = "≥ " * best.generator_limited + "~ " * best.disturbed
    memory = f"{outcome.memory.per_session / 1024:.1f}" if outcome.memory else ""
    cells = (
        contender.server,
        contender.title,
        f"{marks}{_thousands(best.deliveries_per_second)}",
        _ratio(contender, best, outcomes),
        f"{contender.at_least:g}" if contender.at_least else "",
        str(best.in_flight),
        _milliseconds(best.p50_ms),
        _milliseconds(best.p99_ms),
        f"{best.server_cpu:.0%}",
        f"{best.generator_cpu:.0%}",
        memory,
        str(len(mine)),
    )
    return f"| {' | '.join(cells)} |"


def _ratio(contender: Contender, best: Point, outcomes: Sequence[Outcome]) -> str:
    usual = typical([outcome for outcome in outcomes if outcome.contender == contender.baseline])
    if usual is None or usual.best is None:
        return ""
    # A ratio is no better than the worse of its two figures.
    marks = "≥ " * best.generator_limited + "~ " * (best.disturbed or usual.best.disturbed)
    return f"{marks}{best.deliveries_per_second / usual.best.deliveries_per_second:.1f}"


def _wrong(outcomes: Sequence[Outcome]) -> list[str]:
    lines = []
    for outcome in outcomes:
        where = f"- `{outcome.contender}`, run {outcome.run}"
        if outcome.failure:
            lines.append(f"{where}: {outcome.failure}")
        lines.extend(
            f"{where}, {point.in_flight} in flight: {'; '.join(point.problems)}"
            for point in outcome.points
            if point.problems
        )
    return ["\n".join(lines)] if lines else []


def _milliseconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.1f}" if value < 100 else _thousands(value)


def _thousands(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")
