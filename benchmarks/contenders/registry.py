"""Every contender by name, in the order in which they are measured and reported."""

from benchmarks.contenders.contender import Contender
from benchmarks.contenders.hub.describe import contenders as hub
from benchmarks.contenders.usual.describe import contenders as usual


def contenders(redis_url: str | None = None) -> dict[str, Contender]:
    """Return all contenders; with an address of a Redis, those that need one as well."""
    return {contender.name: contender for contender in (*usual(redis_url), *hub())}
