from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from benchmarks import report, tables
from benchmarks.contenders.registry import contenders
from benchmarks.measures import deliveries
from benchmarks.measures.registry import MEASURES
from benchmarks.results import Cell, Latency, Point, Result, Results

EVERYONE = contenders()


def point(load: float = 4, deliveries: int = 1000, **given: float) -> Point:
    """A second in which all was well, unless `given` says otherwise."""
    shares: dict[str, Any] = {"server_cpu": 1.0, "services_cpu": 0.0, "generator_cpu": 0.2}
    shares |= {"others_on_server_core": 0.0, "others_on_generator_core": 0.0} | given
    latency = Latency(1.0, 2.0, 3.0, 4.0, samples=9)
    return Point(load=load, seconds=1.0, deliveries=deliveries, posts=1, latency=latency, **shares)


def measured(contender: str, *points: Point, measure: str = "M2", **figures: float) -> Result:
    """What came of a cell."""
    cell = Cell(measure, contender, {"shares": [25, 50], "sessions": 10, "most": 100, "rooms": 1})
    return Result(cell=cell, points=list(points), figures=dict(figures))


def row(table: str, contender: str) -> list[str]:
    """The cells of a contender's row."""
    one = EVERYONE[contender]
    (line,) = [
        line for line in table.splitlines() if line.startswith(f"| {one.server} | {one.title} |")
    ]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_document_is_what_the_results_on_file_say() -> None:
    """To renew it: ``python -m benchmarks --report``."""
    text, _ = report.render(Results(report.FULL), EVERYONE)
    assert report.DOCUMENT.read_text() == report.document(text)


def test_every_measure_has_its_place_in_the_prose() -> None:
    parts = {measure.KEY: f"<{measure.KEY}>" for measure in MEASURES} | {"machine": "<machine>"}
    text = report.fill(report.PROSE.read_text(), parts)
    assert all(part in text for part in parts.values())
    assert "{{" not in text


def test_a_place_for_which_there_is_nothing_is_an_error() -> None:
    with pytest.raises(KeyError, match="M77"):
        report.fill("{{ M77 }}\n", {})


def test_pictures_are_found_from_the_document() -> None:
    assert report.document("![x](x-y.svg)") == "![x](../benchmarks/results/full/x-y.svg)"


def test_a_contender_counts_with_the_load_at_which_it_delivered_most() -> None:
    results = [
        measured("usual-uvicorn", point(4, 100)),
        measured("hub-uvicorn", point(4, 2000), point(40, 5000), point(160, 3000)),
    ]
    found = row(deliveries.report(results, EVERYONE), "hub-uvicorn")
    assert found[2:6] == ["5 000", "5 000", "50.0", "40"]


def test_services_count_as_processor_time() -> None:
    results = [measured("hub-uvicorn-postgres", point(4, 3000, services_cpu=0.5))]
    found = row(deliveries.report(results, EVERYONE), "hub-uvicorn-postgres")
    assert found[2:4] == ["2 000", "3 000"]


def test_a_saturated_run_is_not_quoted_and_a_disturbed_one_is_marked() -> None:
    results = [
        measured("node-ws", point(generator_cpu=0.99)),
        measured("uvloop-writer", point(others_on_server_core=0.2)),
    ]
    table = deliveries.report(results, EVERYONE)
    assert row(table, "node-ws")[2] == "generator saturated"
    assert row(table, "uvloop-writer")[2] == "~ 1 000"


def test_a_maximum_beyond_which_the_generator_was_busy_is_a_lower_bound() -> None:
    results = [measured("node-ws", point(4, 1000), point(40, 3000, generator_cpu=0.99))]
    assert row(deliveries.report(results, EVERYONE), "node-ws")[3] == "≥ 1 000"


def test_a_run_in_which_something_was_lost_is_not_quoted_but_told() -> None:
    lost = measured("node-ws", msgspec.structs.replace(point(), problems=["missing: 3"]))
    assert row(deliveries.report([lost], EVERYONE), "node-ws")[2].startswith("wrong: missing: 3")


def test_goals_are_told_with_what_was_reached() -> None:
    results = [
        measured("asgi-uvicorn", point(4, 1000)),
        measured("hub-uvicorn-single", point(4, 900)),
    ]
    table = deliveries.report(results, EVERYONE)
    assert "| 0.85 | 0.90 | yes |" in table


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.KEY)
def test_a_measure_without_results_says_so_and_draws_nothing(measure: object) -> None:
    (one,) = [known for known in MEASURES if known is measure]
    assert "Not measured yet." in one.report([], EVERYONE)
    assert one.charts([], EVERYONE) == {}


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.KEY)
def test_a_measure_that_failed_everywhere_still_has_its_table(measure: object) -> None:
    (one,) = [known for known in MEASURES if known is measure]
    failed = [Result(cell=cell, failure="did not start") for cell in one.cells(quick=False)]
    table = one.report(failed, EVERYONE)
    assert "failed" in table or "Not measured yet." in table
    assert one.charts(failed, EVERYONE) == {}


def test_a_table_without_rows_says_so() -> None:
    assert tables.table(("a", "b"), []) == "Not measured yet."
    assert tables.table(("a", "b"), [("x",)]).splitlines()[-1] == "| x |  |"


def test_a_report_has_the_figures_and_the_pictures_of_them(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.put(measured("node-ws", point()))
    text, pictures = report.render(results, EVERYONE)
    assert "| node | ws | 1 000 |" in text
    assert "(deliveries.svg)" in text
    assert ElementTree.fromstring(pictures["deliveries.svg"]).tag.endswith("svg")
