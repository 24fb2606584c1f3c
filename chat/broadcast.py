"""Telling every hub what was done outside of one: by the admin, a command, a site's own code.

All of it is a hint. What is told is in the database, and each hub compares notes with that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from asgiref.sync import async_to_sync
from django.db import transaction

from chat import conf, store
from chat.hub import bus, signals
from chat.hub import hub as hubs
from chat.hub.hub import Hub

logger = logging.getLogger("chat")


def after_commit(call: Callable[[], object]) -> None:
    """Call ``call`` once the transaction on the log's database commits; at once outside of one.

    Robust: a channel layer that is away must not keep a site's other callbacks from running.
    """
    transaction.on_commit(call, using=conf.current().database, robust=True)


def tell_stored(outcomes: Iterable[store.Outcome]) -> None:
    """Show what was stored to everyone connected."""
    outcomes = list(outcomes)
    hub = _hub()
    if hub is not None:
        hub.loop.call_soon_threadsafe(hub.publish_outcomes, outcomes)
        return
    _send(
        [
            (signals.group_of(room), signals.Batch(room, epoch, entries))
            for room, epoch, entries in store.added(outcomes)
        ]
    )


def tell_all(signal: signals.AnySignal) -> None:
    """Have every process hear ``signal``."""
    hub = _hub()
    if hub is not None:
        # This process hears it even without a channel layer.
        hub.loop.call_soon_threadsafe(hub.hear, signal)
        hub.loop.call_soon_threadsafe(hub.bus.send, signals.CONTROL, signal)
        return
    _send([(signals.CONTROL, signal)])


def tell_notice(text: str, level: str, room: str = "") -> None:
    """Show a notice to everybody in ``room``, or to all who are connected, in every process."""
    notice = signals.Announced(text=text, level=level, room=room)
    hub = _hub()
    if hub is not None:
        hub.loop.call_soon_threadsafe(hub.notify, notice)
        return
    _send([(signals.CONTROL, notice)])


def reaches_everybody() -> bool:
    """Whether a notice from here is seen in every process: no beat finds it out later."""
    own = 0 if _hub() is None else 1
    return bus.is_shared(conf.current().channel_layer) or store.processes() <= own


def _hub() -> Hub | None:
    """A hub of this process, where one is at work."""
    return next((hub for hub in hubs.running() if hub.loop.is_running()), None)


def _send(told: Sequence[tuple[str, signals.AnySignal]]) -> None:
    """Put signals on the bus, each to its group, from a process without a hub.

    A layer that fails is no reason to fail here: what is told is in the database, and every hub
    compares notes with that. An error would make callers publish again what is published.
    """
    try:
        async_to_sync(bus.tell)(conf.current().channel_layer, told)
    except Exception as error:  # whatever a layer raises
        logger.warning("channel layer failed: %r", error)
