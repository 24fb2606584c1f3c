"""Asking the two addresses of the fallback, and what they answer."""

from __future__ import annotations

from typing import Any

from chat.hub import hub as hubs
from tests.exchange import Exchange, post
from tests.fakes import soon

EVENTS = "/rooms/main/events"
MESSAGES = "/rooms/main/messages"


async def refused(path: str = EVENTS, **kwargs: Any) -> tuple[int, str]:
    """Ask for a stream that is refused; with which status and code."""
    exchange = await Exchange(path, **kwargs).end()
    assert exchange.headers["content-type"] == "application/json"
    error = exchange.json
    assert (error["type"], bool(error["detail"])) == ("error", True)
    if exchange.status in (429, 503):
        assert int(exchange.headers["retry-after"]) >= 1
    assert not hubs.current().sessions
    return exchange.status, error["code"]


async def answered(body: Any, path: str = MESSAGES, **kwargs: Any) -> tuple[int, dict[str, Any]]:
    """Post a command; the status and the one event that answers it."""
    exchange = await post(path, body, **kwargs)
    assert exchange.headers["content-type"] == "application/json"
    (event,) = exchange.json
    if exchange.status in (429, 503):
        assert int(exchange.headers["retry-after"]) >= event.get("retry_after", 1)
    return exchange.status, event


async def error(body: Any, path: str = MESSAGES, **kwargs: Any) -> tuple[int, str]:
    """Post a command that is refused; with which status and code."""
    status, event = await answered(body, path, **kwargs)
    assert event["type"] == "error", event
    return status, event["code"]


async def stream(path: str = EVENTS, **kwargs: Any) -> Exchange:
    """Open a stream and wait until it is in its room."""
    exchange = Exchange(path, **kwargs)
    await soon(lambda: exchange.stream.told("joined") != [] or exchange.task.done())
    assert exchange.status == 200, exchange.content
    return exchange
