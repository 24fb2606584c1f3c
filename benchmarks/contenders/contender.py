"""What the suite has to know of a contender."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from chat.load.dialects import Dialect

Service = Literal["redis", "postgres"]


@dataclass(frozen=True, slots=True)
class Contender:
    """One thing to measure.

    In `prepare`, `command` and `environment`, `{port}` stands for the port to listen on, `{folder}`
    for a folder of its own, empty at the start and gone at the end, `{redis}` and `{postgres}` for
    the addresses of an empty Redis and an empty database, where `needs` names them.
    """

    name: str
    title: str
    server: str
    """What serves it: contenders are compared with others on the same server."""
    dialect: Dialect
    path: str
    """Where its WebSocket is; `{room}` stands for the name of the room."""
    command: tuple[str, ...]
    prepare: tuple[tuple[str, ...], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[Service, ...] = ()
    baseline: str | None = None
    """The contender this one's ratio is told against."""


def daphne(application: str) -> tuple[str, ...]:
    """Return the command that serves `application` on daphne, as docs/deployment.md has it.

    `-v 0` turns off the line for each request, as `--log-level` does for uvicorn.
    """
    endpoint = "tcp:port={port}:interface=127.0.0.1:backlog=8192"
    return (
        *("python", "-m", "daphne", "-v", "0", "-e", endpoint),
        *("--websocket_connect_timeout", "30", application),
    )


def uvicorn(application: str) -> tuple[str, ...]:
    """Return the command that serves `application` on uvicorn, as docs/deployment.md has it."""
    return (
        *("python", "-m", "uvicorn", application, "--host", "127.0.0.1", "--port", "{port}"),
        *("--ws", "websockets-sansio", "--loop", "uvloop", "--ws-max-size", "1048576"),
        *("--ws-per-message-deflate", "false", "--backlog", "8192", "--log-level", "warning"),
    )


SERVERS = {"daphne": daphne, "uvicorn": uvicorn}
