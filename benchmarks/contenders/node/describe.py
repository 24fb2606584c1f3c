"""How they are started: with node, and the packages of this folder's package-lock.json."""

from collections.abc import Iterator

from benchmarks.contenders.contender import Contender
from benchmarks.contenders.socketio.describe import PATH
from benchmarks.dialects import PLAIN, SOCKETIO

_FOLDER = "benchmarks/contenders/node"


def contenders() -> Iterator[Contender]:
    """Yield both."""
    yield Contender(
        name="node-ws",
        title="ws",
        server="node",
        dialect=PLAIN,
        path="/",
        command=("node", f"{_FOLDER}/ws.js", "{port}"),
    )
    yield Contender(
        name="node-socketio",
        title="Socket.IO",
        server="node",
        dialect=SOCKETIO,
        path=PATH,
        command=("node", f"{_FOLDER}/socketio.js", "{port}"),
    )
