"""A server under measurement: started fresh, watched, ended for sure."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import proc

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parent.parent

_START_PATIENCE = 60.0


class ServerError(Exception):
    """A server did not start or did not stay; the message ends with what it wrote."""


def free_port() -> int:
    """Return a port nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Server:
    """One process, and those it starts. A first word `python` means this interpreter."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], port: int, log: Path
    ) -> None:
        self._command = with_interpreter(command)
        self._environment = {**bare_environment(), **environment}
        self._log = log
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        """Start the process and do not wait for it."""
        with self._log.open("ab") as log:
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
                preexec_fn=proc.end_with_parent,  # noqa: PLW1509 - the runner has no threads
            )

    def start(self) -> None:
        """Start the process and wait until it listens. Raises ServerError when it does not."""
        self.spawn()
        end = time.monotonic() + _START_PATIENCE
        while time.monotonic() < end:
            if not self.alive():
                raise ServerError(f"ended while starting\n{self.last_words()}")
            if self.listens():
                return
            time.sleep(0.05)
        raise ServerError(f"not listening after {_START_PATIENCE:.0f} s\n{self.last_words()}")

    @property
    def pid(self) -> int:
        """The process that was started."""
        assert self._process is not None, "the server is running"
        return self._process.pid

    def alive(self) -> bool:
        """Say whether the process still runs."""
        return self._process is not None and self._process.poll() is None

    def listens(self) -> bool:
        """Say whether the server takes connections by now."""
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0

    def kill(self) -> None:
        """End the process as a crash would."""
        self._end(signal.SIGKILL, 5.0)

    def stop(self) -> None:
        """End the process and all it started: politely, and after 5 s not."""
        for how in (signal.SIGTERM, signal.SIGKILL):
            self._end(how, 5.0)

    def _end(self, how: signal.Signals, patience: float) -> None:
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, how)
            self._process.wait(patience)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            return

    def last_words(self) -> str:
        """Return the end of what the server wrote."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-12:])


def run(command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
    """Run a command to its end. Raises ServerError when it fails."""
    words = with_interpreter(command)
    with log.open("ab") as output:
        done = subprocess.run(
            words,
            cwd=ROOT,
            env={**bare_environment(), **environment},
            stdout=output,
            stderr=output,
            check=False,
        )
    if done.returncode:
        said = log.read_text(errors="replace")[-2000:]
        raise ServerError(f"`{' '.join(words[1:])}` failed\n{said}")


def bare_environment() -> dict[str, str]:
    """Return what a process needs to run at all: settings of a person's shell take no part."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


def with_interpreter(command: Sequence[str]) -> list[str]:
    """Return the command with this Python in place of the word `python`."""
    return [sys.executable if command[0] == "python" else command[0], *command[1:]]
