"""Redis and PostgreSQL for the contenders that need them, on the server's core like all else."""

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from benchmarks import proc
from benchmarks.contenders.contender import Service
from benchmarks.server import ServerError
from tests.services import PostgresServer, RedisServer


class DurablePostgres(PostgresServer):
    """As the tests have it, but with what it has committed on the disk."""

    def command(self) -> Sequence[str | Path]:
        """Return the command line without what the tests spare themselves."""
        spared = ("--fsync=", "--full_page_writes=")
        return [word for word in super().command() if not str(word).startswith(spared)]


class Services:
    """Started when first asked for, ended together. What each cell gets of them is empty."""

    def __init__(self, core: int) -> None:
        self._core = core
        self._running = ExitStack()
        self._redis: RedisServer | None = None
        self._postgres: DurablePostgres | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running.close()

    def address(self, service: Service) -> str:
        """Return the URL of an empty Redis or of an empty database.

        Raises ServerError where the program is not on this machine.
        """
        try:
            with proc.on_core(self._core):
                return self._start_redis() if service == "redis" else self._start_postgres()
        except pytest.skip.Exception as reason:  # so say the tests' services that they are missing
            raise ServerError(str(reason)) from None

    def _start_redis(self) -> str:
        if self._redis is None:
            self._redis = self._running.enter_context(RedisServer())
        self._redis.execute("FLUSHALL")
        return self._redis.url

    def _start_postgres(self) -> str:
        if self._postgres is None:
            self._postgres = self._running.enter_context(DurablePostgres())
        return self._postgres.create_database()

    def cpu_seconds(self, needs: Collection[Service]) -> float:
        """Return the processor time that those have used so far: another's go on running."""
        running: dict[Service, RedisServer | DurablePostgres | None]
        running = {"redis": self._redis, "postgres": self._postgres}
        found = [running[service] for service in needs]
        return sum(proc.cpu_seconds(service.pid) for service in found if service is not None)
