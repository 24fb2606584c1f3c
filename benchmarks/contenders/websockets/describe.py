"""How it is started: it is a server by itself."""

from collections.abc import Iterator

from benchmarks.contenders.contender import Contender
from benchmarks.dialects import PLAIN


def contenders() -> Iterator[Contender]:
    """Yield the library with its own broadcast."""
    yield Contender(
        name="websockets-broadcast",
        title="websockets.broadcast",
        server="websockets",
        dialect=PLAIN,
        path="/",
        command=("python", "-m", "benchmarks.contenders.websockets.server", "{port}"),
    )
