from pathlib import Path

from tests.programs import ROOT
from tests.tooling.shell import run

SCRIPT = ROOT / "scripts" / "conflicts.sh"


def repository(directory: Path, text: str) -> Path:
    """A repository with one file in it."""
    directory.mkdir()
    (directory / "page.md").write_text(text)
    for command in (["init", "--quiet"], ["add", "page.md"]):
        assert run("git", *command, cwd=directory).returncode == 0
    return directory


def test_markers_of_a_merge_are_found_wherever_they_are(tmp_path: Path) -> None:
    for number, marker in enumerate(("<" * 7 + " HEAD", ">" * 7 + " branch", "<" * 7)):
        done = run(SCRIPT, cwd=repository(tmp_path / str(number), f"text\n{marker}\n"))
        assert done.returncode == 1
        assert f"page.md:2:{marker}" in done.stdout
        assert "left over from a merge" in done.stderr


def test_text_without_them_passes(tmp_path: Path) -> None:
    text = f"a {'<' * 7} b\n{'<' * 8}\n{'=' * 7}\n>>> prompt\n"
    assert run(SCRIPT, cwd=repository(tmp_path / "a", text)).returncode == 0


def test_files_outside_of_a_repository_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("<" * 7 + " HEAD\n")
    assert run(SCRIPT, cwd=tmp_path).returncode == 1
