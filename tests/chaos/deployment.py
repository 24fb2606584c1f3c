"""A whole deployment: processes of the site, their Redis and database, and relays in between."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import quote

from tests.chaos.relay import Relay
from tests.integration.settings import overriding
from tests.programs import temporary_directory
from tests.servers import ServerKind, SiteServer, manage
from tests.services import PostgresServer, RedisServer

HEARTBEAT = 4.0
"""Seconds. Heads are compared each second; a client that is silent for ten is closed."""

DRAIN_SECONDS = 2.0

LAYER_CAPACITY = 25
"""Messages that the core layer holds for a process; its own default is 100."""

# What PostgreSQL allows a client that stands still in the middle of a transaction.
IDLE_SECONDS = 2


class Plan(NamedTuple):
    """What a deployment is made of."""

    kind: ServerKind
    layer: str
    """``core``, ``pubsub`` or ``none``."""
    database: str
    """``postgres`` or ``sqlite``."""
    processes: int = 2

    def __str__(self) -> str:
        return f"{self.processes} {self.kind}, {self.layer}, {self.database}"


class Process(SiteServer):
    """One process of the site, which can be made to fail where it hurts."""

    stop_seconds = 30.0

    @property
    def fault_file(self) -> Path:
        """Where its fault points look."""
        return self.directory / "fault"

    def environment(self) -> dict[str, str]:
        """Return the environment, with the place of the file."""
        return {**super().environment(), "FAULT_FILE": str(self.fault_file)}

    def arm(self, fault: str) -> None:
        """Let that fault happen when the process next comes by."""
        self.fault_file.write_text(fault)

    def disarm(self) -> None:
        """Let it happen no more."""
        self.fault_file.unlink(missing_ok=True)

    @property
    def stands_still(self) -> bool:
        """Whether it was stopped by a SIGSTOP, and not continued."""
        look = os.WSTOPPED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, look) is not None

    async def counts(self) -> dict[str, int]:
        """How many tasks, threads, sessions, rooms and bytes it has just now."""
        state = self.directory / "fault.state"
        state.unlink(missing_ok=True)
        self.signal(signal.SIGUSR1)
        async with asyncio.timeout(60):
            while not state.exists():
                await asyncio.sleep(0.01)
        counted: dict[str, int] = json.loads(state.read_text())
        return counted

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)


class Deployment:
    """Processes of one site that are one chat; clients come in by ``doors``, one for each."""

    def __init__(
        self, plan: Plan, postgres: PostgresServer | None = None, **environment: str
    ) -> None:
        self.plan = plan
        self.environment = environment
        """More for the environment of the processes."""
        self.redis: RedisServer | None = None
        self.redis_relay: Relay | None = None
        self.postgres = postgres
        self.postgres_relay: Relay | None = None
        self.processes: list[Process] = []
        self.doors: list[Relay] = []
        self.database = ""
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        env = overriding(
            HEARTBEAT=HEARTBEAT,
            DRAIN_SECONDS=DRAIN_SECONDS,
            POSTS_PER_SECOND=0,
            PRESENCE_LINGER=0.5,
        )
        env["DJANGO_SETTINGS_MODULE"] = "tests.chaos.settings"
        env["CHAT_SESSIONS_PER_ADDRESS"] = "0"
        env |= self.environment
        if self.plan.layer != "none":
            self.redis = stack.enter_context(RedisServer())
            self.redis_relay = stack.enter_context(Relay(self.redis.port))
            env["REDIS_URL"] = f"redis://127.0.0.1:{self.redis_relay.port}/0"
            env["CHANNEL_LAYER"] = self.plan.layer
            env["LAYER_CAPACITY"] = str(LAYER_CAPACITY)
        env["DATABASE_URL"] = self._start_database(stack)
        manage("migrate", "--verbosity=0", env=env)
        for _ in range(self.plan.processes):
            process = Process(self.plan.kind, env=env)
            stack.callback(process.close)
            self.processes.append(process.start())
            self.doors.append(stack.enter_context(Relay(process.port)))

    def _start_database(self, stack: ExitStack) -> str:
        if self.plan.database == "sqlite":
            self.database = f"sqlite:///{temporary_directory() / 'db.sqlite3'}"
            return self.database
        assert self.postgres is not None, "a plan with PostgreSQL wants one"
        self.postgres.start()
        self.database = self.postgres.create_database()
        stack.callback(self._drop_database)
        self.postgres_relay = stack.enter_context(Relay(self.postgres.port))
        by_relay = self.database.replace(f":{self.postgres.port}/", f":{self.postgres_relay.port}/")
        idle = quote(f"-c idle_in_transaction_session_timeout={IDLE_SECONDS}s")
        return f"{by_relay}?options={idle}"

    def _drop_database(self) -> None:
        assert self.postgres is not None, "it has made the database"
        self.postgres.start()
        self.postgres.drop_database(self.database)

    def homes(self) -> list[list[Relay]]:
        """For each process, the doors of those whose first choice it is: round and round."""
        return [self.doors[at:] + self.doors[:at] for at in range(len(self.doors))]

    def heal(self) -> None:
        """Undo whatever was done: all run, and all can talk to each other."""
        for process in self.processes:
            process.disarm()
            with contextlib.suppress(AssertionError, ProcessLookupError):
                process.signal(signal.SIGCONT)
        for relay in (self.redis_relay, self.postgres_relay, *self.doors):
            if relay is not None:
                relay.thaw()
                relay.mend()
        for program in itertools.chain(
            (each for each in (self.redis, self.postgres) if each is not None), self.processes
        ):
            program.start()

    @property
    def log(self) -> str:
        """What the processes had to say."""
        return "\n".join(
            f"--- log of {process.kind}, port {process.port}\n{process.log[-20_000:]}"
            for process in self.processes
        )
