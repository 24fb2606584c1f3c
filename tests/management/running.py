"""``manage.py`` commands that run while a test looks on, at pipes or at a terminal."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.programs import ROOT
from tests.servers import site_environment

PATIENCE = 60.0
"""Seconds until a test that waits for output gives up."""


class Running:
    """A command and what it has printed."""

    def __init__(self, process: subprocess.Popen[bytes], output: int, typing: int) -> None:
        self.process = process
        self._typing: int | None = typing
        self._printed = b""
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, args=[output], daemon=True)
        self._reader.start()

    def _read(self, output: int) -> None:
        while True:
            try:
                data = os.read(output, 65_536)
            except OSError:  # a terminal whose program has ended
                data = b""
            with self._news:
                self._printed += data
                self._news.notify_all()
            if not data:
                return

    @property
    def printed(self) -> str:
        """Standard output so far; at a terminal, all that it was sent."""
        return self._printed.decode(errors="replace")

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON lines so far."""
        return [json.loads(line) for line in self.printed.split("\n")[:-1]]

    def texts(self) -> list[str]:
        """The texts of the messages among them."""
        return [event["text"] for event in self.events if event["type"] == "message"]

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until ``condition`` holds after something was printed."""
        with self._news:
            met = self._news.wait_for(condition, PATIENCE)
        assert met, f"no {what} in {self.printed!r}"

    def sees(self, pattern: str) -> None:
        """Wait until what was printed has a match of ``pattern``."""
        self.until(lambda: re.search(pattern, self.printed), pattern)

    def type(self, text: str) -> None:
        """Send to its standard input."""
        assert self._typing is not None, "its input has ended"
        os.write(self._typing, text.encode())

    def end_input(self) -> None:
        """Close its standard input, which is a pipe."""
        if self._typing is not None:
            os.close(self._typing)
            self._typing = None

    def ended(self) -> int:
        """Wait for it; its exit status."""
        return self.process.wait(PATIENCE)

    def errors(self) -> str:
        """Standard error, once it has ended."""
        assert self.process.stderr is not None, "started at pipes"
        return self.process.stderr.read().decode()

    def close(self) -> None:
        """Leave nothing behind but what it reads from and prints to."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()

    def read_to_the_end(self) -> None:
        """Wait until all that it printed is here."""
        self._reader.join(PATIENCE)


@contextmanager
def piped(*arguments: str, env: Mapping[str, str]) -> Iterator[Running]:
    """Run ``manage.py`` between pipes."""
    reading, writing = os.pipe()
    output, printing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, ROOT / "manage.py", *arguments],
        stdin=reading,
        stdout=printing,
        stderr=subprocess.PIPE,
        env=site_environment(env),
    )
    os.close(reading)
    os.close(printing)
    running = Running(process, output, writing)
    try:
        yield running
    finally:
        running.close()
        running.read_to_the_end()
        running.end_input()
        os.close(output)


@contextmanager
def at_terminal(*arguments: str, env: Mapping[str, str]) -> Iterator[tuple[Running, int]]:
    """Run ``manage.py`` at a terminal of 80 columns; the terminal comes along."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, ROOT / "manage.py", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**site_environment(env), "TERM": "xterm", "COLUMNS": "80"},
        start_new_session=True,
    )
    running = Running(process, ours, ours)
    try:
        yield running, theirs
    finally:
        running.close()
        os.close(theirs)
        running.read_to_the_end()
        os.close(ours)
