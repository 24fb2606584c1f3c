"""How the hub is started: `project/` as it is, with the limits lifted that are per person."""

from collections.abc import Iterator
from itertools import product

from benchmarks.contenders.contender import SERVERS, Contender, Service
from chat.load.dialects import HUB

# Without the limits on a person and on an address: 40 posters stand for many people here, and every
# session comes from one address.
_ENVIRONMENT = {
    "ALLOWED_HOSTS": "127.0.0.1",
    "CHAT_GUESTS": "post",
    "CHAT_POSTS_PER_SECOND": "0",
    "CHAT_SESSIONS_PER_ADDRESS": "0",
    "DEBUG": "0",
    "LOG_LEVEL": "warning",
    "SECRET_KEY": "only-for-the-benchmark-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG",
}

# Held at one event per frame, as the others are by their nature; and as it comes.
_SETTINGS = {
    "": ("", "project.settings"),
    "-single": (", one event per frame", "benchmarks.contenders.hub.one_event_per_frame"),
}

_DATABASES: dict[str, tuple[str, str, tuple[Service, ...]]] = {
    "": ("SQLite", "sqlite:///{folder}/bench.sqlite3", ()),
    "-postgres": ("PostgreSQL", "{postgres}", ("postgres",)),
}

_LAYERS: dict[str, tuple[str, dict[str, str], tuple[Service, ...]]] = {
    "": ("", {}, ()),
    "-redis": (", Redis", {"REDIS_URL": "{redis}"}, ("redis",)),
}


def contenders() -> Iterator[Contender]:
    """Yield the hub on each server, database and layer, as it comes and at one event per frame."""
    for single, layer, database, server in product(_SETTINGS, _LAYERS, _DATABASES, SERVERS):
        held, settings = _SETTINGS[single]
        database_title, url, database_needs = _DATABASES[database]
        layer_title, variables, layer_needs = _LAYERS[layer]
        yield Contender(
            name=f"hub-{server}{database}{layer}{single}",
            title=f"this hub, {database_title}{layer_title}{held}",
            server=server,
            dialect=HUB,
            path="/ws",
            command=SERVERS[server]("project.asgi:application"),
            prepare=(("python", "manage.py", "migrate", "--noinput", "-v", "0"),),
            environment=_ENVIRONMENT
            | variables
            | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": settings},
            needs=(*database_needs, *layer_needs),
            baseline=f"usual-{server}{'-core' if layer else ''}",
        )
