"""Private Redis and PostgreSQL servers for tests, started when a test asks for one.

Fixtures: ``redis_server`` and ``postgres_server`` are shared by the whole run, ``own_redis`` is a
test's own, to stop and kill as it likes, and ``postgres_database`` is the URL of a new database.
"""

import itertools
import os
import pwd
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
import redis

from tests.programs import Program, bare_environment, find_program

POSTGRES_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
)


class RedisServer(Program):
    """A Redis server that keeps everything in memory, and forgets it when it stops."""

    attempts = 20

    def __init__(self, *, port: int | None = None) -> None:
        self._program = find_program("redis-server")
        super().__init__(port=port)

    @property
    def url(self) -> str:
        """What ``REDIS_URL`` would be."""
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> Sequence[str | Path]:
        """Return a command line that needs no configuration file."""
        options = {"bind": "127.0.0.1", "port": self.port, "dir": self.directory}
        options |= {"save": "", "appendonly": "no", "daemonize": "no"}
        return [
            self._program,
            *(str(part) for name in options for part in (f"--{name}", options[name])),
        ]

    def answers(self) -> bool:
        """Return whether a PING is answered."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def execute(self, *command: str | int) -> Any:
        """Run one Redis command, such as ``execute("CLIENT", "KILL", "TYPE", "pubsub")``."""
        with redis.Redis.from_url(self.url) as client:
            return client.execute_command(*command)


class PostgresServer(Program):
    """A PostgreSQL cluster of its own, trusting every local connection.

    It writes to disk without waiting for the disk: what it has committed survives a crash of its
    process, as tests of durability need, and would only be lost with the machine.
    """

    attempts = 20  # After a kill, the server's children take a moment to notice.
    stop_signal = signal.SIGINT  # SIGTERM would wait until every client has left of its own accord.

    def __init__(self, *, port: int | None = None) -> None:
        self._initdb = find_program("initdb", *POSTGRES_PLACES)
        self._postgres = find_program("postgres", *POSTGRES_PLACES)
        super().__init__(port=port)
        self.account = _unprivileged_account()
        self._data = self.directory / "data"
        self._names = (f"chat{number}" for number in itertools.count(1))

    @property
    def url(self) -> str:
        """What ``DATABASE_URL`` would be: the first database, where tests leave nothing."""
        return self._url("postgres")

    def _url(self, name: str) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{name}"

    def start(self) -> Self:
        """Start the server; the first time, make its cluster."""
        if not self._data.exists():
            if self.account is not None:
                os.chown(self.directory, self.account.pw_uid, self.account.pw_gid)
            self._make_cluster()
        return super().start()

    def _make_cluster(self) -> None:
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
        subprocess.run(
            [self._initdb, "--pgdata", self._data, "--no-sync", *options],
            check=True,
            capture_output=True,
            env=self.environment(),
            cwd=self.directory,
            user=self.account and self.account.pw_uid,
            group=self.account and self.account.pw_gid,
            extra_groups=self.account and [],
        )

    def environment(self) -> dict[str, str]:
        """Return an environment without the PG... variables of whoever runs the tests."""
        return {**bare_environment(), "LC_ALL": "C"}

    def command(self) -> Sequence[str | Path]:
        """Return a command line with all that differs from the defaults."""
        options = {"listen_addresses": "127.0.0.1", "port": self.port, "max_connections": 200}
        options |= {
            "unix_socket_directories": self.directory,
            "fsync": "off",
            "full_page_writes": "off",
        }
        return [
            self._postgres,
            "-D",
            self._data,
            *(f"--{name}={options[name]}" for name in options),
        ]

    def answers(self) -> bool:
        """Return whether a client can connect."""
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def execute(self, statement: str) -> list[Any]:
        """Run one statement outside any transaction, in the first database; return its rows."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def create_database(self) -> str:
        """Make a new empty database and return its URL."""
        name = next(self._names)
        self.execute(f'CREATE DATABASE "{name}"')
        return self._url(name)

    def drop_database(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')


def _unprivileged_account() -> pwd.struct_passwd | None:
    """Return whom PostgreSQL, which refuses to run as root, is to run as when the tests do."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis shared by the run: a test that leaves keys behind gives them names of its own."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis for this test alone: empty, and free to be stopped, killed, flushed."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL shared by the run; ``postgres_database`` starts it anew if a test stopped it."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a new empty database, on a server that runs even if an earlier test stopped it."""
    postgres_server.start()
    url = postgres_server.create_database()
    yield url
    postgres_server.start()
    postgres_server.drop_database(url)
