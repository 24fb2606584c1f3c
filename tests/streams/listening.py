"""Reading a stream in this process."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from chat.hub import hub as hubs
from chat.hub.session import Session
from tests.exchange import Exchange
from tests.fakes import soon

EVENTS = "/rooms/main/events"

Listen = Callable[..., Coroutine[Any, Any, Exchange]]


def session() -> Session:
    """Return the one session there is."""
    (found,) = hubs.current().sessions
    return found


async def heard(exchange: Exchange, seq: int) -> None:
    """Wait until a stream has brought everything up to ``seq``."""
    await soon(lambda: bool(exchange.stream.seqs) and exchange.stream.seqs[-1] >= seq)
