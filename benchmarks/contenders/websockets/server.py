"""A server made of the websockets library: `python -m benchmarks.contenders.websockets.server`."""

import asyncio
import sys

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

from benchmarks.contenders.collector import spare_what_was_imported

_connections: set[ServerConnection] = set()


async def _talk(connection: ServerConnection) -> None:
    _connections.add(connection)
    try:
        async for message in connection:
            broadcast(_connections, message)
    finally:
        _connections.discard(connection)


async def _main(port: int) -> None:
    async with serve(_talk, "127.0.0.1", port, compression=None, backlog=8192):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    spare_what_was_imported()
    uvloop.run(_main(int(sys.argv[1])))
