"""What the figures were measured with."""

import json
import os
import platform
import re
import sqlite3
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from benchmarks.server import ROOT
from tests.programs import find_program
from tests.services import POSTGRES_PLACES

_PACKAGES = (
    "django",
    "channels",
    "channels-redis",
    "daphne",
    "twisted",
    "autobahn",
    "uvicorn",
    "websockets",
    "uvloop",
    "msgspec",
    "redis",
    "psycopg",
    "python-socketio",
)

# What is not measured: it makes the commit that is measured no other.
_BESIDE = ("benchmarks/results", "tests", "*.md", "*.png", "*.svg")


def describe() -> dict[str, Any]:
    """Return processor, system and versions, fit for the raw data."""
    return {
        "cpu": _first_field("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory": _first_field("/proc/meminfo", "MemTotal"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "node": _says("node", "--version"),
        "redis": _program("redis-server"),
        "postgres": _program("postgres"),
        "packages": {name: _version(name) for name in _PACKAGES},
        "node_packages": _node_packages(),
    }


def _first_field(path: str, name: str) -> str | None:
    for line in Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return None


def _node_packages() -> dict[str, str]:
    package = ROOT / "benchmarks" / "contenders" / "node" / "package.json"
    pinned: dict[str, str] = json.loads(package.read_text())["devDependencies"]
    return pinned


def _program(name: str) -> str | None:
    """Return the version of Redis or PostgreSQL as the services find it."""
    try:
        said = _says(str(find_program(name, *POSTGRES_PLACES)), "--version") or ""
    except pytest.skip.Exception:  # so say the tests' helpers that it is missing
        return None
    found = re.search(r"\d+(\.\d+)+", said)
    return found and found[0]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def commit(root: Path = ROOT) -> str | None:
    """Return the last commit of what is measured, `-dirty` where the code is not quite that."""
    code = ["--", ".", *(f":(exclude){path}" for path in _BESIDE)]
    known = _says("git", "log", "-1", "--format=%h", "--abbrev=12", *code, at=root)
    changed = _says("git", "status", "--porcelain", "-uno", *code, at=root)
    return f"{known}-dirty" if known and changed else known


def _says(*command: str, at: Path = ROOT) -> str | None:
    try:
        done = subprocess.run(command, cwd=at, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def in_words(machine: dict[str, Any]) -> str:
    """Return what was described, for people."""
    packages = machine["packages"] | machine["node_packages"]
    versions = ", ".join(f"{name} {version}" for name, version in packages.items())
    return (
        f"{machine['cores']} cores of {machine['cpu']}, {machine['system']}, "
        f"Python {machine['python']}, SQLite {machine['sqlite']}, "
        f"PostgreSQL {machine['postgres'] or '(none)'}, Redis {machine['redis'] or '(none)'}, "
        f"node {machine['node'] or '(none)'}; {versions}"
    )
