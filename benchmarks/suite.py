"""Measures everything, cell by cell: `python -m benchmarks --help`."""

import fnmatch
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import uvloop

from benchmarks import machine
from benchmarks.contenders.contender import Contender
from benchmarks.measures import deliveries, registry
from benchmarks.measures.measure import Say
from benchmarks.results import Cell, Result, Results
from benchmarks.services import Services
from benchmarks.stage import Cores, staged


def plan(quick: bool, measures: Sequence[str], contenders: Sequence[str]) -> list[Cell]:
    """Return the cells of the measures and contenders whose names fit; of all, without any."""
    return [
        cell
        for measure in registry.MEASURES
        if not measures or measure.KEY in measures
        for cell in measure.cells(quick)
        if not contenders or any(fnmatch.fnmatch(cell.contender, name) for name in contenders)
    ]


def run(
    cells: Sequence[Cell],
    everyone: dict[str, Contender],
    results: Results,
    cores: Cores,
    seed: int,
    say: Say,
    fresh: bool = False,
) -> int:
    """Measure what is not on file yet, of this commit, machine and seed; or all of it.

    Returns how many cells, those on file included, failed or have something wrong in them.
    """
    faulty = 0
    began = time.monotonic()
    measured = 0
    described = machine.describe()
    # Asked for once: what is changed while this runs is not what runs.
    commit = machine.commit()
    with Services(cores.server) as services:
        for turn, cell in enumerate(cells, 1):
            result = None if fresh else results.get(cell)
            if (
                result is not None
                and result.origin == (commit, described, seed)
                and deliveries.still_the_maximum(result, results)
            ):
                say(f"[{turn}/{len(cells)}] {cell.name}: on file")
            else:
                left = ""
                if measured:
                    rest = (time.monotonic() - began) / measured * (len(cells) - turn + 1)
                    left = f", about {rest / 60:.0f} min to go"
                say(f"[{turn}/{len(cells)}] {cell.name}{left}")
                result = Result(
                    cell=cell,
                    began=datetime.now(UTC).isoformat(timespec="seconds"),
                    commit=commit,
                    machine=described,
                    seed=seed,
                )
                _measure(result, everyone[cell.contender], services, results, cores, say)
                results.put(result)
                measured += 1
            faulty += bool(result.failure is not None or result.all_problems)
    if faulty:
        say(f"{faulty} of {len(cells)} cells failed, or have something wrong in them")
    return faulty


def _measure(
    result: Result,
    contender: Contender,
    services: Services,
    results: Results,
    cores: Cores,
    say: Say,
) -> None:
    cell = result.cell
    measure = registry.by_key(cell.measure)
    start = time.monotonic()
    try:
        with staged(contender, services, cores, result.seed, cell.processes, cell.prepare) as stage:
            uvloop.run(measure.measure(stage, result, results, say))
    except Exception as error:  # whatever it is, the other cells are measured
        result.failure = f"{type(error).__name__}: {error}"
        say(f"  FAILED {result.failure}")
    result.took = time.monotonic() - start
