"""Every contender says all that is needed to start it, and the whole set is what is promised."""

import re
from itertools import product

import pytest

from benchmarks.contenders.contender import SERVERS, Contender
from benchmarks.contenders.hub import lines
from benchmarks.contenders.registry import FAMILIES, contenders, rivals
from benchmarks.measures.registry import MEASURES
from benchmarks.suite import plan
from tests.programs import ROOT

PLACES = {"port", "folder", "redis", "postgres", "room"}


def test_names_are_of_one_contender_each() -> None:
    families = (*FAMILIES, lines.contenders)
    every = [contender.name for family in families for contender in family()]
    assert len(every) == len(set(every)) == len(contenders())


def test_the_hub_is_there_in_every_combination() -> None:
    parts = ("daphne", "uvicorn"), ("", "-postgres"), ("", "-redis"), ("", "-single")
    wanted = {f"hub-{''.join(combination)}" for combination in product(*parts)}
    assert wanted == {name for name in rivals() if name.startswith("hub")}


@pytest.mark.parametrize("contender", contenders().values(), ids=lambda one: one.name)
def test_what_is_filled_in_is_known_and_what_is_needed_is_used(contender: Contender) -> None:
    said = [*contender.command, *contender.environment.values(), contender.path]
    said += [word for step in contender.prepare for word in step]
    used = {name for text in said for name in re.findall(r"\{(\w+)\}", text)}
    assert used <= PLACES
    assert used & {"redis", "postgres"} == set(contender.needs)
    assert any("{port}" in word for word in contender.command)


@pytest.mark.parametrize("contender", contenders().values(), ids=lambda one: one.name)
def test_what_it_is_compared_with_is_a_contender(contender: Contender) -> None:
    assert contender.baseline is None or contender.baseline in contenders()


def test_every_folder_of_contenders_is_registered() -> None:
    folders = {path.parent.name for path in (ROOT / "benchmarks/contenders").glob("*/describe.py")}
    assert folders == {family.__module__.split(".")[-2] for family in FAMILIES}


@pytest.mark.parametrize("quick", [True, False])
def test_every_cell_is_of_a_contender_and_has_a_name_of_its_own(quick: bool) -> None:
    cells = plan(quick, [], [])
    assert {cell.contender for cell in cells} <= set(contenders())
    assert len({cell.name for cell in cells}) == len(cells)


def test_a_full_run_has_every_measure_and_every_contender() -> None:
    cells = plan(False, [], [])
    assert {cell.measure for cell in cells} == {measure.KEY for measure in MEASURES}
    assert {cell.contender for cell in cells if cell.measure == "M2"} == set(rivals())
    assert {cell.contender for cell in cells} == set(contenders())


def test_a_plan_can_be_narrowed() -> None:
    cells = plan(False, ["M2", "M7"], ["hub-*-postgres"])
    assert {cell.name for cell in cells} == {
        f"{measure}/hub-{server}-postgres"
        for measure in ("M2", "M7")
        for server in ("daphne", "uvicorn")
    }


@pytest.mark.parametrize("server", SERVERS)
def test_the_start_lines_are_those_of_the_documentation(server: str) -> None:
    document = (ROOT / "docs/deployment.md").read_text()
    (line,) = re.findall(rf"^{server} .*$", document, re.MULTILINE)
    documented = line.replace('"', "").replace("5000", "{port}").replace("mysite.asgi:", "").split()
    # Where it listens, and no line of log for each connection.
    own = {"python", "-m", "-v", "0", "--host", "127.0.0.1", "--port", "{port}"}
    own |= {"--log-level", "warning"}
    assert set(SERVERS[server]("application")) - own == set(documented) - own
