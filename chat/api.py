"""Publishing from a site's own code: views, signals, tasks, the shell.

>>> from chat.api import publish
>>> publish("main", "The shop is open")
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.db import transaction

from chat import conf, identity, moderation, store
from chat.broadcast import after_commit, tell_all, tell_stored
from chat.hub import signals
from chat.identity import Identity
from chat.models import Act, Message, Room
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

NAME_MOST = 78
"""The longest name to publish under: with its prefix it is a key of 80 characters."""


def publish(room: str | Room, text: str, sender: Any | None = None, id: str | None = None) -> str:
    """Say ``text`` in ``room``: everyone connected sees it once, in whichever process they are.

    ``room`` is a room or its slug. ``sender`` is a user, a name, or ``None`` for the site itself. A
    name is nobody's but code's: ``"7"`` is another sender than the user 7, with another id.
    Publishing the same ``id`` again (1 to 64 characters) for the same room and sender adds nothing,
    so that a task may be retried; without one, every call is another message. Returns the id.

    Outside a transaction the message is in the log when this returns. Inside one it is kept aside
    in that transaction: it is sent after the commit and not at all after a rollback, locks no room
    meanwhile (SQLite locks all there is, whatever a transaction writes), and survives a crash right
    after the commit, because every hub looks for what was left aside.

    That is a transaction on the database that holds the log, ``CHAT["DATABASE"]``. Inside one on
    another database the message is sent at once, and survives a rollback there.

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
        after_commit(_publish_kept_aside)
    else:
        tell_stored(_sound(store.append([draft])))
    return draft.id


apublish = sync_to_async(publish)
"""``publish`` for async code. Not inside an async transaction: Django has none."""


def redact(messages: Iterable[Message], moderator: Any) -> int:
    """Take away the texts of ``messages``; everyone connected is told. How many there were.

    ``moderator`` is the user who does it. Messages without a text to take are passed over. Inside a
    transaction the change is part of it and is told after its commit.
    """
    return moderation.redact(messages, by=moderation.by_user(moderator, Act.Via.CODE))


aredact = sync_to_async(redact)
"""``redact`` for async code."""


def room_changed(room: Room) -> None:
    """Tell every process that ``room``'s row was changed, once the transaction commits.

    They find out by themselves within a quarter of a heartbeat; this makes it at once.
    """
    after_commit(partial(tell_all, signals.Altered(room.slug)))


def new_epoch(rooms: Iterable[str] | None = None) -> dict[str, str]:
    """Give rooms (``None``: every room) a new epoch; which, by name.

    For after a restore: clients that come back are told that they are not recovered and start over,
    and those that are connected start over at once. Raises ``UnknownRoom`` and changes nothing
    where a name is not there.
    """
    return moderation.new_epochs(rooms, by=moderation.by_site(Act.Via.CODE))


def _publish_kept_aside() -> None:
    tell_stored(store.move_outbox())


def _sound(outcomes: list[store.Outcome]) -> list[store.Outcome]:
    """``outcomes`` where nothing went wrong; raises the first problem."""
    for outcome in outcomes:
        if isinstance(outcome, Problem):
            raise outcome
    return outcomes


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
