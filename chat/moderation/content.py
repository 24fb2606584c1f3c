"""What is said: announcing, and taking texts away."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import QuerySet

from chat import conf, identity, store
from chat.broadcast import after_commit, tell_notice, tell_stored
from chat.models import Act, Message, Room
from chat.moderation.batches import in_turns, put_down, settle_soon
from chat.store import Actor

# Messages that one transaction redacts: for as long, nobody can post in their rooms.
REDACTED_AT_ONCE = 200

# Rooms that one transaction posts to.
ROOMS_AT_ONCE = 100

# Announcing


def announce(
    text: str,
    *,
    by: Actor,
    room: Room | None = None,
    level: str = "info",
    logged: bool = False,
    id: str = "",
    reason: str = "",
) -> int:
    """Say ``text`` in ``room``, or to everybody; how many sessions, or rooms, there are to hear it.

    As a ``notice``, which whoever is connected now is shown once. Where ``logged``, as a message of
    the site's in the room, or in every room that is not archived: once for each ``id``, however
    often it is tried. ``reason`` is for the record alone.
    """
    if logged:
        return _announce_logged(text, by, room, id or secrets.token_hex(16), reason)
    slug = room.slug if room is not None else ""
    with transaction.atomic(using=_database()):
        store.record(Act.Kind.ANNOUNCE, by, room=slug, reason=reason, detail=text)
        after_commit(partial(tell_notice, text, level, slug))
    return store.audience({slug} if slug else None)


def _announce_logged(text: str, by: Actor, room: Room | None, id: str, reason: str) -> int:
    site = identity.of_system(conf.current().system_name)
    slugs = [room.slug] if room is not None else store.open_rooms()
    slug = room.slug if room is not None else ""
    begin = partial(store.record, Act.Kind.ANNOUNCE, by, room=slug, reason=reason)
    act, said = None, 0
    for some in in_turns(slugs, ROOMS_AT_ONCE):
        with transaction.atomic(using=_database()):
            outcomes = store.append(
                [
                    store.PostDraft(
                        room=slug,
                        sender_key=site.key,
                        sender_name=site.sender.name,
                        id=id,
                        text=text,
                    )
                    for slug in some
                ]
            )
            new = [found for found in _stored(outcomes) if not found.duplicate]
            said += len(new)
            if not new:
                continue
            # Not the text: the message may be redacted, and then its text is to be nowhere.
            detail = f"message {new[0].seq}" if room is not None else f"a message in {said} rooms"
            act = put_down(act, detail, begin)
            after_commit(partial(tell_stored, new))
    return said


# Taking texts away


def redact(messages: Iterable[Message], *, by: Actor, reason: str = "") -> int:
    """Take away the texts of ``messages``; everyone connected is told. How many there were.

    Messages without a text to take are passed over. Many are done in several transactions, unless
    one is open.
    """
    seqs = [(message.room.slug, message.seq) for message in messages]
    count = 0
    for some in in_turns(seqs, REDACTED_AT_ONCE):
        stored = _stored(store.append(_deletes(some, by, via=by.via, reason=reason)))
        after_commit(partial(tell_stored, stored))
        count += len(stored)
    settle_soon()
    return count


def redact_by(
    sender_key: str,
    *,
    since: datetime,
    by: Actor,
    room: Room | None = None,
    hidden: QuerySet[Room] | None = None,
    reason: str = "",
) -> int:
    """Take away the texts of all that one sender has said since a moment; how many there were.

    In ``room``, or in all but those that are ``hidden`` from who asks. It is one entry of the
    record, which begins with the first batch, so that what was done is in it even where the rest is
    not reached.
    """
    begin = partial(
        store.record,
        Act.Kind.REDACT,
        by,
        room=room.slug if room else "",
        target_key=sender_key,
        target_name=store.name_of(sender_key, hidden),
        reason=reason,
    )
    act, count = None, 0
    for some in in_turns(store.posts_of(sender_key, since, room, hidden), REDACTED_AT_ONCE):
        with transaction.atomic(using=_database()):
            stored = _stored(store.append(_deletes(some, by)))
            if stored:
                count += len(stored)
                act = put_down(act, f"{count} messages since {since:%Y-%m-%d %H:%M %Z}", begin)
                after_commit(partial(tell_stored, stored))
    settle_soon()
    return count


def _deletes(
    seqs: Iterable[tuple[str, int]], by: Actor, *, via: Act.Via | None = None, reason: str = ""
) -> list[store.Draft]:
    return [
        store.DeleteDraft(
            room=slug,
            sender_key=by.key,
            sender_name=by.name,
            seq=seq,
            moderator=True,
            via=via,
            reason=reason,
        )
        for slug, seq in seqs
    ]


def _stored(outcomes: Iterable[store.Outcome]) -> list[store.Stored]:
    return [outcome for outcome in outcomes if isinstance(outcome, store.Stored)]


def _database() -> str:
    return conf.current().database
