"""Every contender by name, in the order in which they are measured and reported."""

from benchmarks.contenders.asgi.describe import contenders as asgi
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.hub.describe import contenders as hub
from benchmarks.contenders.hub.lines import contenders as lines
from benchmarks.contenders.node.describe import contenders as node
from benchmarks.contenders.socketio.describe import contenders as socketio
from benchmarks.contenders.usual.describe import contenders as usual
from benchmarks.contenders.uvloop_writer.describe import contenders as uvloop_writer
from benchmarks.contenders.websockets.describe import contenders as websockets

FAMILIES = (hub, usual, asgi, socketio, websockets, uvloop_writer, node)


def rivals() -> dict[str, Contender]:
    """Return those that are measured against each other."""
    return {contender.name: contender for family in FAMILIES for contender in family()}


def contenders() -> dict[str, Contender]:
    """Return all: the rivals, and the hub by other start lines or settings."""
    return rivals() | {contender.name: contender for contender in lines()}
