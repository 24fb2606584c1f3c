from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from benchmarks import machine, proc, report, tables
from benchmarks.measures import deliveries, growth, latency, stuck
from benchmarks.measures.registry import MEASURES
from benchmarks.results import Result, Results
from benchmarks.services import Services
from benchmarks.suite import plan
from tests.benchmarks.figures import EVERYONE, measured, point, row


def test_the_document_is_what_the_results_on_file_say() -> None:
    """To renew it: ``python -m benchmarks --report``."""
    text, _ = report.render(report.collect(Results(report.FULL)), EVERYONE)
    assert report.DOCUMENT.read_text() == report.document(text)


def test_every_measure_has_its_place_in_the_prose() -> None:
    parts = {measure.KEY: f"<{measure.KEY}>" for measure in MEASURES}
    parts |= {"machine": "<machine>", "goals": "<goals>"}
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


def test_few_cycles_count_only_where_there_is_nothing_better_and_are_marked() -> None:
    lucky = point(640, 9000, cycles=1.0)
    results = [
        measured("hub-uvicorn", point(40, 5000, cycles=20.0), lucky),
        measured("usual-uvicorn", point(1, 300, cycles=4.0), point(4, 200, cycles=2.0)),
    ]
    table = deliveries.report(results, EVERYONE)
    assert row(table, "hub-uvicorn")[2:4] == ["5 000", "5 000"]
    assert row(table, "usual-uvicorn")[2] == "~ 300"
    assert row(table, "hub-uvicorn")[4] == "~ 16.7"


def test_rates_are_lower_bounds_where_more_came_than_a_busy_generator_could_count() -> None:
    busy = point(160, 2000, generator_cpu=0.99)
    found = row(
        deliveries.report([measured("node-ws", point(40, 1500), busy)], EVERYONE), "node-ws"
    )
    assert found[2:4] == ["≥ 1 500", "≥ 1 500"]


def test_only_services_that_are_needed_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    services = Services(0)
    monkeypatch.setattr(services, "_redis", SimpleNamespace(pid=1))
    monkeypatch.setattr(services, "_postgres", SimpleNamespace(pid=2))
    monkeypatch.setattr(proc, "cpu_seconds", lambda pid: 10.0**pid)
    assert services.cpu_seconds([]) == 0
    assert services.cpu_seconds(["redis"]) == 10
    assert services.cpu_seconds(["redis", "postgres"]) == 110


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
    lost = measured("node-ws", point(problems=["missing: 3"]))
    assert row(deliveries.report([lost], EVERYONE), "node-ws")[2].startswith("wrong: missing: 3")


def test_what_ended_a_measure_is_told_beside_the_figures() -> None:
    lost = measured("node-ws", point(4, 1000), point(40, 3000, problems=["missing: 3"]))
    found = row(deliveries.report([lost], EVERYONE), "node-ws")
    assert (found[2], found[-1]) == ("1 000", "missing: 3 (at 40)")


def test_a_size_that_may_not_be_quoted_is_left_out_and_told() -> None:
    results = [
        measured(
            "hub-uvicorn-single",
            point(40, **given),
            measure="M9",
            variant=f"sessions-{count:04}",
            parameters={"at": count},
            microseconds=microseconds,
        )
        for count, microseconds, given in (
            (100, 2.0, {}),
            (500, 3.0, {}),
            (1000, 9.0, {"generator_cpu": 1.0}),
            (2000, 9.0, {"problems": ["missing: 3"]}),
        )
    ]
    (line,) = [line for line in growth.report(results, EVERYONE).splitlines() if "sessions" in line]
    assert "| 100: 2.00, 500: 3.00 | 1.50 |" in line
    assert "1000: generator saturated; 2000: wrong: missing: 3" in line
    assert growth.charts(results, EVERYONE)["growth-sessions.svg"].count("<circle") == 2


@pytest.mark.parametrize(
    ("costs", "steepest"),
    [
        ([(1, 4.0), (10, 4.0), (100, 6.0)], 1.5),
        ([(100, 8.0), (10, 2.0), (1, 4.0)], 4.0),
        ([(1, 8.0), (10, 4.0), (100, 2.0)], 0.5),
    ],
)
def test_growth_is_the_steepest_from_fewer_to_more(
    costs: list[tuple[float, float]], steepest: float
) -> None:
    assert growth.growth(costs) == steepest


@pytest.mark.parametrize("given", [{"generator_cpu": 1.0}, {"problems": ["missing: 3"]}])
def test_what_stuck_readers_did_is_not_quoted_of_an_unsound_run(given: dict[str, Any]) -> None:
    unsound = measured(
        "hub-uvicorn", point(), point(**given), measure="M8", p99_without=1.0, p99_beside=1.1
    )
    assert row(stuck.report([unsound], EVERYONE), "hub-uvicorn")[2] == tables.why_not(unsound)


def test_readers_for_whom_nothing_waits_are_not_stuck() -> None:
    figures = {"p99_without": 2.0, "p99_beside": 3.0, "stuck": 5.0}
    idle, busy = (
        msgspec.structs.replace(
            measured(contender, point(), measure="M8"), figures=figures | {"held_up": held_up}
        )
        for contender, held_up in (("usual-uvicorn", 0.0), ("hub-uvicorn", 4.0))
    )
    unknown = measured("node-ws", point(), measure="M8", p99_without=2.0, p99_beside=3.0)
    table = stuck.report([idle, busy, unknown], EVERYONE)
    assert row(table, "usual-uvicorn")[2].startswith("nobody was stuck")
    assert row(table, "node-ws")[2] == "nothing"
    assert row(table, "hub-uvicorn")[2:6] == ["2.0", "3.0", "1.50", "4 of 5"]


def test_plots_leave_out_what_may_not_be_quoted() -> None:
    one = measured("hub-uvicorn", point(), point(generator_cpu=1.0), measure="M3")
    assert latency.charts([one], EVERYONE)["latency.svg"].count("<circle") == 1


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.KEY)
def test_a_measure_without_results_says_so_and_draws_nothing(measure: object) -> None:
    (one,) = [known for known in MEASURES if known is measure]
    assert "Not measured yet." in one.report([], EVERYONE)
    assert one.charts([], EVERYONE) == {}
    assert all(goal.row("")[3:] == ("not measured yet", "") for goal in one.goals([], EVERYONE))


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.KEY)
def test_a_measure_that_failed_everywhere_still_has_its_table(measure: object) -> None:
    (one,) = [known for known in MEASURES if known is measure]
    failed = [Result(cell=cell, failure="did not start") for cell in one.cells(quick=False)]
    assert "failed" in one.report(failed, EVERYONE)
    assert one.charts(failed, EVERYONE) == {}
    assert all("failed" in goal.why_not for goal in one.goals(failed, EVERYONE))
    assert all(goal.measured is None for goal in one.goals(failed, EVERYONE))


def test_a_table_without_rows_says_so() -> None:
    assert tables.table(("a", "b"), []) == "Not measured yet."
    assert tables.table(("a", "b"), [("x",)]).splitlines()[-1] == "| x |  |"


@pytest.fixture
def described() -> dict[str, Any]:
    """This machine."""
    return machine.describe()


@pytest.fixture
def rendered(tmp_path: Path) -> Callable[..., tuple[str, dict[str, str]]]:
    """The report of results and its pictures."""

    def render(*every: Result) -> tuple[str, dict[str, str]]:
        results = Results(tmp_path)
        for result in every:
            results.put(result)
        return report.render(report.collect(results), EVERYONE)

    return render


def test_a_report_has_the_figures_the_goals_and_the_pictures(
    rendered: Callable[..., tuple[str, dict[str, str]]], described: dict[str, Any]
) -> None:
    (cell,) = plan(False, ["M2"], ["node-ws"])
    text, pictures = rendered(Result(cell=cell, points=[point()], machine=described))
    assert "| node | ws | 1 000 |" in text
    assert "| node | Socket.IO | not measured yet |" in text
    assert "| M7 | posts/s, this hub, SQLite on daphne | ≥ 8 000 | not measured yet |  |" in text
    assert "(deliveries.svg)" in text
    assert ElementTree.fromstring(pictures["deliveries.svg"]).tag.endswith("svg")


def test_what_was_measured_of_another_cell_is_not_in_the_report(
    rendered: Callable[..., tuple[str, dict[str, str]]],
) -> None:
    (cell,) = plan(False, ["M2"], ["node-ws"])
    of_before = msgspec.structs.replace(cell, parameters={"sessions": 100})
    text, _ = rendered(Result(cell=of_before, points=[point()], machine=machine.describe()))
    assert "Nothing has been measured yet." in text
    assert "| node | ws | not measured yet |" in text


def test_a_report_names_each_set_of_versions_with_what_was_measured_with_it(
    rendered: Callable[..., tuple[str, dict[str, str]]], described: dict[str, Any]
) -> None:
    older, newer = (
        Result(cell=plan(False, [measure], ["hub-uvicorn"])[0], points=[point()])
        for measure in ("M2", "M3")
    )
    for result, version, seed in ((older, "5.2", 1), (newer, "6.0", 2)):
        result.machine = {**described, "packages": {"django": version}}
        result.commit, result.seed = f"of {version}", seed
    text, _ = rendered(older, newer)
    lines = [line for line in text.splitlines() if "django" in line]
    assert len(lines) == 2
    assert lines[0].startswith("- M2: ")
    assert "django 5.2" in lines[0]
    assert lines[0].endswith("seed 1. Commit of 5.2.")
    assert "django 6.0" in lines[1]
    assert lines[1].endswith("seed 2. Commit of 6.0.")


def test_a_result_comes_with_what_it_was_measured_with(described: dict[str, Any]) -> None:
    assert described["postgres"] is None or described["postgres"][0].isdigit()
    assert msgspec.json.decode(msgspec.json.encode(described)) == described
