"""Results as they might be on file."""

from typing import Any

from benchmarks.contenders.registry import contenders
from benchmarks.results import Cell, Latency, Point, Result

EVERYONE = contenders()


def point(load: float = 4, deliveries: int = 1000, p95: float = 2.0, **given: Any) -> Point:
    """A second in which all was well, unless `given` says otherwise."""
    shares: dict[str, Any] = {"server_cpu": 1.0, "services_cpu": 0.0, "generator_cpu": 0.2}
    shares |= {"others_on_server_core": 0.0, "others_on_generator_core": 0.0} | given
    latency = Latency(1.0, p95, 3.0, 4.0, samples=9)
    return Point(load=load, seconds=1.0, deliveries=deliveries, posts=1, latency=latency, **shares)


def measured(
    contender: str,
    *points: Point,
    measure: str = "M2",
    variant: str = "",
    parameters: dict[str, Any] | None = None,
    **figures: float,
) -> Result:
    """What came of a cell."""
    given = {"shares": [25, 50], "sessions": 10, "rooms": 1} | (parameters or {})
    cell = Cell(measure, contender, given, variant)
    return Result(cell=cell, points=list(points), figures=dict(figures))


def row(table: str, contender: str) -> list[str]:
    """The cells of a contender's row."""
    one = EVERYONE[contender]
    (line,) = [
        line for line in table.splitlines() if line.startswith(f"| {one.server} | {one.title} |")
    ]
    return [cell.strip() for cell in line.strip("|").split("|")]
