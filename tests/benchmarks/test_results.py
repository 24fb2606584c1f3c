from pathlib import Path

import msgspec
import pytest

from benchmarks.results import NOT_YET, Cell, Latency, Point, Result, Results

CELL = Cell("M2", "hub-uvicorn", {"sessions": 500, "in_flight": [1, 4]})


def point(
    *,
    services_cpu: float = 0.0,
    generator_cpu: float = 0.2,
    others_on_server_core: float = 0.0,
    others_on_generator_core: float = 0.0,
    latency: Latency | None = None,
) -> Point:
    """A point in which all was well."""
    return Point(
        load=4,
        seconds=2.0,
        deliveries=1000,
        posts=10,
        server_cpu=0.5,
        services_cpu=services_cpu,
        generator_cpu=generator_cpu,
        others_on_server_core=others_on_server_core,
        others_on_generator_core=others_on_generator_core,
        latency=latency,
    )


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Results with nothing on file."""
    return Results(tmp_path)


def test_a_result_comes_back_as_it_was(results: Results) -> None:
    latency = Latency(1.0, 2.0, 3.0, 4.0, samples=9)
    result = Result(cell=CELL, figures={"a": 1.5, "b": None}, points=[point(latency=latency)])
    results.put(result)
    assert results.get(CELL) == result
    assert results.last(CELL) == result
    assert results.find("M2", "hub-uvicorn") == result


def test_a_cell_with_other_parameters_is_not_on_file(results: Results) -> None:
    results.put(Result(cell=CELL))
    other = Cell("M2", "hub-uvicorn", {"sessions": 200})
    assert results.get(other) is None
    assert results.last(other) == Result(cell=other, failure=NOT_YET)
    assert results.get(msgspec.structs.replace(CELL, variant="other")) is None


def test_a_cell_that_failed_is_not_on_file_but_told(results: Results) -> None:
    results.put(Result(cell=CELL, failure="did not start"))
    assert results.get(CELL) is None
    assert results.last(CELL).failure == "did not start"


def test_deliveries_count_for_each_second_of_processor_time() -> None:
    # 0.5 + 0.3 of a core for two seconds.
    assert point(services_cpu=0.3).deliveries_per_core_second == pytest.approx(1000 / 1.6)
    assert point().deliveries_per_second == 500


def test_a_busy_generator_and_busy_others_are_noticed() -> None:
    assert not point().saturated
    assert not point().disturbed
    assert point(generator_cpu=0.96).saturated
    assert point(others_on_server_core=0.06).disturbed
    assert point(others_on_generator_core=0.06).disturbed


def test_what_others_had_of_the_generators_core_it_could_not_have() -> None:
    assert point(generator_cpu=0.6, others_on_generator_core=0.36).saturated
    assert not point(generator_cpu=0.6, others_on_server_core=0.36).saturated


def test_sound_is_what_was_neither_saturated_nor_wrong() -> None:
    assert point().sound
    assert not point(generator_cpu=0.96).sound
    assert not msgspec.structs.replace(point(), problems=["missing: 3"]).sound


def test_few_cycles_are_rough_and_posts_by_the_clock_have_none() -> None:
    assert not point().rough
    assert msgspec.structs.replace(point(), cycles=9.0).rough
    assert not msgspec.structs.replace(point(), cycles=10.0).rough
