"""M1: which steps count, and what is told of the last."""

from itertools import pairwise
from typing import Any

import pytest

from benchmarks.measures import clients
from benchmarks.results import Point, Result
from tests.benchmarks.figures import EVERYONE, measured, point, row

STEPS = {"steps": [25, 50, 100, 500], "limit_ms": 500}


def result(contender: str, *points: Point) -> Result:
    """What came of M1."""
    return measured(contender, *points, measure="M1", parameters=STEPS)


def told(*results: Result) -> list[str]:
    """The row of the hub on uvicorn: clients, times the usual, generator CPU, what ended it."""
    return row(clients.report(results, EVERYONE), "hub-uvicorn")[2:]


def test_the_usual_consumer_has_steps_that_it_can_take() -> None:
    for cell in clients.cells(quick=False):
        steps = cell.parameters["steps"]
        assert steps == sorted(set(steps))
        assert steps[:2] == [25, 50]
        assert all(later <= 2 * earlier for earlier, later in pairwise(steps))


def test_the_most_clients_are_those_of_the_last_step_within_the_limit() -> None:
    hub = result("hub-uvicorn", point(25), point(50), point(100, p95=501.0))
    usual = result("usual-uvicorn", point(25), point(50, p95=501.0))
    assert told(hub, usual) == ["50", "2.0", "20%", ""]
    (goal,) = [goal for goal in clients.goals([hub, usual], EVERYONE) if "uvicorn" in goal.what]
    assert goal.row("M1")[3:] == ("2", "no")


def test_a_busy_generator_within_the_limit_counts_and_beyond_it_leaves_a_lower_bound() -> None:
    within = result("hub-uvicorn", point(25), point(50, generator_cpu=1.0), point(100, p95=501.0))
    assert told(within)[0] == "50"
    beyond = result("hub-uvicorn", point(25), point(50, p95=501.0, generator_cpu=1.0))
    usual = result("usual-uvicorn", point(25), point(50, p95=501.0))
    assert told(beyond, usual) == ["≥ 25", "≥ 1.0", "100% (saturated)", ""]


def test_whoever_serves_all_there_are_may_serve_more() -> None:
    assert told(result("hub-uvicorn", point(500)))[0] == "≥ 500"


def test_nobody_served_is_fewer_than_the_first_step_and_still_compared() -> None:
    assert told(result("hub-uvicorn", point(25, p95=501.0)))[0] == "< 25"
    assert told(result("hub-uvicorn", point(25, p95=501.0, generator_cpu=1.0)))[0] == "≥ 0"
    hub = result("hub-uvicorn", point(25), point(100), point(500, p95=501.0))
    usual = result("usual-uvicorn", point(25, p95=501.0))
    assert told(hub, usual)[1] == "≥ 4.0"


def test_a_step_at_which_something_was_lost_does_not_count_and_is_told() -> None:
    lost = result("hub-uvicorn", point(25), point(50, problems=["missing: 3"]))
    assert told(lost) == ["25", "", "20%", "missing: 3 (at 50)"]


@pytest.mark.parametrize("given", [{"generator_cpu": 1.0}, {"problems": ["missing: 3"]}])
def test_the_plot_has_what_may_be_quoted(given: dict[str, Any]) -> None:
    drawn = clients.charts([result("hub-uvicorn", point(25), point(50, **given))], EVERYONE)
    assert drawn["clients.svg"].count("<circle") == 1
