"""Every contender, every measure, and the documentation of what came of it: `make bench`."""

import argparse
import asyncio
import resource
import signal
import sys
import time
from collections.abc import Sequence

from benchmarks import report, suite
from benchmarks.contenders import registry
from benchmarks.exclusive import exclusive
from benchmarks.results import RESULTS, Results
from benchmarks.stage import Cores, settle

_INTERRUPTED = "interrupted: what was measured so far is on file, and the same command goes on"


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="rough figures in five minutes, kept apart")
    add("--fresh", action="store_true", help="measure also what is on file already")
    add("--measures", nargs="+", default=[], metavar="M2", help="only these")
    add("--contenders", nargs="+", default=[], metavar="NAME", help="only these: hub-*")
    add("--seed", type=int, default=1, help="of masks, handshake keys and padding")
    add("--server-core", type=int, default=0)
    add("--generator-core", type=int, default=1)
    add("--list", action="store_true", help="say what would be measured")
    add("--report", action="store_true", help="measure nothing; write tables and plots anew")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for and write the results. Return 1 if anything went wrong."""
    chosen = options(arguments)
    cells = suite.plan(chosen.quick, chosen.measures, chosen.contenders)
    if chosen.list:
        print("\n".join(cell.name for cell in cells))
        return 0
    results = Results(RESULTS / report.QUICK if chosen.quick else report.FULL)
    everyone = registry.contenders()
    faulty = 0
    if not chosen.report:
        signal.signal(signal.SIGTERM, terminate)
        settle(chosen.generator_core)
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        cores = Cores(chosen.server_core, chosen.generator_core)
        with exclusive(_say):
            faulty = suite.run(cells, everyone, results, cores, chosen.seed, _say, chosen.fresh)
    print(report.write(results, everyone))
    return int(faulty > 0)


def terminate(*_: object) -> None:
    """End, as SIGTERM asks for: by way of the context managers that end the servers.

    Within a loop as a cancellation: an exception would be taken for a fault of the connection whose
    data were being read.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        sys.exit(_INTERRUPTED)
    for task in asyncio.all_tasks(loop):
        loop.call_soon_threadsafe(task.cancel)


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(_INTERRUPTED)
