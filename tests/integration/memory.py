"""How much memory a process has."""

import os
from pathlib import Path

import pytest


def resident(pid: int) -> int:
    """The bytes of a process that are in memory. Skips the test where the system does not say."""
    statm = Path(f"/proc/{pid}/statm")
    if not statm.exists():
        pytest.skip("only Linux tells a process's memory in /proc")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
