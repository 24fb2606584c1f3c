"""Running the project's scripts as a person would, in an environment of the test's making."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.programs import ROOT, bare_environment


def run(
    *command: str | Path, env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; ``env`` is added to next to nothing of the tests' environment."""
    return subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**bare_environment(), **(env or {})},
        cwd=cwd,
        timeout=100,
    )


def write_program(path: Path, body: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def tools_only(directory: Path, *names: str) -> str:
    """Return a PATH with nothing on it but the named programs of this machine."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        found = shutil.which(name)
        assert found, f"{name} is not on this machine"
        (directory / name).symlink_to(found)
    return str(directory)
