"""How much memory a process has."""

import os
from pathlib import Path

import pytest

GROWN_MOST = 40 * 2**20
"""Bytes a server may grow by while some do not read: it grows by less than half of it.

With nothing that bounds what is unread, daphne grows by twice as much; uvicorn itself has a bound.
"""


def resident(pid: int) -> int:
    """The bytes of a process that are in memory. Skips the test where the system does not say."""
    statm = Path(f"/proc/{pid}/statm")
    if not statm.exists():
        pytest.skip("only Linux tells a process's memory in /proc")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
