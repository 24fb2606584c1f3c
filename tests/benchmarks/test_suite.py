"""Every measure once, in small, on a real contender. Figures are not looked at, only the books."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks import machine, suite
from benchmarks.__main__ import terminate
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.registry import contenders
from benchmarks.measures import idle, long_log
from benchmarks.measures.measure import CYCLES
from benchmarks.results import Cell, Point, Result, Results
from benchmarks.stage import Cores
from benchmarks.suite import plan
from chat.load.crowd import Crowd

EVERYONE = contenders()

SMALL: dict[str, object] = {
    "sessions": 20,
    "in_flight": [8],
    "warm_up": 0.1,
    "measured": 0.3,
    "longest": 2,
    "rate": 50,
    "steps": [10, 20],
    "broadcasts": 8,
    "patience": 2,
    "idle": 0.2,
    "connects": 10,
    "storm": 20,
    "seconds": 0.3,
    "messages": 500,
    "times": 3,
    "starts": 2,
    "shares": [50],
    "limit_ms": 1e6,
}

CASES = (
    ("M1", "uvloop-writer"),
    ("M2size", "hub-daphne-single"),
    ("M2line", "hub-daphne-line-collected"),
    ("M3", "websockets-broadcast"),
    ("M4", "hub-uvicorn"),
    ("M5", "asgi-uvicorn"),
    ("M6", "hub-uvicorn"),
    ("M7", "hub-daphne"),
    ("M8", "hub-uvicorn"),
    ("M9", "hub-uvicorn-single"),
    ("M9log", "hub-uvicorn"),
)


@pytest.fixture(autouse=True)
def affinity() -> Iterator[None]:
    """What a run pins itself to is this run's no longer."""
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


@pytest.fixture(autouse=True)
def nothing_else_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are not looked at: server and generator share a core here, and other tests run."""
    monkeypatch.setattr(Point, "saturated", False)


class Runs:
    """Runs of the suite in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.results = Results(folder)
        self.said: list[str] = []

    def __call__(
        self,
        cells: Sequence[Cell],
        everyone: dict[str, Contender] = EVERYONE,
        *,
        fresh: bool = False,
    ) -> int:
        """Run cells; return how many failed."""
        core = min(os.sched_getaffinity(0))
        self.said.clear()
        return suite.run(
            cells, everyone, self.results, Cores(core, core), 1, self.said.append, fresh
        )

    def result(self, cell: Cell) -> Result:
        """What is on file of a cell."""
        found = self.results.get(cell)
        assert found is not None, self.said
        return found


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    """The suite, with nothing on file."""
    return Runs(tmp_path)


def small(measure: str, contender: str, number: int = 0) -> Cell:
    """The measure's own first cell for that contender, or another, in small."""
    cell = plan(False, [measure], [contender])[number]
    parameters = {name: SMALL.get(name, value) for name, value in cell.parameters.items()}
    if measure == "M8":
        # Of fewer there is nobody who neither posts nor is timed, and may be stuck.
        parameters["sessions"] = 200
    filled = str(SMALL["messages"])
    prepare = tuple(
        tuple(filled if word.isdigit() else word for word in step) for step in cell.prepare
    )
    return Cell(measure, contender, parameters, cell.variant, cell.processes, prepare)


def test_other_start_lines_are_no_rivals() -> None:
    """They are compared with the documented ones, and by that measure alone."""
    measures = {cell.measure for cell in plan(False, [], ["*-line-*"])}
    assert measures == {"M2line"}


@pytest.mark.parametrize(("measure", "contender"), CASES)
def test_every_measure_finds_figures_and_nothing_wrong(
    runs: Runs, measure: str, contender: str
) -> None:
    cells = [small("M2", contender)] if measure in ("M3", "M8") else []
    cell = small(measure, contender)
    assert runs([*cells, cell]) == 0, runs.said
    result = runs.result(cell)
    assert result.all_problems == []
    assert result.figures
    assert all(value is not None for value in result.figures.values())
    if measure == "M8":
        assert result.figures["stuck"] == 2


def test_many_rooms_are_measured_beside_one_in_the_same_minute(runs: Runs) -> None:
    cell = small("M4", "hub-uvicorn", 1)
    assert (cell.variant, cell.processes, cell.parameters["rooms"]) == ("rooms-1000", 2, 1000)
    assert runs([cell]) == 0, runs.said
    assert set(runs.result(cell).figures) == {"cpu_of_10000", "cpu_beside"}


def test_what_is_on_file_is_not_measured_again_unless_it_is_asked_for(runs: Runs) -> None:
    cell = small("M2", "uvloop-writer")
    runs([cell])
    first = runs.result(cell)
    first.began = "the first time"
    runs.results.put(first)
    runs([cell])
    assert runs.result(cell).began == "the first time"
    assert runs.said == ["[1/1] M2/uvloop-writer: on file"]
    runs([cell], fresh=True)
    assert runs.result(cell).began != "the first time"


@pytest.mark.parametrize(
    "elsewhere", [{"commit": "of before"}, {"machine": {"cpu": "another"}}, {"seed": 2}]
)
def test_what_is_of_another_commit_machine_or_seed_is_measured_again(
    runs: Runs, elsewhere: dict[str, Any]
) -> None:
    cell = small("M2", "uvloop-writer")
    runs([cell])
    runs.results.put(msgspec.structs.replace(runs.result(cell), **elsewhere))
    runs([cell])
    assert "on file" not in runs.said[0]


def test_what_was_measured_by_a_maximum_of_before_is_measured_again(runs: Runs) -> None:
    cells = [small("M2", "websockets-broadcast"), small("M3", "websockets-broadcast")]
    runs(cells)
    runs(cells)
    assert all(line.endswith("on file") for line in runs.said)
    # Its maximum is another one now.
    runs([cells[0]], fresh=True)
    runs(cells)
    assert [line.endswith("on file") for line in runs.said[:2]] == [True, False]


def test_a_contender_that_does_not_start_fails_and_the_others_go_on(runs: Runs) -> None:
    broken = EVERYONE["node-ws"]
    broken = Contender(
        broken.name, broken.title, broken.server, broken.dialect, "/", ("python", "-c", "no code")
    )
    bad, good = small("M2", "node-ws"), small("M2", "uvloop-writer")
    assert runs([bad, good], EVERYONE | {"node-ws": broken}) == 1
    assert runs.results.get(bad) is None
    assert "SyntaxError" in str(runs.results.last(bad).failure)
    assert runs.result(good).points


def test_a_measure_that_needs_a_maximum_says_so(runs: Runs) -> None:
    cell = small("M3", "websockets-broadcast")
    assert runs([cell]) == 1
    assert "M2 of websockets-broadcast has to be measured first" in "".join(runs.said)


def test_an_error_of_any_kind_is_of_its_cell_alone(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise AssertionError("the log goes back far enough")

    monkeypatch.setattr(idle, "measure", broken)
    bad, good = small("M4", "asgi-uvicorn"), small("M2", "uvloop-writer")
    assert runs([bad, good]) == 1
    assert "FAILED AssertionError: the log goes back far enough" in "".join(runs.said)
    assert runs.result(good).points


class Terminating(asyncio.Protocol):
    """Is told to end just as it reads: what it raises then is taken for its own fault."""

    def data_received(self, data: bytes) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


def test_it_ends_when_it_is_told_to_in_the_middle_of_a_cell(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def measuring(*_: object) -> None:
        ours, theirs = socket.socketpair()
        await asyncio.get_running_loop().create_unix_connection(Terminating, sock=ours)
        with theirs:
            theirs.send(b"data")
            await asyncio.sleep(60)

    monkeypatch.setattr(idle, "measure", measuring)
    cell = small("M4", "asgi-uvicorn")
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        with pytest.raises(asyncio.CancelledError):
            runs([cell])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert runs.results.get(cell) is None


def test_what_is_wrong_counts_also_when_it_is_on_file(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Crowd, "problems", lambda *_: ["missing: 3"])
    cell = small("M5", "asgi-uvicorn")
    assert runs([cell]) == 1
    assert [point.problems for point in runs.result(cell).points] == [["missing: 3"]] * 2
    assert runs([cell]) == 1
    assert runs.said[0].endswith("on file")


def test_it_is_counted_until_all_on_their_way_came_twenty_times(runs: Runs) -> None:
    cell = small("M2", "uvloop-writer")
    cell.parameters.update(measured=0.001, longest=20, in_flight=[40])
    assert runs([cell]) == 0, runs.said
    (point,) = runs.result(cell).points
    assert point.cycles is not None
    assert point.cycles >= CYCLES


def test_an_act_on_a_long_log_that_never_ends_fails(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_log, "_PATIENCE", 0.5)
    monkeypatch.setattr(long_log, "_history", lambda *_: asyncio.sleep(60))
    assert runs([small("M9log", "hub-uvicorn")]) == 1
    assert "FAILED TimeoutError" in "".join(runs.said)


def test_a_result_says_with_what_it_was_measured(runs: Runs) -> None:
    cell = small("M2", "uvloop-writer")
    runs([cell])
    result = runs.result(cell)
    assert (result.machine, result.seed) == (machine.describe(), 1)
    assert result.commit == machine.commit()
