"""Which commit is measured."""

import subprocess
from pathlib import Path

import pytest

from benchmarks.machine import commit


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit, of code and of what a run writes."""
    subprocess.run(("git", "init", "-q"), cwd=tmp_path, check=True)
    for name in ("chat.py", *BESIDE):
        write(tmp_path / name, "first")
    commit_all(tmp_path)
    return tmp_path


BESIDE = ("docs/benchmarks.md", "benchmarks/results/full/M2/one.json", "tests/test_chat.py")


def write(path: Path, text: str) -> None:
    """Write a file, and the folders it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def commit_all(repository: Path) -> None:
    """Commit whatever there is."""
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for command in (("add", "."), (*author, "commit", "-q", "-m", "more")):
        subprocess.run(("git", *command), cwd=repository, check=True)


def test_what_is_not_measured_makes_it_no_other_commit(repository: Path) -> None:
    clean = commit(repository)
    assert clean is not None
    for name in BESIDE:
        write(repository / name, "second")
    assert commit(repository) == clean
    commit_all(repository)
    assert commit(repository) == clean
    write(repository / "chat.py", "second")
    assert commit(repository) == f"{clean}-dirty"
    commit_all(repository)
    assert commit(repository) not in (clean, f"{clean}-dirty")


def test_without_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    assert commit(tmp_path) is None
