import sys
from pathlib import Path

import pytest

from tests.programs import ROOT
from tests.tooling.shell import run, tools_only, write_program

SCRIPT = ROOT / "scripts" / "find_python.sh"
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """An environment in which no Python is to be found."""
    return {"PATH": tools_only(tmp_path / "bin", "bash"), "HOME": str(tmp_path)}


def test_python_names_the_interpreter_to_use(nowhere: dict[str, str]) -> None:
    done = run(SCRIPT, env={"PYTHON": sys.executable})
    assert (done.returncode, done.stdout.strip()) == (0, sys.executable)


def test_shim_that_does_not_run_is_passed_over_for_one_that_does(
    nowhere: dict[str, str], tmp_path: Path
) -> None:
    write_program(tmp_path / "bin" / f"python{HERE}", "echo 'not switched on' >&2; exit 127")
    real = tmp_path / ".pyenv" / "versions" / f"{HERE}.0" / "bin" / f"python{HERE}"
    write_program(real, f'exec {sys.executable} "$@"')
    done = run("bash", SCRIPT, HERE, env=nowhere)
    assert (done.returncode, done.stdout.strip()) == (0, str(real))


def test_no_python_at_all_says_what_to_install(nowhere: dict[str, str]) -> None:
    done = run("bash", SCRIPT, env=nowhere)
    assert done.returncode == 1
    assert "3.11, 3.12, 3.13, 3.14" in done.stderr
    assert "no python3 on PATH" in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr


def test_unsupported_version_is_named(nowhere: dict[str, str], tmp_path: Path) -> None:
    # It reports as an old one would: with its version, from the probe that it is given to run.
    write_program(tmp_path / "bin" / "python3", "printf 'is Python 3.9'")
    done = run("bash", SCRIPT, env=nowhere)
    assert done.returncode == 1
    assert "python3: is Python 3.9" in done.stderr


def test_python_without_ensurepip_says_which_package_has_it(
    nowhere: dict[str, str], tmp_path: Path
) -> None:
    # Debian's python3 without python3-venv: here by a module of that name that cannot be imported.
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "ensurepip.py").write_text("raise ImportError")
    write_program(tmp_path / "bin" / "python3", f'PYTHONPATH={broken} exec {sys.executable} "$@"')
    done = run("bash", SCRIPT, env=nowhere)
    assert done.returncode == 1
    assert f"has no module ensurepip (apt-get install python{HERE}-venv)" in done.stderr
