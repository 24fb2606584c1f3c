"""`make chaos` plays rounds, counts what was wrong by its kind, and says so."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.__main__ import kinds, main, percentile, summary
from tests.chaos.rounds import Tally
from tests.integration.histories import Heard, History

Spoil = Callable[[list[Heard]], None]

SPOILS: dict[str, Spoil] = {
    "lost": lambda heard: heard.__delitem__(slice(-1, None)),
    "duplicated": lambda heard: heard.append(heard[2]._replace(seq=9)),
    "out of order": lambda heard: heard.insert(0, heard.pop(1)),
    "otherwise": lambda heard: heard.append(Heard(9, ("message", "nobody", "9"))),
}


def faults(spoil: Spoil) -> list[str]:
    """What the checker says of eight messages, of which one witness heard something else."""
    sound = [Heard(seq, ("message", "anna", str(seq))) for seq in range(1, 9)]
    wrong = list(sound)
    spoil(wrong)
    history = History()
    for entry in sound:
        history.said(entry.what)
        history.acked(entry.what, entry.seq)
    history.heard("sound", 0, sound)
    history.heard("spoilt", 0, wrong)
    return history.faults()


@pytest.mark.parametrize(("kind", "spoil"), SPOILS.items(), ids=list(SPOILS))
def test_each_way_to_be_wrong_is_counted_as_what_it_is(kind: str, spoil: Spoil) -> None:
    assert kinds(faults(spoil))[kind] >= 1


def test_summary_has_every_fault_and_all_that_was_wrong() -> None:
    wrong = [fault for spoil in SPOILS.values() for fault in faults(spoil)]
    tally = Tally(["kill", "kill", "flush"], [0.1, 0.2, 9.0], 12, 34, 5, 6, wrong)
    told = summary(tally, rounds=2, seed=7, seconds=60)
    assert "Seed 7, 2 rounds, 60 s, 3 faults." in told
    for row in ("| messages acknowledged | 12 |", "| deliveries checked | 34 |", "| kill | 2 |"):
        assert row in told
    counted: Counter[str] = kinds(wrong)
    assert f"| lost | {counted['lost']} |" in told
    assert "| time to heal, p50 | 0.20 s |" in told
    for fault in wrong:
        assert f"- {fault}" in told


def test_percentiles_are_of_the_values() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (percentile(values, 50), percentile(values, 99), percentile([3.0], 99)) == (51, 100, 3)


def test_a_round_is_played_and_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.md"
    arguments = ["--seconds", "0.5", "--seed", "3", "--report", str(report)]
    assert main(arguments) == 0, capsys.readouterr().out
    told = report.read_text()
    assert "| lost | 0 |" in told
    assert "1 rounds" in told
    assert re.search(r", [12] faults\.", told)
    assert "| time to heal, p50 |" in told
    assert told in capsys.readouterr().out
