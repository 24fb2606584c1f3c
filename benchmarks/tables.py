"""Figures as Markdown."""

from collections.abc import Iterator, Sequence

from benchmarks.contenders.contender import Contender
from benchmarks.results import NOT_YET, Point, Result


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """Return a table whose first `words` columns are words and the others figures.

    A row may be short. Without rows there is nothing but a word about that.
    """
    if not rows:
        return "Not measured yet."
    rule = ["---"] * words + ["--:"] * (len(head) - words)
    padded = [[*row, *[""] * (len(head) - len(row))] for row in rows]
    lines = [" | ".join(row) for row in (head, rule, *padded)]
    return "\n".join(f"| {text} |" for text in lines)


def by_server(
    results: Sequence[Result], contenders: dict[str, Contender]
) -> Iterator[tuple[Result, Contender]]:
    """Yield the results with their contenders: server by server, in the registry's order."""
    order = {name: turn for turn, name in enumerate(contenders)}
    known = [result for result in results if result.cell.contender in order]
    known.sort(
        key=lambda result: (
            contenders[result.cell.contender].server,
            order[result.cell.contender],
            result.cell.variant,
        )
    )
    for result in known:
        yield result, contenders[result.cell.contender]


def quotable(result: Result | None) -> bool:
    """Say whether everything that was measured may be quoted."""
    return (
        result is not None
        and result.failure is None
        and not result.problems
        and all(point.sound for point in result.points)
    )


def why_not(result: Result | None) -> str:
    """Return, in place of a figure, why there is none that may be quoted."""
    if result is None or result.failure == NOT_YET:
        return NOT_YET
    if result.failure is not None:
        return "failed"
    if result.all_problems:
        return f"wrong: {faults(result)}"
    if any(point.saturated for point in result.points):
        return "generator saturated"
    return "nothing"


def why_no_point(point: Point) -> str:
    """Return, in place of a figure, why this load has none that may be quoted."""
    if point.problems:
        return f"wrong: {'; '.join(point.problems)}"
    return "generator saturated" if point.saturated else "nothing"


def faults(result: Result) -> str:
    """Return all that was wrong, with the load at which it was; a measure ends there."""
    at_loads = [
        f"{'; '.join(point.problems)} (at {point.load:g})"
        for point in result.points
        if point.problems
    ]
    return "; ".join([*result.problems, *at_loads])


def mark(points: Sequence[Point]) -> str:
    """Return `~` where other processes took part, or too few cycles were counted."""
    return "~ " if any(point.disturbed or point.rough for point in points) else ""


def marked(point: Point, figure: str) -> str:
    """Return the figure with its mark before it."""
    return f"{mark([point])}{figure}"


def generator_cpu(points: Sequence[Point]) -> str:
    """Return the most of its core that the generator used; nothing without points."""
    return f"{max(point.generator_cpu for point in points):.0%}" if points else ""


def thousands(value: float) -> str:
    """Return a whole number with thin gaps."""
    return f"{value:,.0f}".replace(",", " ")


def milliseconds(value: float | None) -> str:
    """Return a time as far as it means something; nothing for None."""
    if value is None:
        return ""
    return f"{value:.1f}" if value < 100 else thousands(value)
