"""What the kernel counts: processor time and memory of processes, and of the sockets' own."""

import ctypes
import os
import signal
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PR_SET_PDEATHSIG = 1
_ESTABLISHED = "01"
_libc = ctypes.CDLL(None)


def family(pid: int) -> list[int]:
    """Return a process and all it has started, as far as they run."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:  # a thread that has just ended
            continue
        for child in children:
            found.extend(family(int(child)))
    return found


def cpu_seconds(pid: int) -> float:
    """Return the processor time used so far, by all threads and children, also those ended."""
    return sum(_cpu_ticks(member) for member in family(pid)) / _TICKS


def _cpu_ticks(pid: int) -> int:
    # The name in parentheses may hold spaces. utime and stime are fields 14 and 15 of proc(5); the
    # two after them are those of children that were waited for.
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # has just ended
        return 0
    return sum(int(field) for field in fields[11:15])


def memory(pid: int) -> int:
    """Return the bytes of memory the process and its children have written to.

    Not what they share with files: that share of theirs changes with every other process that maps
    the same libraries.
    """
    return sum(_anonymous(member) for member in family(pid))


def _anonymous(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no Pss_Anon for process {pid}")


def kernel_memory() -> int:
    """Return the bytes the kernel holds for its own objects and for what waits in sockets.

    Of the whole machine: only what it grows by, while little else happens, says something.
    """
    total = 0
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("SUnreclaim:"):
            total += int(line.split()[1]) * 1024
    for line in Path("/proc/net/sockstat").read_text().splitlines():
        if line.startswith("TCP:"):
            total += int(line.split()[-1]) * _PAGE
    return total


def held_up(server_port: int, client_ports: Collection[int]) -> int:
    """Return how many of these connections to a server have something waiting to be sent to them.

    Those that the server has ended by itself included.
    """
    ready = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        # proc_net_tcp: number, local and remote address, state, what waits to be sent and read.
        _, local, remote, state, queues = line.split()[:5]
        ports = (int(local.rpartition(":")[2], 16), int(remote.rpartition(":")[2], 16))
        if ports[0] == server_port and ports[1] in client_ports:
            unsent = int(queues.partition(":")[0], 16)
            ready += state == _ESTABLISHED and not unsent
    return len(client_ports) - ready


def core_seconds(core: int) -> float:
    """Return the time this core has spent in processes since boot, or was taken away.

    In whoever's processes, and by the hypervisor for other machines than this. Interrupts are left
    out: they are nobody's.
    """
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            # proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal, ...
            fields = [int(field) for field in line.split()[1:9]]
            return (sum(fields[:3]) + fields[7]) / _TICKS
    raise ValueError(f"there is no core {core}")


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Keep this process, and for good what it starts meanwhile, to one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def end_with_parent() -> None:
    """Have the process that calls this end with the one that started it, even if that is killed."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
