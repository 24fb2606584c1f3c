"""What was meant to be reached, and whether it was."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.tables import table, thousands


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure that is to be at least, at most or below a limit."""

    what: str
    comparison: Literal["≥", "≤", "<"]
    limit: float
    measured: float | None
    mark: str = ""
    """What stands before the figure: `~ `, or `≥ ` where it may be more than that."""
    why_not: str = "not measured yet"
    """Why there is no figure."""

    @property
    def reached(self) -> str:
        """Whether it was, in a word; nothing without a figure."""
        if self.measured is None:
            return ""
        met = {
            "≥": self.measured >= self.limit,
            "≤": self.measured <= self.limit,
            "<": self.measured < self.limit,
        }[self.comparison]
        # A lower bound shows that more was reached, or too much; nothing else.
        if "≥" in self.mark and met != (self.comparison == "≥"):
            return "not shown"
        return "yes" if met else "no"

    def row(self, measure: str) -> Sequence[str]:
        """Return its row in the table of all."""
        said = self.why_not if self.measured is None else f"{self.mark}{_figure(self.measured)}"
        return measure, self.what, f"{self.comparison} {_figure(self.limit)}", said, self.reached


def in_a_table(goals: Iterable[tuple[str, Goal]]) -> str:
    """Return one table of goals, each with the measure it is of."""
    head = ("measure", "", "goal", "measured", "reached")
    return table(head, [goal.row(measure) for measure, goal in goals], words=2)


def _figure(value: float) -> str:
    return thousands(value) if value >= 1000 else f"{value:.3g}"
