"""How the hub is started: `project/` as it is, with the limits lifted that are per person."""

from collections.abc import Iterator

from benchmarks.contenders.contender import SERVERS, Contender
from benchmarks.generator.dialects import HUB

# The limits stay in the path. Only their numbers are lifted: 40 posters stand for many people here,
# and every session comes from one address.
_ENVIRONMENT = {
    "ALLOWED_HOSTS": "127.0.0.1",
    "CHAT_GUESTS": "post",
    "CHAT_POSTS_PER_SECOND": "0",
    "CHAT_SESSIONS_PER_ADDRESS": "0",
    "DATABASE_URL": "sqlite:///{folder}/bench.sqlite3",
    "DEBUG": "0",
    "LOG_LEVEL": "warning",
    "SECRET_KEY": "only-for-the-benchmark-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG",
}


# How many times the usual consumer's deliveries per second are promised, each at its own best load.
_AT_LEAST = {
    "hub-daphne": 50.0,
    "hub-uvicorn": 110.0,
    "hub-single-daphne": 7.0,
    "hub-single-uvicorn": 15.0,
}

_VARIANTS = (
    ("hub", "this hub", "project.settings"),
    (
        "hub-single",
        "this hub, one event per frame",
        "benchmarks.contenders.hub.one_event_per_frame",
    ),
)


def contenders() -> Iterator[Contender]:
    """Yield the hub on each server, as it is and held to one event per frame."""
    for prefix, title, settings in _VARIANTS:
        for server, command in SERVERS.items():
            name = f"{prefix}-{server}"
            yield Contender(
                name=name,
                title=title,
                server=server,
                dialect=HUB,
                path="/ws",
                command=command("project.asgi:application"),
                prepare=(("python", "manage.py", "migrate", "--noinput", "-v", "0"),),
                environment=_ENVIRONMENT | {"DJANGO_SETTINGS_MODULE": settings},
                baseline=f"usual-{server}",
                at_least=_AT_LEAST[name],
            )
