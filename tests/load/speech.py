"""What servers say to the load generator, without a network."""

import struct

import msgspec

from chat.load.client import Client
from chat.load.crowd import Crowd
from chat.load.dialects import Dialect, text_of

UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


def server_frame(payload: bytes, opcode: int = 1) -> bytes:
    """What a server sends: one whole frame without a mask."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 65536:
        return struct.pack("!BBH", 0x80 | opcode, 126, size) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, size) + payload


def events(*fields: dict[str, object]) -> bytes:
    """What the hub sends: one frame with these events."""
    return server_frame(msgspec.json.encode(fields))


def message(serial: int, poster: int = 0, seq: int | None = None) -> dict[str, object]:
    """The hub's event for the post with this serial number."""
    text = text_of(serial, poster, 1_000, "padding")
    return {"type": "message", "room": "bench", "seq": seq or serial, "text": text}


def ack(serial: int) -> dict[str, object]:
    """The hub's event for its poster."""
    return {"type": "ack", "room": "bench", "id": str(serial), "seq": serial, "duplicate": False}


def tutorial_message(serial: int) -> bytes:
    """What the usual consumer sends for the post with this serial number."""
    text = text_of(serial, 0, 1_000, "padding")
    return server_frame(msgspec.json.encode({"message": text}))


def room(dialect: Dialect, sessions: int, rooms: int = 1, processes: int = 1) -> Crowd:
    """A crowd whose sessions are in their rooms, without a network."""
    names = [f"bench-{number}" for number in range(rooms)]
    addresses = [("127.0.0.1", port) for port in range(1, processes + 1)]
    crowd = Crowd(dialect, addresses, "/ws", rooms=names, text_bytes=64)
    for index in range(sessions):
        client = Client(crowd, crowd.rooms[index * rooms // sessions], index)
        client.room.clients.append(client)
        crowd.clients.append(client)
        enter(client)
    return crowd


def enter(client: Client) -> None:
    """Let the client in, as the server would."""
    client.data_received(UPGRADED)
    if not client.entered.done():
        client.data_received(events({"type": "welcome"}, {"type": "joined", "head": 0}))
    assert client.entered.done()


def posted(crowd: Crowd, count: int) -> Crowd:
    """The crowd with `count` posts on their way, the serial numbers 1 to `count`."""
    crowd.start_posting(count)
    crowd.stop_posting()
    return crowd
