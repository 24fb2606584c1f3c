"""Tables, plots and the documentation, from what is on file."""

import re
from collections.abc import Mapping, Sequence

from benchmarks import goals, machine
from benchmarks.contenders.contender import Contender
from benchmarks.measures import registry
from benchmarks.results import NOT_YET, RESULTS, Result, Results
from benchmarks.server import ROOT

DOCUMENT = ROOT / "docs" / "benchmarks.md"
PROSE = ROOT / "benchmarks" / "prose.md"
FULL = RESULTS / "full"
QUICK = "quick"

_A_QUICK_RUN = "A quick run: there were fewer sessions than the text says, and less time."

_PLACE = re.compile(r"^\{\{ (\w+) \}\}$", re.MULTILINE)


Found = Mapping[str, Sequence[Result]]
"""By measure, a result for each of its cells, also for those there is none of yet."""


def collect(results: Results) -> Found:
    """Return what is on file of a whole run, or of a quick one where that is what the folder has.

    What was measured of other cells than today's is left out.
    """
    quick = results.folder.name == QUICK
    return {
        measure.KEY: [results.last(cell) for cell in measure.cells(quick)]
        for measure in registry.MEASURES
    }


def render(every: Found, contenders: dict[str, Contender]) -> tuple[str, dict[str, str]]:
    """Return the report as Markdown, and its pictures by the names of their files."""
    parts = {"machine": _machine(every), "goals": _goals(every, contenders)}
    pictures: dict[str, str] = {}
    for measure in registry.MEASURES:
        found = every[measure.KEY]
        drawn = measure.charts(found, contenders)
        shown = [f"![{name.removesuffix('.svg')}]({name})" for name in drawn]
        parts[measure.KEY] = "\n\n".join([measure.report(found, contenders), *shown])
        pictures |= drawn
    return fill(PROSE.read_text(), parts), pictures


def _goals(every: Found, contenders: dict[str, Contender]) -> str:
    """Return every goal with what came of it, in the order of the measures' names."""
    return goals.in_a_table(
        (measure.KEY, goal)
        for measure in sorted(registry.MEASURES, key=lambda measure: measure.KEY)
        for goal in measure.goals(every[measure.KEY], contenders)
    )


def write(results: Results, contenders: dict[str, Contender]) -> str:
    """Write the report and its plots beside the results; return what to tell.

    That of a whole run is the documentation; of a quick one the tables are told.
    """
    every = collect(results)
    text, pictures = render(every, contenders)
    results.folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        (results.folder / name).write_text(picture)
    if results.folder == FULL:
        DOCUMENT.write_text(document(text))
        return f"Written: {DOCUMENT.relative_to(ROOT)}"
    report = results.folder / "report.md"
    report.write_text(f"{_A_QUICK_RUN}\n\n{text}")
    tables = [
        f"{measure.KEY}\n\n{measure.report(every[measure.KEY], contenders)}\n"
        for measure in registry.MEASURES
        if any(result.failure != NOT_YET for result in every[measure.KEY])
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


def _machine(every: Found) -> str:
    """Return what was measured with what: a paragraph, or a list where it was not all the same."""
    sets: dict[str, tuple[set[str], list[str]]] = {}
    for measure in registry.MEASURES:
        for result in every[measure.KEY]:
            if result.failure == NOT_YET:
                continue
            words = f"{machine.in_words(result.machine)}; seed {result.seed}"
            commits, measures = sets.setdefault(words, (set(), []))
            commits.add(result.commit or "unknown")
            if measure.KEY not in measures:
                measures.append(measure.KEY)
    if not sets:
        return "Nothing has been measured yet."
    said = [
        (f"{words}. Commit {', '.join(sorted(commits))}.", ", ".join(measures))
        for words, (commits, measures) in sets.items()
    ]
    if len(said) == 1:
        return said[0][0]
    return "\n".join(f"- {measures}: {words}" for words, measures in said)
