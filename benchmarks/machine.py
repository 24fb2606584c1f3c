"""What the figures were measured with."""

import json
import os
import platform
import sqlite3
import subprocess
from importlib import metadata
from pathlib import Path

from benchmarks.server import ROOT

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


def describe() -> dict[str, object]:
    """Return processor, system and versions, fit for the raw data."""
    return {
        "cpu": _first_field("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory": _first_field("/proc/meminfo", "MemTotal"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "node": _says("node", "--version"),
        "redis": _says("redis-server", "--version"),
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


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def commit() -> str | None:
    """Return the commit that is measured, `-dirty` where it is not quite that."""
    return _says("git", "describe", "--always", "--dirty", "--abbrev=12")


def _says(*command: str) -> str | None:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
