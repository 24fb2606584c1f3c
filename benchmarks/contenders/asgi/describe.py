"""How it is started: on each server."""

from collections.abc import Iterator

from benchmarks.contenders.contender import SERVERS, Contender
from benchmarks.dialects import PLAIN


def contenders() -> Iterator[Contender]:
    """Yield the application on each server."""
    for server, command in SERVERS.items():
        yield Contender(
            name=f"asgi-{server}",
            title="an ASGI application that only sends",
            server=server,
            dialect=PLAIN,
            path="/",
            command=command("benchmarks.contenders.asgi.application:application"),
            baseline=f"usual-{server}",
        )
