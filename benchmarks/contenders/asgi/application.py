"""What comes from one goes to all, in a loop. No framework, no rooms, nothing stored."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from benchmarks.contenders.collector import spare_what_was_imported

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

_members: set[Send] = set()


async def application(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Send
) -> None:
    """Serve one WebSocket."""
    assert scope["type"] == "websocket", "the clients open WebSockets and nothing else"
    await receive()
    await send({"type": "websocket.accept"})
    _members.add(send)
    try:
        while (event := await receive())["type"] == "websocket.receive":
            message = {"type": "websocket.send", "text": event["text"]}
            for member in tuple(_members):
                await member(message)
    finally:
        _members.discard(send)


spare_what_was_imported()
