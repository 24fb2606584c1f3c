"""Node, and the packages of package-lock.json. Without them tests are skipped, and failed on CI."""

import subprocess
from functools import cache
from pathlib import Path

from tests.programs import ROOT, find_program, missing

OLDEST = 18


def node() -> Path:
    """Return the path of a node that is new enough."""
    program = find_program("node")
    version = _version(program)
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST:
        missing(f"node is {version} on this machine: the tests take {OLDEST} or newer")
    return program


@cache
def _version(program: Path) -> str:
    return subprocess.run(
        [program, "--version"], check=True, capture_output=True, text=True
    ).stdout.strip()


def package(path: str) -> Path:
    """Return the path of a file of an installed package, as in ``axe-core/axe.min.js``."""
    packages = ROOT / "node_modules"
    # The stamp comes last: without it there may be half of a package.
    if not (packages / ".installed").exists():
        missing("node_modules is not there (`make test` installs it where it can)")
    found = packages / path
    assert found.exists(), f"no package of package-lock.json has {path}"
    return found
