"""Tables, plots and the documentation, from what is on file."""

import re

import msgspec

from benchmarks import machine
from benchmarks.contenders.contender import Contender
from benchmarks.measures import registry
from benchmarks.results import RESULTS, Results
from benchmarks.server import ROOT

DOCUMENT = ROOT / "docs" / "benchmarks.md"
PROSE = ROOT / "benchmarks" / "prose.md"
FULL = RESULTS / "full"

_QUICK = "A quick run: there were fewer sessions than the text says, and less time."

_PLACE = re.compile(r"^\{\{ (\w+) \}\}$", re.MULTILINE)


def describe_machine(results: Results, seed: int) -> None:
    """Write down what is measured with."""
    described = {**machine.describe(), "seed": seed}
    results.folder.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(described), indent=1)
    (results.folder / "machine.json").write_bytes(text + b"\n")


def render(results: Results, contenders: dict[str, Contender]) -> tuple[str, dict[str, str]]:
    """Return the report as Markdown, and its pictures by the names of their files."""
    parts = {"machine": _machine(results)}
    pictures: dict[str, str] = {}
    for measure in registry.MEASURES:
        found = results.of(measure.KEY)
        drawn = measure.charts(found, contenders)
        shown = [f"![{name.removesuffix('.svg')}]({name})" for name in drawn]
        parts[measure.KEY] = "\n\n".join([measure.report(found, contenders), *shown])
        pictures |= drawn
    return fill(PROSE.read_text(), parts), pictures


def write(results: Results, contenders: dict[str, Contender]) -> str:
    """Write the report and its plots beside the results; return what to tell.

    That of a whole run is the documentation; of a quick one the tables are told.
    """
    text, pictures = render(results, contenders)
    results.folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        (results.folder / name).write_text(picture)
    if results.folder == FULL:
        DOCUMENT.write_text(document(text))
        return f"Written: {DOCUMENT.relative_to(ROOT)}"
    report = results.folder / "report.md"
    report.write_text(f"{_QUICK}\n\n{text}")
    tables = [
        f"{measure.KEY}\n\n{measure.report(found, contenders)}\n"
        for measure in registry.MEASURES
        if (found := results.of(measure.KEY))
    ]
    return "\n".join([*tables, f"Written: {report.relative_to(ROOT)}, with plots beside it"])


def document(text: str) -> str:
    """Return the report with its pictures where they are as seen from `docs`."""
    place = FULL.relative_to(ROOT)
    return re.sub(r"(?<=\]\()(?=[\w-]+\.svg\))", f"../{place}/", text)


def fill(prose: str, parts: dict[str, str]) -> str:
    """Return the prose with each `{{ name }}` that has a line of its own replaced by its part.

    Raises KeyError for a name that has no part.
    """
    return _PLACE.sub(lambda place: parts[place[1]], prose)


def _machine(results: Results) -> str:
    path = results.folder / "machine.json"
    if not path.exists():
        return "Nothing has been measured yet."
    found = msgspec.json.decode(path.read_bytes())
    every = [result for measure in registry.MEASURES for result in results.of(measure.KEY)]
    commits = sorted({result.commit for result in every if result.commit})
    packages = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    return (
        f"{found['cores']} cores of {found['cpu']}, {found['system']}, Python {found['python']}, "
        f"SQLite {found['sqlite']}, node {found['node']}; {packages}. Commit {', '.join(commits)}; "
        f"seed {found['seed']}."
    )
