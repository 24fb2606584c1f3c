"""How it is started: it is a server by itself."""

from collections.abc import Iterator

from benchmarks.contenders.contender import Contender
from benchmarks.dialects import PLAIN


def contenders() -> Iterator[Contender]:
    """Yield the bare writer."""
    yield Contender(
        name="uvloop-writer",
        title="a bare uvloop writer",
        server="uvloop",
        dialect=PLAIN,
        path="/",
        command=("python", "-m", "benchmarks.contenders.uvloop_writer.server", "{port}"),
    )
