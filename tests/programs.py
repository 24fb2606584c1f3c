"""Real server programs that run while tests need them, each with its own port and directory."""

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, NoReturn, Self

import pytest

ROOT = Path(__file__).resolve().parent.parent


class DidNotStart(Exception):
    """A program ended, or stayed silent, instead of answering; the message ends with its log."""


class Program(ABC):
    """A server program on 127.0.0.1; subclasses say how it is started and whether it answers.

    Nothing runs before ``start()``. A program survives neither ``close()`` nor the end of the test
    run, whatever that end may be. The port stays the same over restarts.
    """

    stop_signal = signal.SIGTERM
    attempts = 1
    """How often to try: more than once where a predecessor may be in the way for a moment."""
    start_seconds = 90.0
    stop_seconds = 15.0

    def __init__(self, *, port: int | None = None) -> None:
        self.port = port or free_port()
        self.directory = temporary_directory()
        self._log_path = self.directory / "log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str | Path]:
        """Return the command line that starts the program in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Return whether the program does its work by now."""

    def environment(self) -> Mapping[str, str]:
        """Return the program's whole environment."""
        return bare_environment()

    account: pwd.struct_passwd | None = None
    """Whom the program runs as; None for whoever runs the tests."""

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The running process's number."""
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def log(self) -> str:
        """All that the program has written so far, over all its starts."""
        return self._log_path.read_text(errors="replace") if self._log_path.exists() else ""

    def start(self) -> Self:
        """Start the program, if it is not running, and wait until it answers."""
        for attempt in range(self.attempts):
            if self.running:
                return self
            if attempt:
                time.sleep(0.25)
            if self._start_once():
                return self
        raise DidNotStart(f"{type(self).__name__} did not start. Its log ends:\n{self.log[-4000:]}")

    def _start_once(self) -> bool:
        self.kill()  # what is left of one that ended by itself
        with self._log_path.open("ab") as log:
            self._process = spawn(
                self.command(),
                log=log,
                env=self.environment(),
                cwd=self.directory,
                account=self.account,
            )
        deadline = time.monotonic() + self.start_seconds
        while self.running and time.monotonic() < deadline:
            if self.answers():
                return True
            time.sleep(0.02)
        self.kill()
        return False

    def stop(self) -> int:
        """Ask the program to stop, wait until it has, and return its exit status.

        Raises ``subprocess.TimeoutExpired``, having killed it, when it does not.
        """
        assert self._process is not None, "not started, or killed"
        if self.running:
            self._process.send_signal(self.stop_signal)
        try:
            return self._process.wait(self.stop_seconds)
        finally:
            self.kill()

    def kill(self) -> None:
        """End the program as a crash would: at once, with no chance to tidy up."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        tell_guard("forget", self._process.pid)
        self._process = None

    def restart(self) -> Self:
        """Stop and start again, on the same port."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """Stop for good, however it goes, and leave nothing behind."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()


def spawn(
    command: Sequence[str | Path],
    *,
    log: IO[bytes],
    env: Mapping[str, str],
    cwd: Path,
    account: pwd.struct_passwd | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in a group of its own, which is killed when the test run ends."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=env,
        cwd=cwd,
        user=account and account.pw_uid,
        group=account and account.pw_gid,
        extra_groups=account and [],
        # Ctrl-C in a terminal goes to the tests alone, which then stop what they started.
        start_new_session=True,
    )
    tell_guard("watch", process.pid)
    return process


def temporary_directory() -> Path:
    """Return a new directory that is gone after the test run.

    Its path is short, as the socket of a PostgreSQL server has to fit into 107 bytes.
    """
    directory = Path(tempfile.mkdtemp(prefix="chat-"))
    tell_guard("remove", directory)
    return directory


def tell_guard(word: str, argument: object) -> None:
    """Hand a line to the process of ``tests/guard.py``."""
    stdin = _guard().stdin
    assert stdin is not None, "started with a pipe"
    stdin.write(f"{word} {argument}\n".encode())
    stdin.flush()


@cache
def _guard() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", Path(__file__).with_name("guard.py")],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


_ports_given: set[int] = set()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on.

    It lies below the range from which systems pick the ports of outgoing connections, lest one of
    those take it while its server is being restarted. It is nobody else's either whose server is
    not up yet: no port comes twice, and each of the processes that the tests run in has its own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    while True:
        port = random.randrange(15_000 + worker, 32_000, 8)
        if port in _ports_given:
            continue
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue  # taken; there are plenty
        _ports_given.add(port)
        return port


def bare_environment() -> dict[str, str]:
    """Return what any program wants from this one's environment, and nothing that configures it."""
    wanted = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
    return {name: os.environ[name] for name in wanted if name in os.environ}


def find_program(name: str, *places: str) -> Path:
    """Return the path of an installed program; ``places`` are patterns of further directories.

    Where there is none the test is skipped, and on CI, which has to have everything, failed.
    """
    everywhere = os.pathsep.join(
        [os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"]
    )
    found = shutil.which(name, path=everywhere)
    if found is not None:
        return Path(found)
    for place in places:
        # The newest version, as far as directories are named after one.
        hits = sorted(
            Path("/").glob(f"{place.lstrip('/')}/{name}"), key=lambda hit: (len(str(hit)), hit)
        )
        if hits:
            return hits[-1]
    return missing(f"{name} is not on this machine (`make test` installs it where it may)")


def missing(reason: str) -> NoReturn:
    """Skip the test for want of something; on CI, which has to have everything, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
