"""What the runner has to know of a contender."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.generator.dialects import Dialect


@dataclass(frozen=True, slots=True)
class Contender:
    """One thing to measure.

    In `prepare`, `command` and `environment`, `{port}` and `{folder}` stand for the port to listen
    on and for a folder of its own, empty at the start and gone at the end.
    """

    name: str
    title: str
    server: str
    """Contenders are compared with others on the same server."""
    dialect: Dialect
    path: str
    command: tuple[str, ...]
    prepare: tuple[tuple[str, ...], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    baseline: str | None = None
    """The contender this one's ratio is told against."""
    at_least: float | None = None
    """The ratio that is promised."""


def daphne(application: str) -> tuple[str, ...]:
    """Return the command that serves `application` on daphne.

    The endpoint is spelt out for its backlog: the stock one is 50 and drops a crowd's SYNs. `-v 0`
    turns the access log off, which uvicorn's command does as well.
    """
    endpoint = "tcp:port={port}:interface=127.0.0.1:backlog=8192"
    return ("python", "-m", "daphne", "-v", "0", "-e", endpoint, application)


def uvicorn(application: str) -> tuple[str, ...]:
    """Return the command that serves `application` on uvicorn, on its fastest WebSocket code."""
    return (
        *("python", "-m", "uvicorn", application, "--host", "127.0.0.1", "--port", "{port}"),
        *("--ws", "websockets-sansio", "--ws-per-message-deflate", "false", "--loop", "uvloop"),
        *("--backlog", "8192", "--no-access-log", "--log-level", "warning"),
    )


SERVERS = {"daphne": daphne, "uvicorn": uvicorn}
