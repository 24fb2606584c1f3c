"""Real daphne and uvicorn processes that serve the site, as it is deployed.

The fixture ``serve`` starts them: ``serve()``, ``serve("uvicorn", env={"REDIS_URL": url})``.
"""

import http.client
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

import pytest

from tests.programs import ROOT, Program, bare_environment

ServerKind = Literal["daphne", "uvicorn"]

APPLICATION = "project.asgi:application"


class SiteServer(Program):
    """One process of the site.

    ``env`` holds the site's variables and should name a database that is migrated already. The
    ``options`` come after those of the documentation.
    """

    def __init__(
        self,
        kind: ServerKind = "daphne",
        *,
        env: Mapping[str, str],
        port: int | None = None,
        application: str = APPLICATION,
        options: Sequence[str] = (),
    ) -> None:
        super().__init__(port=port)
        self.kind = kind
        self.application = application
        self.options = options
        self.env = dict(env)
        self._shell: subprocess.Popen[str] | None = None
        self._shell_lock = threading.Lock()

    @property
    def url(self) -> str:
        """The site's address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """The address of its WebSocket."""
        return f"ws://127.0.0.1:{self.port}/ws"

    def command(self) -> Sequence[str | Path]:
        """Return the command line that the documentation gives."""
        if self.kind == "daphne":
            endpoint = f"tcp:port={self.port}:interface=127.0.0.1:backlog=8192"
            command = [sys.executable, "-m", "daphne", "-e", endpoint]
            return [*command, "--websocket_connect_timeout", "30", *self.options, self.application]
        command = [sys.executable, "-m", "uvicorn", self.application, "--ws", "websockets-sansio"]
        command += ["--host", "127.0.0.1", "--port", str(self.port), "--backlog", "8192"]
        return [
            *command,
            "--loop",
            "uvloop",
            "--lifespan",
            "off",
            "--no-access-log",
            "--ws-max-size",
            "1048576",
            "--ws-per-message-deflate",
            "false",
            *self.options,
        ]

    def environment(self) -> Mapping[str, str]:
        """Return the environment of the server, and of ``manage.py`` for it."""
        return site_environment(self.env)

    def answers(self) -> bool:
        """Return whether the health check says that the site is live."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthcheck")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def manage(self, *arguments: str) -> str:
        """Run ``manage.py`` with the server's settings and return what it printed."""
        return manage(*arguments, env=self.env)

    def run(self, code: str) -> str:
        """Run Python with the server's settings, and return what it printed.

        It is by itself each time, but in a process that stays, where ``manage("shell", …)`` takes
        a second to start one. Raises ``AssertionError`` where it fails.
        """
        with self._shell_lock:
            answer = self._ask_shell(code)
        assert answer, f"the shell ended: {(self.directory / 'shell.log').read_text()[-4000:]}"
        printed, failure = json.loads(answer)
        assert not failure, f"{code}\nfailed:\n{failure}"
        return str(printed)

    def _ask_shell(self, code: str) -> str:
        if self._shell is None:
            environment = {"DJANGO_SETTINGS_MODULE": "project.settings", **self.environment()}
            with (self.directory / "shell.log").open("ab") as log:
                self._shell = subprocess.Popen(
                    [sys.executable, "-m", "tests.shell"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    env=environment,
                    cwd=ROOT,
                )
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(json.dumps(code) + "\n")
        self._shell.stdin.flush()
        return self._shell.stdout.readline()

    def close(self) -> None:
        """End the server, and the process that ran code for it."""
        if self._shell is not None:
            self._shell.communicate()  # without input it ends by itself
            self._shell = None
        super().close()


def manage(*arguments: str, env: Mapping[str, str]) -> str:
    """Run ``manage.py`` with the site's variables in ``env`` and return what it printed."""
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", *arguments],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=site_environment(env),
        timeout=120,
    )
    assert done.returncode == 0, f"manage.py {' '.join(arguments)} failed:\n{done.stdout}"
    return done.stdout


def site_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of one of the site's processes: nobody's variables but ``env``."""
    return {**bare_environment(), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **env}


class Serve(Protocol):
    """What the fixture ``serve`` is."""

    def __call__(
        self,
        kind: ServerKind = "daphne",
        *,
        env: Mapping[str, str] | None = None,
        port: int | None = None,
        application: str = APPLICATION,
        options: Sequence[str] = (),
    ) -> SiteServer:
        """Start a server and return it when the site is live.

        All servers of one test share an SQLite database, unless ``env`` has a ``DATABASE_URL``,
        which is migrated first. The rest of ``env`` are the site's variables.
        """


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file with nothing in it, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "db.sqlite3"
    manage("migrate", "--verbosity=0", env={"DATABASE_URL": f"sqlite:///{path}"})
    return path


@pytest.fixture
def serve(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Serve]:
    """Starts servers of the site, and ends them with the test, whose report then has their logs."""
    yield from serving(tmp_path, request)


@pytest.fixture(scope="module")
def serve_module(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Serve]:
    """The same for servers that the tests of a module share."""
    yield from serving(tmp_path_factory.mktemp("site"), request)


def serving(directory: Path, request: pytest.FixtureRequest) -> Iterator[Serve]:
    """Yield what starts servers, with their SQLite database in ``directory``; then end them all."""
    servers: list[SiteServer] = []
    sqlite = f"sqlite:///{directory / 'db.sqlite3'}"
    migrated: set[str] = set()

    def start(
        kind: ServerKind = "daphne",
        *,
        env: Mapping[str, str] | None = None,
        port: int | None = None,
        application: str = APPLICATION,
        options: Sequence[str] = (),
    ) -> SiteServer:
        site = {"DATABASE_URL": sqlite, **(env or {})}
        database = site["DATABASE_URL"]
        if database not in migrated:
            if database == sqlite:
                shutil.copy(request.getfixturevalue("migrated_sqlite"), directory / "db.sqlite3")
            else:
                manage("migrate", "--verbosity=0", env=site)
            migrated.add(database)
        server = SiteServer(kind, env=site, port=port, application=application, options=options)
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        # pytest shows this only if the test failed.
        print(f"--- log of {server.kind}, port {server.port}\n{server.log[-20_000:]}")
        server.close()
