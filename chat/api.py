"""Publishing from a site's own code: views, signals, tasks, the shell.

>>> from chat.api import publish
>>> publish("main", "The shop is open")
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction

from chat import conf, identity, store
from chat.hub import bus
from chat.hub import hub as hubs
from chat.hub.hub import Hub
from chat.identity import Identity
from chat.models import Message, Room
from chat.protocol.errors import Empty, NotFound, Problem, TooLong, UnknownRoom

__all__ = [
    "Empty",
    "NotFound",
    "Problem",
    "TooLong",
    "UnknownRoom",
    "apublish",
    "aredact",
    "new_epoch",
    "publish",
    "redact",
    "room_changed",
]

logger = logging.getLogger("chat")

NAME_MOST = 78
"""The longest name to publish under: with its prefix it is a key of 80 characters."""


def publish(room: str | Room, text: str, sender: Any | None = None, id: str | None = None) -> str:
    """Say ``text`` in ``room``: everyone connected sees it once, in whichever process they are.

    ``room`` is a room or its slug. ``sender`` is a user, a name, or ``None`` for the site itself.
    Publishing the same ``id`` again (1 to 64 characters) for the same room and sender adds nothing,
    so that a task may be retried; without one, every call is another message. Returns the id.

    Outside a transaction the message is in the log when this returns. Inside one it is kept aside
    in that transaction: it is sent after the commit and not at all after a rollback, locks no room
    meanwhile, and survives a crash right after the commit, because every hub looks for what was
    left aside.

    Raises ``UnknownRoom``, ``Empty`` or ``TooLong`` (each a ``chat.api.Problem``), ``ValueError``
    for an id or a name that cannot be one, ``TypeError`` for a user that is not saved, and Django's
    own errors where the database cannot be reached.
    """
    who = _sender(sender)
    draft = store.PostDraft(
        room=room.slug if isinstance(room, Room) else room,
        sender_key=who.key,
        sender_name=who.sender.name,
        id=_checked_id(id),
        text=_checked_text(text),
    )
    if transaction.get_connection(conf.current().database).in_atomic_block:
        store.put_aside(draft)
        _after_commit(_publish_kept_aside)
    else:
        _tell(_sound(store.append([draft])))
    return draft.id


apublish = sync_to_async(publish)
"""``publish`` for async code. Not inside an async transaction: Django has none."""


def redact(messages: Iterable[Message], moderator: Any) -> int:
    """Take away the texts of ``messages``; everyone connected is told. How many there were.

    ``moderator`` is the user who does it. Messages without a text to take are passed over. Inside a
    transaction the change is part of it and is told after its commit.
    """
    who = identity.of_user(moderator)
    drafts = [
        store.DeleteDraft(
            room=message.room.slug,
            sender_key=who.key,
            sender_name=who.sender.name,
            seq=message.seq,
            moderator=True,
        )
        for message in messages
    ]
    outcomes = store.append(drafts) if drafts else []
    stored = [outcome for outcome in outcomes if isinstance(outcome, store.Stored)]
    _after_commit(partial(_tell, stored))
    _after_commit(partial(_log_redacted, who, stored))
    return len(stored)


aredact = sync_to_async(redact)
"""``redact`` for async code."""


def room_changed(room: Room) -> None:
    """Tell every process that ``room``'s row was changed, once the transaction commits.

    They find out by themselves within a quarter of a heartbeat; this makes it at once.
    """
    _after_commit(partial(_tell_all, bus.Altered(room.slug)))


def new_epoch(rooms: Iterable[str] | None = None) -> dict[str, str]:
    """Give rooms (``None``: every room) a new epoch; which, by name.

    For after a restore: clients that come back are told that they are not recovered and start over,
    and those that are connected start over at once. Raises ``UnknownRoom`` and changes nothing
    where a name is not there.
    """
    wanted = None if rooms is None else set(rooms)
    with transaction.atomic(using=conf.current().database):
        changed = store.renew_epochs(wanted)
        missing = sorted((wanted or set()) - changed.keys())
        if missing:
            raise UnknownRoom(f"there is no room {', '.join(missing)}")
    logger.info("new epoch for %s", ", ".join(sorted(changed)) or "no room")
    _after_commit(partial(_tell_all, bus.Look()))
    return changed


def _after_commit(call: Any) -> None:
    # Robust: a channel layer that is away must not keep a site's other callbacks from running.
    transaction.on_commit(call, using=conf.current().database, robust=True)


def _log_redacted(who: Identity, stored: Sequence[store.Stored]) -> None:
    for room, count in Counter(outcome.room for outcome in stored).items():
        logger.info("%s redacted %d messages in %s", who.key, count, room)


def _publish_kept_aside() -> None:
    _tell(store.move_outbox())


def _sound(outcomes: list[store.Outcome]) -> list[store.Outcome]:
    """``outcomes`` where nothing went wrong; raises the first problem."""
    for outcome in outcomes:
        if isinstance(outcome, Problem):
            raise outcome
    return outcomes


def _tell(outcomes: Iterable[store.Outcome]) -> None:
    """Show what was stored to everyone connected."""
    outcomes = list(outcomes)
    hub = _hub()
    if hub is not None:
        hub.loop.call_soon_threadsafe(hub.publish_outcomes, outcomes)
        return
    _send(
        [
            (bus.group_of(room), bus.Batch(room, epoch, entries))
            for room, epoch, entries in store.added(outcomes)
        ]
    )


def _tell_all(signal: bus.AnySignal) -> None:
    """Have every process hear ``signal``."""
    hub = _hub()
    if hub is not None:
        # This process hears it even without a channel layer.
        hub.loop.call_soon_threadsafe(hub.hear, signal)
        hub.loop.call_soon_threadsafe(hub.bus.send, bus.CONTROL, signal)
        return
    _send([(bus.CONTROL, signal)])


def _hub() -> Hub | None:
    """A hub of this process, where one is at work."""
    return next((hub for hub in hubs.running() if hub.loop.is_running()), None)


def _send(signals: Sequence[tuple[str, bus.AnySignal]]) -> None:
    """Put ``signals`` on the bus, each to its group, from a process without a hub.

    A layer that fails is no reason to fail here: what is told is in the database, and every hub
    compares notes with that. An error would make callers publish again what is published.
    """
    try:
        async_to_sync(bus.tell)(conf.current().channel_layer, signals)
    except Exception as error:  # whatever a layer raises
        logger.warning("channel layer failed: %r", error)


def _sender(sender: Any | None) -> Identity:
    if sender is None or isinstance(sender, str):
        name = sender or conf.current().system_name
        if len(name) > NAME_MOST or "\0" in name:
            raise ValueError(f"a name is at most {NAME_MOST} characters without NUL, not {name!r}")
        return identity.of_system(name)
    if getattr(sender, "pk", None) is None:
        raise TypeError(f"sender is a saved user, a name or None, not {sender!r}")
    return identity.of_user(sender)


def _checked_id(given: str | None) -> str:
    if given is None:
        return secrets.token_hex(16)
    if not 1 <= len(given) <= 64 or "\0" in given:
        raise ValueError(f"an id is 1 to 64 characters without NUL, not {given!r}")
    return given


def _checked_text(text: str) -> str:
    if not text.strip():
        raise Empty
    most = conf.current().text_limit
    if len(text) > most:
        raise TooLong(f"the text has {len(text)} characters, CHAT['TEXT_LIMIT'] is {most}")
    if "\0" in text:
        raise ValueError("text must not contain the NUL character")
    return text
