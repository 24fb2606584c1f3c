from pathlib import Path

import pytest

from tests.programs import ROOT
from tests.tooling.shell import run, tools_only, write_program

SCRIPT = ROOT / "scripts" / "services.sh"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A directory for PATH with what the script itself needs; nginx and apt-get are up to the test.

    nginx stands for every service: PATH alone decides whether it is there.
    """
    tools_only(tmp_path / "bin", "bash", "env", "id", "mktemp", "rm", "ls", "tail", "true")
    return tmp_path / "bin"


def ensure(bare: Path, *services: str, ci: bool = False) -> tuple[int, str]:
    """Run the script with no PATH but ``bare``; return its status and what it said."""
    # The script adds the directories that Debian keeps servers in: here they are others.
    script = SCRIPT.read_text().replace("/usr/sbin:/usr/local/sbin", "/nowhere")
    copy = bare / "services.sh"
    copy.write_text(script)
    env = {"PATH": str(bare)} | ({"CI": "true"} if ci else {})
    done = run(bare / "bash", copy, *services, env=env)
    return done.returncode, done.stderr


def test_service_that_is_there_is_left_alone(bare: Path) -> None:
    write_program(bare / "nginx", "exit 0")
    write_program(bare / "apt-get", "echo called; exit 1")
    assert ensure(bare, "nginx") == (0, "")


def test_missing_service_is_said_outside_ci(bare: Path) -> None:
    status, said = ensure(bare, "nginx")
    assert status == 0
    assert "nginx is not on this machine: the tests that need it will be skipped" in said
    assert "apt-get install nginx-light" in said


def test_service_of_two_programs_is_there_with_both(bare: Path) -> None:
    write_program(bare / "node", "exit 0")
    assert "apt-get install nodejs npm" in ensure(bare, "node")[1]
    write_program(bare / "npm", "exit 0")
    assert ensure(bare, "node", ci=True) == (0, "")


def test_missing_service_fails_on_ci(bare: Path) -> None:
    status, said = ensure(bare, "nginx", ci=True)
    assert status == 1
    assert "with CI=true the tests need it" in said


def apt_get(bare: Path, *, knows_packages: bool) -> Path:
    """Put an apt-get on PATH that installs nginx, at once or after an update; return its log."""
    log = bare / "apt.log"
    lists = bare / "lists"
    if knows_packages:
        lists.touch()
    write_program(
        bare / "apt-get",
        f"""echo "$1" >>{log}
        case "$1" in
            update) : >{lists} ;;
            install)
                [ -e {lists} ] || exit 100
                printf '#!/bin/sh\\n' >{bare}/nginx
                /bin/chmod +x {bare}/nginx ;;
        esac""",
    )
    # Whoever may not become root has to be given that too.
    write_program(bare / "sudo", 'shift; exec "$@"')
    return log


def test_missing_service_is_installed_without_an_update_where_that_will_do(bare: Path) -> None:
    log = apt_get(bare, knows_packages=True)
    status, said = ensure(bare, "nginx", ci=True)
    assert (status, said) == (0, "Installing nginx-light from the system's packages ...\n")
    assert log.read_text().split() == ["install"]


def test_every_package_of_a_service_is_installed(bare: Path) -> None:
    write_program(bare / "apt-get", f'echo "$@" >>{bare}/apt.log; exit 1')
    write_program(bare / "sudo", 'shift; exec "$@"')
    assert ensure(bare, "node", "nginx", ci=True)[0] == 1
    assert "=300 nodejs npm nginx-light\n" in (bare / "apt.log").read_text()


def test_lists_of_packages_are_fetched_when_the_installation_fails_for_want_of_them(
    bare: Path,
) -> None:
    log = apt_get(bare, knows_packages=False)
    assert ensure(bare, "nginx", ci=True)[0] == 0
    assert log.read_text().split() == ["install", "update", "install"]


def test_unknown_service_is_refused(bare: Path) -> None:
    status, said = ensure(bare, "oracle")
    assert status == 2
    assert "knows no service called 'oracle'" in said
