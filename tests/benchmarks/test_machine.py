"""Which commit is measured."""

import subprocess
from pathlib import Path

import pytest

from benchmarks.machine import commit


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit, of code and of what a run writes."""
    for name in ("chat.py", "docs/benchmarks.md", "benchmarks/results/full/M2/one.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("first")
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for command in (("init", "-q"), ("add", "."), (*author, "commit", "-q", "-m", "first")):
        subprocess.run(("git", *command), cwd=tmp_path, check=True)
    return tmp_path


def test_what_a_run_writes_makes_it_no_other_commit(repository: Path) -> None:
    clean = commit(repository)
    assert clean is not None
    (repository / "docs/benchmarks.md").write_text("second")
    (repository / "benchmarks/results/full/M2/one.json").write_text("second")
    assert commit(repository) == clean
    (repository / "chat.py").write_text("second")
    assert commit(repository) == f"{clean}-dirty"


def test_without_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    assert commit(tmp_path) is None
