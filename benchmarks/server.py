"""A server under measurement: started fresh, pinned, watched through /proc, ended for sure."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parent.parent

_TICKS = os.sysconf("SC_CLK_TCK")
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class ServerError(Exception):
    """The server did not start or did not stay; what it wrote says why."""


def free_port() -> int:
    """Return a port nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Server:
    """A context manager around one server process and those it starts.

    `command` and `prepare` are argument lists; a first argument `python` means this interpreter.
    """

    def __init__(
        self,
        command: Sequence[str],
        prepare: Sequence[Sequence[str]],
        environment: dict[str, str],
        port: int,
        core: int,
        log: Path,
    ) -> None:
        self._command = _with_interpreter(command)
        self._prepare = [_with_interpreter(step) for step in prepare]
        # What a process needs to run at all: settings of the person's shell must not take part.
        inherited = {n: os.environ[n] for n in ("PATH", "HOME", "LANG") if n in os.environ}
        self._environment = inherited | environment
        self._core = core
        self._log = log
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            for step in self._prepare:
                done = subprocess.run(
                    step, cwd=ROOT, env=self._environment, stdout=log, stderr=log, check=False
                )
                if done.returncode:
                    raise ServerError(f"`{' '.join(step[1:])}` failed")
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Of its own, so that an interrupt from the keyboard reaches the runner alone,
                # and whatever the server starts can be ended with it.
                start_new_session=True,
                preexec_fn=self._settle,  # noqa: PLW1509 - the runner has no threads
            )
        try:
            self._await_port(60)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _settle(self) -> None:
        # Runs in the child: ends with the runner, even when that is killed.
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.sched_setaffinity(0, {self._core})

    def _await_port(self, patience: float) -> None:
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if not self.alive():
                raise ServerError("ended while starting")
            with socket.socket() as probe:
                if probe.connect_ex((HOST, self.port)) == 0:
                    return
            time.sleep(0.05)
        raise ServerError(f"not listening after {patience:.0f} s")

    @property
    def pid(self) -> int:
        """The process that was started."""
        assert self._process is not None, "the server is running"
        return self._process.pid

    def alive(self) -> bool:
        """Say whether the process still runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End the process and all it started: politely, and after 5 s not."""
        if self._process is None:
            return
        for how, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
            try:
                os.killpg(self._process.pid, how)
                self._process.wait(patience)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self._process.wait()

    def last_words(self) -> str:
        """Return the end of what the server wrote."""
        if not self._log.exists():
            return ""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-12:])

    def cpu_seconds(self) -> float:
        """Return the processor time used so far, by all threads and child processes."""
        return sum(_cpu_seconds(pid) for pid in _family(self.pid))

    def memory(self) -> int:
        """Return the bytes of memory the process and its children have written to.

        Not what they share with files: that share of theirs changes with every other process that
        maps the same libraries.
        """
        return sum(_memory(pid) for pid in _family(self.pid))


def _with_interpreter(command: Sequence[str]) -> list[str]:
    return [sys.executable if command[0] == "python" else command[0], *command[1:]]


def _family(pid: int) -> list[int]:
    family = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            family.extend(_family(int(child)))
    return family


def _cpu_seconds(pid: int) -> float:
    # The name in parentheses may hold spaces; utime and stime are fields 14 and 15 of proc(5).
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1]) * 1024
    raise ServerError(f"no Pss_Anon for process {pid}")


def core_seconds(core: int) -> float:
    """Return the time this core has spent in processes, whoever's, since boot.

    Interrupts are left out: they are nobody's.
    """
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system = line.split()[1:4]
            return (int(user) + int(nice) + int(system)) / _TICKS
    raise ServerError(f"there is no core {core}")
