"""How it is started: on uvicorn."""

from collections.abc import Iterator

from benchmarks.contenders.contender import Contender, uvicorn
from benchmarks.dialects import SOCKETIO

PATH = "/socket.io/?EIO=4&transport=websocket"


def contenders() -> Iterator[Contender]:
    """Yield python-socketio."""
    yield Contender(
        name="socketio-uvicorn",
        title="python-socketio",
        server="uvicorn",
        dialect=SOCKETIO,
        path=PATH,
        command=uvicorn("benchmarks.contenders.socketio.application:application"),
        baseline="usual-uvicorn",
    )
