"""One contender, running: what a measure is given to work with."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import proc
from benchmarks.contenders.contender import Contender
from benchmarks.server import HOST, Server, free_port, run
from benchmarks.services import Services
from chat.load.crowd import Crowd


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core is whose: the contender with its services, and the generator."""

    server: int
    generator: int


@dataclass(slots=True)
class Stage:
    """The processes of one contender, and the crowds before them."""

    contender: Contender
    servers: list[Server]
    services: Services
    cores: Cores
    seed: int
    folder: Path

    def crowd(
        self,
        rooms: Sequence[str] = ("bench",),
        text_bytes: int = 80,
        before: Sequence[Server] | None = None,
    ) -> Crowd:
        """Return a crowd that has not come yet, before these processes or before all."""
        return Crowd(
            self.contender.dialect,
            [(HOST, server.port) for server in (self.servers if before is None else before)],
            self.contender.path,
            rooms=rooms,
            text_bytes=text_bytes,
            seed=self.seed,
        )

    def cpu_seconds(self) -> float:
        """Return the processor time the contender's processes have used so far."""
        return sum(proc.cpu_seconds(server.pid) for server in self.servers if server.alive())

    def services_cpu_seconds(self) -> float:
        """Return the processor time used so far by the services it needs."""
        return self.services.cpu_seconds(self.contender.needs)

    def start(self) -> None:
        """Start the processes and wait until they listen."""
        with proc.on_core(self.cores.server):
            for server in self.servers:
                server.start()

    def restart(self) -> None:
        """End the processes politely, start them anew and wait until they listen."""
        for server in self.servers:
            server.stop()
        self.start()

    def spawn_again(self) -> None:
        """Start the processes again, after they were killed, and do not wait for them."""
        with proc.on_core(self.cores.server):
            for server in self.servers:
                server.spawn()


@contextmanager
def staged(
    contender: Contender,
    services: Services,
    cores: Cores,
    seed: int,
    processes: int = 1,
    prepare: Sequence[Sequence[str]] = (),
) -> Iterator[Stage]:
    """Start a contender, after `prepare` has run beyond its own, and end it with the block."""
    with ExitStack() as ending:
        folder = ending.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        known = {"folder": folder} | {need: services.address(need) for need in contender.needs}

        def fill(text: str, **more: str) -> str:
            for name, value in (known | more).items():
                text = text.replace(f"{{{name}}}", value)
            return text

        log = Path(folder) / "server.log"
        log.touch()
        environment = {name: fill(value) for name, value in contender.environment.items()}
        for step in (*contender.prepare, *prepare):
            run([fill(word) for word in step], environment, log)
        servers = []
        for _ in range(processes):
            port = free_port()
            command = [fill(word, port=str(port)) for word in contender.command]
            server = Server(command, environment, port, log)
            ending.callback(server.stop)
            servers.append(server)
        stage = Stage(contender, servers, services, cores, seed, Path(folder))
        stage.start()
        yield stage


def settle(core: int) -> None:
    """Keep the generator to its core."""
    os.sched_setaffinity(0, {core})
