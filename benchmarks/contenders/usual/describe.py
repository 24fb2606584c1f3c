"""How the usual consumer is started: on each server, with each channel layer."""

from collections.abc import Iterator

from benchmarks.contenders.contender import SERVERS, Contender, Service
from benchmarks.dialects import TUTORIAL

_LAYERS: dict[str, tuple[str, tuple[Service, ...]]] = {
    "memory": ("in-memory layer", ()),
    "core": ("Redis, core layer", ("redis",)),
    "pubsub": ("Redis, pub/sub layer", ("redis",)),
}


def contenders() -> Iterator[Contender]:
    """Yield the usual consumer on each server with each layer."""
    for layer, (title, needs) in _LAYERS.items():
        for server, command in SERVERS.items():
            yield Contender(
                name=f"usual-{server}" + ("" if layer == "memory" else f"-{layer}"),
                title=f"the usual consumer, {title}",
                server=server,
                dialect=TUTORIAL,
                path="/ws/chat/{room}/",
                command=command("benchmarks.contenders.usual.asgi:application"),
                environment={
                    "DATABASE": "{folder}/usual.sqlite3",
                    "LAYER": layer,
                    **({"REDIS_URL": "{redis}"} if needs else {}),
                },
                needs=needs,
            )
