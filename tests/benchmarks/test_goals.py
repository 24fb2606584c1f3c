"""What the goals say of results, met or not."""

from collections.abc import Sequence
from typing import Literal

import pytest

from benchmarks.goals import Goal, in_a_table
from benchmarks.measures import arrivals, deliveries, durable, idle, long_log, recovery
from benchmarks.results import NOT_YET, Result
from chat.load.crowd import Arrival
from tests.benchmarks.figures import EVERYONE, measured, point


def rows(goals: Sequence[Goal]) -> dict[str, tuple[str, str]]:
    """What was measured and whether the goal was reached, by what it is."""
    found = [goal.row("") for goal in goals]
    return {what: (said, reached) for _, what, _, said, reached in found}


@pytest.mark.parametrize(
    ("comparison", "measured", "mark", "reached"),
    [
        ("≥", 10.0, "", "yes"),
        ("≥", 9.9, "~ ", "no"),
        ("≤", 10.0, "", "yes"),
        ("<", 10.0, "", "no"),
        ("≥", 11.0, "≥ ", "yes"),
        ("≥", 9.0, "≥ ", "not shown"),
        ("≤", 9.0, "≥ ", "not shown"),
        ("≤", 11.0, "≥ ", "no"),
        ("≤", None, "", ""),
    ],
)
def test_a_goal_is_reached_or_not_or_neither_is_shown(
    comparison: Literal["≥", "≤", "<"], measured: float | None, mark: str, reached: str
) -> None:
    assert Goal("x", comparison, 10, measured, mark).reached == reached


def test_a_table_of_goals_has_a_row_for_each() -> None:
    table = in_a_table([("M2", Goal("x", "≥", 8000, 9000.4)), ("M3", Goal("y", "<", 25, None))])
    assert table.splitlines()[2:] == [
        "| M2 | x | ≥ 8 000 | 9 000 | yes |",
        "| M3 | y | < 25 | not measured yet |  |",
    ]


def test_deliveries_are_compared_with_each_ones_own() -> None:
    results = [
        measured("asgi-uvicorn", point(4, 1000)),
        measured("hub-uvicorn-single", point(4, 900, others_on_server_core=0.1)),
        measured("usual-uvicorn", point(generator_cpu=1.0)),
    ]
    found = rows(deliveries.goals(results, EVERYONE))
    hub = "this hub, SQLite, one event per frame on uvicorn, times"
    assert found[f"{hub} an ASGI application that only sends"] == ("~ 0.9", "yes")
    assert found[f"{hub} the usual consumer, in-memory layer"] == ("generator saturated", "")


def test_the_usual_consumer_counts_with_its_fastest_layer() -> None:
    results = [
        measured("hub-uvicorn", point(4, 9000)),
        measured("usual-uvicorn", point(4, 10)),
        measured("usual-uvicorn-core", point(4, 20)),
        measured("usual-uvicorn-pubsub", point(4, 15)),
    ]
    hub = "this hub, SQLite on uvicorn, times"
    found = rows(deliveries.goals(results, EVERYONE))
    assert found[f"{hub} the usual consumer, Redis, core layer"] == ("450", "yes")
    results[-1].failure = NOT_YET
    found = rows(deliveries.goals(results, EVERYONE))
    assert found[f"{hub} the usual consumer, Redis, core layer"] == ("not measured yet", "")
    found = rows(deliveries.goals(results[:2], EVERYONE))
    assert found[f"{hub} the usual consumer, in-memory layer"] == ("900", "yes")


def test_idle_sessions_are_compared_with_the_usual_ones_and_with_those_in_one_room() -> None:
    results = [
        measured("hub-daphne", point(), measure="M4", process_bytes=80.0, cpu_of_10000=0.2),
        measured("usual-daphne", point(), measure="M4", process_bytes=100.0, cpu_of_10000=0.1),
        measured(
            "hub-daphne",
            point(),
            measure="M4",
            variant="rooms-1000",
            process_bytes=90.0,
            cpu_of_10000=0.3,
            cpu_beside=0.25,
        ),
    ]
    found = rows(idle.goals(results, EVERYONE))
    memory = "memory of an idle session on daphne, times the usual consumer's"
    cpu = "processor time of idle sessions in 1000 rooms on daphne, times that in one"
    assert found[memory] == ("0.8", "yes")
    assert found[cpu] == ("1.2", "no"), "of the same minute, not of another cell"


def test_who_came_in_and_was_lost_again_is_a_failure() -> None:
    refused, came = Arrival(1.0, "403"), Arrival(1.0)
    assert arrivals.failures([came, refused, refused, came], [True, False, True, False]) == 3
    lost = measured("hub-uvicorn", point(), point(problems=["lost: 1"]), measure="M5", failures=1)
    found = rows(arrivals.goals([lost], EVERYONE))
    assert found["failures of 4 000 at once on uvicorn"] == ("1", "no")


def test_a_storm_is_compared_with_an_empty_application() -> None:
    results = [
        measured(
            "hub-uvicorn", point(), point(), measure="M5", failures=0, storm_all_in_seconds=1.5
        ),
        measured(
            "asgi-uvicorn", point(), point(), measure="M5", failures=0, storm_all_in_seconds=1.0
        ),
    ]
    found = rows(arrivals.goals(results, EVERYONE))
    assert found["failures of 4 000 at once on uvicorn"] == ("0", "yes")
    times = "seconds until 4 000 are in on uvicorn, times an empty ASGI application"
    assert found[times] == ("1.5", "no")


def test_recovery_counts_the_way_back_and_what_is_missing_then() -> None:
    result = measured(
        "hub-uvicorn",
        point(),
        measure="M6",
        beyond_waits_seconds=3.0,
        complete_after_seconds=2.5,
    )
    found = rows(recovery.goals([result], EVERYONE))
    what = "seconds beyond the clients' own waits, this hub, SQLite on uvicorn"
    assert found[what] == ("5.5", "no")


def test_durable_posts_are_a_lower_bound_where_the_generator_was_busy() -> None:
    def result(steady_cpu: float) -> Result:
        points = point(generator_cpu=1.0), point(generator_cpu=steady_cpu)
        return measured("hub-uvicorn", *points, measure="M7", posts_per_second=7000.0, ack_p99=40.0)

    posts = "posts/s, this hub, SQLite on uvicorn"
    acks = "ack p99 ms at 1 000 posts/s, this hub, SQLite on uvicorn"
    found = rows(durable.goals([result(0.5)], EVERYONE))
    assert found[posts] == ("≥ 7 000", "not shown")
    assert found[acks] == ("40", "yes")
    assert rows(durable.goals([result(1.0)], EVERYONE))[acks] == ("generator saturated", "")


def test_a_long_log_is_flat_where_every_length_is_there() -> None:
    results = [
        measured(
            "hub-uvicorn",
            point(),
            measure="M9log",
            variant=f"{count:07}",
            parameters={"messages": count},
            join_p50=took,
            history_p50=1.0,
            post_p50=1.0,
        )
        for count, took in ((1_000, 1.0), (10_000, 1.0), (100_000, 1.2), (1_000_000, 2.0))
    ]
    what = "p50 of {} over a log of 10³ to 10⁶, this hub, SQLite, most / least"
    found = rows(long_log.goals(results, EVERYONE))
    assert found[what.format("join")] == ("2", "no")
    assert found[what.format("post")] == ("1", "yes")
    assert rows(long_log.goals(results[1:], EVERYONE))[what.format("join")][0] == "not measured yet"
