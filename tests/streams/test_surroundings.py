"""Sessions over HTTP, in this process: what is around them in a site."""

from __future__ import annotations

from typing import Any

from django.db import connections as databases
from pytest_django import Settings

from tests.streams.listening import Listen

asked: list[Any] = []


class Asking:
    """Middleware that asks the database in the request's thread, and notes its connection down."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        databases["default"].ensure_connection()
        asked.append(databases["default"])
        return self.get_response(request)


async def test_stream_keeps_no_connection_to_the_database(
    listen: Listen, settings: Settings
) -> None:
    settings.MIDDLEWARE = [f"{__name__}.Asking", *settings.MIDDLEWARE]
    exchange = await listen()
    assert asked.pop().connection is None
    assert not exchange.task.done()


async def test_stream_is_not_compressed(listen: Listen, settings: Settings) -> None:
    """Django would wait for more, or make a gzip file of each event."""
    settings.MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware", *settings.MIDDLEWARE]
    exchange = await listen(headers={"accept-encoding": "gzip"})
    assert exchange.stream.told("welcome")


async def test_stream_needs_no_transaction(listen: Listen, settings: Settings) -> None:
    """Django has none for asynchronous views, and refuses those that do not do without."""
    settings.DATABASES["default"]["ATOMIC_REQUESTS"] = True
    try:
        databases["default"].settings_dict["ATOMIC_REQUESTS"] = True
        await listen()
    finally:
        databases["default"].settings_dict["ATOMIC_REQUESTS"] = False
