"""How the usual consumer is started: on each server, with the in-memory layer or with Redis."""

from collections.abc import Iterator

from benchmarks.contenders.contender import SERVERS, Contender
from benchmarks.generator.dialects import ROOM, TUTORIAL


def contenders(redis_url: str | None) -> Iterator[Contender]:
    """Yield the usual consumer on each server; with a Redis, once more with that as the layer."""
    environment = {"DATABASE": "{folder}/usual.sqlite3"}
    layers = [("usual", "the usual consumer", environment)]
    if redis_url is not None:
        title = "the usual consumer, Redis layer"
        layers.append(("usual-redis", title, environment | {"REDIS_URL": redis_url}))
    for name, title, variables in layers:
        for server, command in SERVERS.items():
            yield Contender(
                name=f"{name}-{server}",
                title=title,
                server=server,
                dialect=TUTORIAL,
                path=f"/ws/chat/{ROOM}/",
                command=command("benchmarks.contenders.usual.asgi:application"),
                environment=variables,
            )
