import sys
from pathlib import Path

import pytest

from tests.programs import ROOT
from tests.tooling.shell import run, write_program

SCRIPT = ROOT / "scripts" / "make_venv.sh"


FAKE_PIP = """
import sys
sys.exit("no such package" if "missing" in open(sys.argv[-1]).read() else 0)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with requirements, and a Python whose environments get a pip that only pretends.

    The real one takes seconds to install, even itself.
    """
    (tmp_path / "base.txt").write_text("# nothing\n")
    (tmp_path / "dev.txt").write_text("-r base.txt\n")
    (tmp_path / "pip.py").write_text(FAKE_PIP)
    write_program(
        tmp_path / "python",
        f"""
        [ "$2" = venv ] || exec {sys.executable} "$@"
        {sys.executable} -m venv --without-pip --clear "$4" &&
        cp "$(dirname "$0")/pip.py" "$4"/lib/python*/site-packages/""",
    )
    return tmp_path


def make(project: Path, requirements: str, *, python: str | Path = "") -> str:
    """Make the environment ``venv`` and return what was said about it."""
    env = {"PYTHON": str(python or project / "python")}
    done = run(SCRIPT, "venv", requirements, env=env, cwd=project)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_environment_is_made_once(project: Path) -> None:
    said = make(project, "dev.txt")
    assert "Making venv" in said
    assert make(project, "dev.txt") == ""


def test_included_requirements_count_as_installed(project: Path) -> None:
    make(project, "dev.txt")
    assert make(project, "base.txt") == ""


def test_changed_requirements_are_installed_into_the_environment_there_is(project: Path) -> None:
    make(project, "dev.txt")
    (project / "base.txt").write_text("# other pins\n")
    said = make(project, "dev.txt")
    assert "Installing" in said
    assert "Making" not in said


def test_interrupted_installation_is_not_taken_for_a_good_one(project: Path) -> None:
    make(project, "base.txt")
    (project / "base.txt").write_text("missing\n")
    failed = run(SCRIPT, "venv", "base.txt", cwd=project)
    assert failed.returncode == 1
    assert "could not be installed" in failed.stderr
    (project / "base.txt").write_text("# nothing\n")
    assert "Making venv" in make(project, "base.txt")


def test_environment_that_was_moved_is_made_anew(project: Path) -> None:
    make(project, "base.txt")
    elsewhere = project / "elsewhere"
    elsewhere.mkdir()
    for name in ("venv", "base.txt", "python", "pip.py"):
        (project / name).rename(elsewhere / name)
    assert "Making venv" in make(elsewhere, "base.txt")


def test_environment_whose_python_is_gone_is_made_anew(project: Path) -> None:
    make(project, "base.txt")
    python = project / "venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(project / "gone")
    assert "Making venv" in make(project, "base.txt")


def test_environment_there_is_does_whatever_other_python_is_on_path(project: Path) -> None:
    make(project, "base.txt")
    done = run(SCRIPT, "venv", "base.txt", env={"PATH": "/usr/bin:/bin"}, cwd=project)
    assert (done.returncode, done.stderr) == (0, "")


def test_other_python_by_choice_makes_it_anew(project: Path) -> None:
    make(project, "base.txt")
    # What tells one Python from another is its version and its home.
    other = write_program(
        project / "other",
        f"""
        case "$2" in
            *base_prefix*) echo another home ;;
            *) exec {project}/python "$@" ;;
        esac""",
    )
    assert "Making venv" in make(project, "base.txt", python=other)
