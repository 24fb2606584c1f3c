import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets import InvalidStatus, Origin
from websockets.sync.client import connect

from tests.programs import ROOT, free_port, spawn
from tests.servers import site_environment

SCRIPT = ROOT / "scripts" / "serve.py"


class Serving:
    """``scripts/serve.py`` started with some variables: what it printed, and how to end it."""

    def __init__(self, directory: Path, **env: str) -> None:
        self.printed = directory / "printed"
        env.setdefault("DATABASE_URL", f"sqlite:///{directory / 'db.sqlite3'}")
        with self.printed.open("wb") as log:
            self.process = spawn(
                [sys.executable, SCRIPT], log=log, env=site_environment(env), cwd=directory
            )

    def status_of(self, path: str, *, host: str, port: int) -> int:
        """Return the HTTP status of a page, waiting for the server to come up."""
        deadline = time.monotonic() + 30
        while True:
            connection = http.client.HTTPConnection(host, port, timeout=10)
            try:
                connection.request("GET", path)
                return connection.getresponse().status
            except OSError:
                assert self.process.poll() is None, self.text()
                assert time.monotonic() < deadline, self.text()
                time.sleep(0.05)
            finally:
                connection.close()

    def exit_status(self) -> int:
        """Return the status that it ends with by itself."""
        return self.process.wait(30)

    def text(self) -> str:
        """Return what was printed so far."""
        return self.printed.read_text()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Serving]]:
    """A list for what a test starts, which is ended with the test."""
    servings: list[Serving] = []
    yield servings
    for serving in servings:
        if serving.process.poll() is None:
            os.killpg(serving.process.pid, signal.SIGKILL)
        serving.process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_site_is_served_until_a_signal_stops_it(
    tmp_path: Path, started: list[Serving], number: signal.Signals
) -> None:
    port = free_port()
    serving = Serving(tmp_path, PORT=str(port))
    started.append(serving)
    assert serving.status_of("/healthcheck", host="127.0.0.1", port=port) == 200
    assert serving.status_of("/admin/login/", host="127.0.0.1", port=port) == 200
    assert serving.status_of("/static/admin/css/base.css", host="127.0.0.1", port=port) == 200
    serving.process.send_signal(number)
    assert serving.exit_status() == 0
    said = serving.text()
    assert f"http://127.0.0.1:{port}/admin/" in said
    assert f"ws://127.0.0.1:{port}/ws" in said
    assert "manage.py createsuperuser" in said
    assert "Traceback" not in said


def test_log_has_a_line_for_what_happens_to_the_site_and_none_for_what_is_said_there(
    tmp_path: Path, started: list[Serving]
) -> None:
    port = free_port()
    serving = Serving(tmp_path, PORT=str(port))
    started.append(serving)

    def lines() -> list[str]:
        _, _, logged = serving.text().partition("Ctrl-C stops it.\n")
        return logged.splitlines()

    assert serving.status_of("/", host="127.0.0.1", port=port) == 200
    (listening,) = lines()
    assert listening.endswith(f"INFO daphne.server: Listening on TCP address 127.0.0.1:{port}")
    address = f"ws://127.0.0.1:{port}/ws"
    with connect(address) as client:
        client.send("hello")
        assert client.recv(decode=True).endswith(": hello")
        assert len(lines()) == 1
        with pytest.raises(InvalidStatus):
            connect(address, origin=Origin("http://elsewhere.example"))
        assert "refused a handshake" in lines()[1]
        assert len(lines()) == 2
        serving.process.send_signal(signal.SIGTERM)
        assert serving.exit_status() == 0
    assert "drained: 1 sessions" in lines()[2]
    assert len(lines()) <= 4  # daphne's own last word, where it has one
    assert all(" INFO " in line for line in lines())


@pytest.mark.parametrize(("host", "reached_at"), [("::1", "::1"), ("0.0.0.0", "127.0.0.1")])
def test_host_may_be_any_address_of_the_machine(
    tmp_path: Path, started: list[Serving], host: str, reached_at: str
) -> None:
    if ":" in host and not _has_ipv6():
        pytest.skip("no IPv6 on this machine")
    port = free_port()
    serving = Serving(tmp_path, HOST=host, PORT=str(port))
    started.append(serving)
    assert serving.status_of("/healthcheck", host=reached_at, port=port) == 200


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def test_port_that_is_taken_is_said_before_anything_is_done(
    tmp_path: Path, started: list[Serving]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        serving = Serving(tmp_path, PORT=str(port))
        started.append(serving)
        assert serving.exit_status() == 1
    assert f"Port {port} on 127.0.0.1 is taken" in serving.text()
    assert not (tmp_path / "db.sqlite3").exists()


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (
            {"PORT": "http"},
            "PORT='http' in the environment: expected a whole number from 1 to 65535",
        ),
        ({"PORT": "70000"}, "PORT='70000' in the environment: expected a whole number from 1"),
        ({"HOST": "192.0.2.7"}, "HOST=192.0.2.7 is not an address of this machine"),
        ({"DEBUG": "0"}, "DEBUG=0 needs a SECRET_KEY"),
        ({"DATABASE_URL": "sqlite:////nowhere/at/all.sqlite3"}, "The database cannot be used"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(
    tmp_path: Path, started: list[Serving], env: dict[str, str], message: str
) -> None:
    serving = Serving(tmp_path, **{"PORT": str(free_port())} | env)
    started.append(serving)
    assert serving.exit_status() == 1
    assert message in serving.text()
    assert "Traceback" not in serving.text()
