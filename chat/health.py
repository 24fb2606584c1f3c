"""Whether the process lives, and whether it can serve.

``readiness`` asks everything the chat stands on at the same time, each with a time limit, so that
what hangs makes a "no" rather than a probe that hangs as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import threading
import weakref
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from chat import conf
from chat.hub import bus
from chat.hub import hub as hubs

logger = logging.getLogger("chat")

LIVE = "chat is live"

LIMIT_SECONDS = 2.0
"""How long a check may take; they run side by side."""

# A check that has not come back is not started again: probes come every few seconds, and each
# would leave a thread behind. After this long it counts as lost, as when a network swallowed the
# question, and the next probe asks anew.
LOST_SECONDS = 30.0

# Layers deliver at most once, so one message that is lost proves nothing.
AGAIN_SECONDS = 0.5


class Check(msgspec.Struct, frozen=True):
    """What one check found. ``detail`` is for people, and tells strangers nothing private."""

    ok: bool
    detail: str = ""


class Failed(Exception):
    """A check's no, with a message that may be shown."""


class _Attempt:
    """A check under way; probes that come meanwhile wait for the same one."""

    def __init__(self, answer: asyncio.Future[str], at: float) -> None:
        self.answer = answer
        self.at = at
        # Retrieved, lest the loop complain about an answer that nobody waited for any longer.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())

    def current(self, now: float) -> bool:
        return not self.answer.done() and now - self.at < LOST_SECONDS


# By loop, as a future belongs to one; and by name.
_attempts: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Attempt]] = (
    weakref.WeakKeyDictionary()
)
# The channel a loop's round trips take. Always the same one: layers keep a place for each channel
# they have made, and have no way to give one back.
_channels: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Any, str]] = (
    weakref.WeakKeyDictionary()
)
_failing: set[str] = set()


async def readiness() -> dict[str, Check]:
    """What every check found, by its name; takes little more than ``LIMIT_SECONDS`` at most."""
    names = ("database", "migrations", "channel_layer")
    starts = (_in_thread(_database), _in_thread(_migrations), _round_trip_soon)
    found = await asyncio.gather(*map(_within_limit, names, starts))
    return {**dict(zip(names, found, strict=True)), "draining": _draining()}


async def _within_limit(name: str, start: Callable[[], asyncio.Future[str]]) -> Check:
    """Wait for the check that is under way, or start it."""
    loop = asyncio.get_running_loop()
    attempts = _attempts.setdefault(loop, {})
    attempt = attempts.get(name)
    try:
        if attempt is None or not attempt.current(loop.time()):
            attempt = attempts[name] = _Attempt(start(), loop.time())
        await asyncio.wait([attempt.answer], timeout=LIMIT_SECONDS)
        if not attempt.answer.done():
            raise TimeoutError
        attempts.pop(name, None)
        check = Check(ok=True, detail=attempt.answer.result())
        reason = ""
    except TimeoutError:
        check = Check(ok=False, detail=f"no answer within {LIMIT_SECONDS:g} s")
        reason = check.detail
    except Failed as failure:
        check = Check(ok=False, detail=str(failure))
        reason = check.detail
    except Exception as error:
        # Whatever it is, it is a no. Its text may name hosts and users: that is for the log alone.
        check = Check(ok=False, detail=f"failed: {type(error).__name__}")
        reason = repr(error)
    _log_change(name, reason)
    return check


def _in_thread(ask: Callable[[], str]) -> Callable[[], asyncio.Future[str]]:
    """How to start ``ask`` in a thread of its own, and so with a database connection of its own.

    No pool: a thread that hangs in a database must not keep others from asking, nor the process
    from ending.
    """

    def start() -> asyncio.Future[str]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()

        def tell(result: str, error: Exception | None) -> None:
            if answer.done():
                return
            if error is None:
                answer.set_result(result)
            else:
                answer.set_exception(error)

        def work() -> None:
            result, failure = "", None
            try:
                try:
                    result = ask()
                finally:
                    connections.close_all()
            except Exception as error:
                failure = error  # handed to whoever waits
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(tell, result, failure)

        threading.Thread(target=work, name="chat-readiness", daemon=True).start()
        return answer

    return start


def _database() -> str:
    with connections[conf.current().database].cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return ""


def _migrations() -> str:
    database = conf.current().database
    applied = MigrationRecorder(connections[database]).applied_migrations()
    missing = _missing(database, frozenset(applied))
    if missing:
        more = ", …" if len(missing) > 3 else ""
        raise Failed(f"{len(missing)} not applied: {', '.join(missing[:3])}{more}")
    return ""


@lru_cache(maxsize=1)
def _missing(database: str, applied: frozenset[tuple[str, str]]) -> list[str]:
    """The migrations that a database with ``applied`` lacks.

    Kept, because it reads every app's migrations: a probe costs one query while nothing changes.
    """
    executor = MigrationExecutor(connections[database])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [str(migration) for migration, _ in plan]


def _round_trip_soon() -> asyncio.Future[str]:
    return asyncio.ensure_future(_round_trip())


async def _round_trip() -> str:
    """Send something through the channel layer and wait for it to come back."""
    layer: Any = bus.layer_of(conf.current().channel_layer)
    if layer is None:
        return "none is configured"
    loop = asyncio.get_running_loop()
    kept, channel = _channels.pop(loop, (None, ""))
    async with asyncio.timeout(LIMIT_SECONDS):
        if kept is not layer:
            channel = await layer.new_channel()
        token = secrets.token_hex(8)
        back = asyncio.ensure_future(_come_back(layer, channel, token))
        try:
            while not back.done():
                await layer.send(channel, {"type": "chat.health", "token": token})
                await asyncio.wait([back], timeout=AGAIN_SECONDS)
            back.result()
        finally:
            back.cancel()
    # Only now: after a failure nobody knows what is left in a channel, or whether it still is one.
    _channels[loop] = (layer, channel)
    return ""


async def _come_back(layer: Any, channel: str, token: str) -> None:
    """Receive until ``token`` is there; before it may be some that earlier probes left."""
    while (await layer.receive(channel)).get("token") != token:
        pass


def _draining() -> Check:
    if any(hub.draining for hub in hubs.running()):
        return Check(ok=False, detail="this process is leaving")
    return Check(ok=True)


def _log_change(name: str, reason: str) -> None:
    """One line when a check begins to fail, and one when it is well again."""
    if reason and name not in _failing:
        _failing.add(name)
        logger.warning("not ready: %s: %s", name, reason)
    elif not reason and name in _failing:
        _failing.discard(name)
        logger.info("ready again: %s", name)
