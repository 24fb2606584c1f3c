"""Figures as Markdown."""

from collections.abc import Iterator, Sequence

from benchmarks.contenders.contender import Contender
from benchmarks.results import Point, Result


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


def why_not(result: Result) -> str:
    """Return, in place of a figure, why there is none that may be quoted."""
    if result.failure is not None:
        return "failed"
    if any(point.saturated for point in result.points):
        return "generator saturated"
    return "wrong: " + "; ".join(result.all_problems) if result.all_problems else "nothing"


def marked(point: Point, figure: str) -> str:
    """Return the figure with `~` before it where other processes took part."""
    return f"~ {figure}" if point.disturbed else figure


def thousands(value: float) -> str:
    """Return a whole number with thin gaps."""
    return f"{value:,.0f}".replace(",", " ")


def milliseconds(value: float | None) -> str:
    """Return a time as far as it means something; nothing for None."""
    if value is None:
        return ""
    return f"{value:.1f}" if value < 100 else thousands(value)
