"""Rows of the log as the hub passes them around: encoded once, with their seq."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct

from chat.identity import sender_id
from chat.models import Message
from chat.protocol import events, frames
from chat.protocol.events import Sender, timestamp


class Entry(Struct, frozen=True, array_like=True, omit_defaults=True):
    """One event of a room's log, ready to be sent: ``text`` is its JSON.

    ``target`` and ``actor`` are there for edits and deletes: the message's seq, and who did it.
    """

    seq: int
    text: str
    target: int = 0
    actor: Sender | None = None

    @property
    def is_message(self) -> bool:
        """Whether the event is a message rather than a change of one."""
        return not self.target


FIELDS = (
    "seq",
    "kind",
    "sender_key",
    "sender_name",
    "client_id",
    "text",
    "at",
    "edited_at",
    "deleted_at",
    "target__seq",
    "target__text",
)
"""What ``of_row`` needs of a ``Message`` row, in its order, for ``values_list``."""

Row = tuple[
    int,
    str,
    str,
    str,
    str | None,
    str,
    datetime,
    datetime | None,
    datetime | None,
    int | None,
    str | None,
]


def of_row(slug: str, row: Row) -> Entry:
    """The entry of one row of the log of room ``slug``."""
    seq, kind, key, name, _, _, at, _, _, target, target_text = row
    if kind == Message.Kind.POST:
        return Entry(seq, frames.encode(message(slug, row)))
    assert target is not None, "an edit or a delete points at its message"
    change: events.Edited | events.Deleted
    if kind == Message.Kind.EDIT:
        change = events.Edited(
            room=slug, seq=seq, target=target, text=target_text or "", at=timestamp(at)
        )
    else:
        change = events.Deleted(room=slug, seq=seq, target=target, at=timestamp(at))
    return Entry(seq, frames.encode(change), target, Sender(sender_id(key), name))


def message(slug: str, row: Row | Any) -> events.Message:
    """The ``message`` event of a row that is one, as it now is."""
    seq, _, key, name, client_id, text, at, edited_at, deleted_at, *_ = row
    return events.Message(
        room=slug,
        seq=seq,
        id=client_id or "",
        sender=Sender(sender_id(key), name),
        text=text,
        at=timestamp(at),
        edited_at=timestamp(edited_at) if edited_at else UNSET,
        deleted=True if deleted_at else UNSET,
    )
