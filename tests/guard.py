"""A process that outlives the test run just long enough to clean up after it.

It reads what to clean up from its standard input, and does so when that ends: which happens however
the test run ends, be it by SIGKILL. Run by ``tests.programs``, on the standard library alone.

Lines: ``watch PID``, ``forget PID`` (a process group), ``remove DIRECTORY``.
"""

import contextlib
import os
import shutil
import signal
import sys


def main() -> None:
    """Note down until the input ends, then kill and remove."""
    groups: set[int] = set()
    directories: list[str] = []
    for line in sys.stdin:
        word, _, argument = line.rstrip("\n").partition(" ")
        match word:
            case "watch":
                groups.add(int(argument))
            case "forget":
                groups.discard(int(argument))
            case "remove":
                directories.append(argument)
    for group in groups:
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(group, signal.SIGKILL)
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
