"""What was measured: a file for each cell, so that a run that was interrupted can go on."""

from pathlib import Path
from typing import Any

import msgspec

RESULTS = Path(__file__).resolve().parent / "results"

NOT_YET = "not measured yet"
"""The failure of a result that there is none of."""


class Cell(msgspec.Struct, frozen=True):
    """One measure of one contender, in one variant: the smallest thing that is measured by itself.

    A cell with other `parameters` than a result on file is measured anew.
    """

    measure: str
    contender: str
    parameters: dict[str, Any]
    variant: str = ""
    processes: int = 1
    prepare: tuple[tuple[str, ...], ...] = ()

    @property
    def name(self) -> str:
        """The cell for people and for files."""
        variant = f"--{self.variant}" if self.variant else ""
        return f"{self.measure}/{self.contender}{variant}"


class Latency(msgspec.Struct, frozen=True):
    """Percentiles in milliseconds."""

    p50: float
    p95: float
    p99: float
    p999: float
    samples: int


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What one load came to. Shares are of one core."""

    load: float
    """In the measure's own terms: posts on their way, a rate, sessions."""
    seconds: float
    deliveries: int
    posts: int
    server_cpu: float
    services_cpu: float
    generator_cpu: float
    others_on_server_core: float
    others_on_generator_core: float
    cycles: float | None = None
    """How often as many posts as were on their way came to everybody. None by the clock."""
    latency: Latency | None = None
    ack_latency: Latency | None = None
    problems: list[str] = []

    @property
    def deliveries_per_second(self) -> float:
        """How many messages came to sessions, all together."""
        return self.deliveries / self.seconds

    @property
    def deliveries_per_core_second(self) -> float:
        """The same for each second of processor time that contender and services used."""
        used = (self.server_cpu + self.services_cpu) * self.seconds
        return self.deliveries / used if used else 0.0

    @property
    def saturated(self) -> bool:
        """Whether the generator may have been the limit: then it says nothing of the server.

        What others had of its core, it could not have.
        """
        return self.generator_cpu + self.others_on_generator_core >= 0.95

    @property
    def sound(self) -> bool:
        """Whether its figures may be quoted."""
        return not self.saturated and not self.problems

    @property
    def rough(self) -> bool:
        """Whether it is of few cycles: deliveries come in bursts, which the window's ends cut."""
        return self.cycles is not None and self.cycles < 10

    @property
    def disturbed(self) -> bool:
        """Whether other processes had a noticeable part of either core.

        Even of one the generator leaves idle: virtual cores can be halves of one, and share cache
        in any case.
        """
        return max(self.others_on_server_core, self.others_on_generator_core) >= 0.05


class Result(msgspec.Struct, kw_only=True):
    """What came of a cell. `figures` are its headlines, None where there is nothing to tell."""

    cell: Cell
    figures: dict[str, float | None] = {}
    points: list[Point] = []
    problems: list[str] = []
    """What else was wrong, besides what is wrong with a point."""
    failure: str | None = None
    """Why it could not be measured at all."""
    began: str = ""
    took: float = 0.0
    commit: str | None = None
    machine: dict[str, Any] = {}
    """What it was measured with: processor, system, versions."""
    seed: int = 1

    @property
    def origin(self) -> tuple[str | None, dict[str, Any], int]:
        """Commit, machine and seed: figures of others do not belong beside it."""
        return self.commit, self.machine, self.seed

    @property
    def all_problems(self) -> list[str]:
        """Whatever is wrong with it."""
        return [*self.problems, *(what for point in self.points for what in point.problems)]


class Results:
    """The results in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _path(self, cell: Cell) -> Path:
        return self.folder / f"{cell.name}.json"

    def get(self, cell: Cell) -> Result | None:
        """Return what is on file for exactly this cell and did not fail."""
        found = self.last(cell)
        return found if found.failure is None else None

    def last(self, cell: Cell) -> Result:
        """Return what is on file for exactly this cell, or a result that failed as `NOT_YET`."""
        path = self._path(cell)
        if path.exists():
            found = msgspec.json.decode(path.read_bytes(), type=Result)
            if found.cell == cell:
                return found
        return Result(cell=cell, failure=NOT_YET)

    def put(self, result: Result) -> None:
        """Write a result, in place of an older one."""
        path = self._path(result.cell)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = msgspec.json.format(msgspec.json.encode(result), indent=1)
        path.write_bytes(text + b"\n")

    def find(self, measure: str, contender: str) -> Result | None:
        """Return the result of a measure that has one for each contender."""
        path = self.folder / measure / f"{contender}.json"
        return msgspec.json.decode(path.read_bytes(), type=Result) if path.exists() else None
