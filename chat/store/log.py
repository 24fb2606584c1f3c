"""Appending to the log: many posts, edits and deletes, of many rooms, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import (
    DatabaseError,
    InterfaceError,
    InternalError,
    OperationalError,
    connections,
    transaction,
)
from django.db.models import Max
from django.utils import timezone

from chat import conf
from chat.identity import sender_id
from chat.models import Act, Message, Room, new_epoch
from chat.protocol import MAIN, events, frames
from chat.protocol.errors import Forbidden, NotFound, RateLimited, UnknownRoom
from chat.protocol.events import Sender, timestamp
from chat.store import changes
from chat.store.acts import Actor, messages_of, record
from chat.store.drafts import DeleteDraft, Draft, EditDraft, Outcome, PostDraft, Stored
from chat.store.entries import Entry
from chat.store.rows import Once, Row, find, insert


class CommitInDoubt(DatabaseError):
    """The connection was lost during the commit: it may have happened, or happen yet.

    Appending the same again finds out which: it waits for the rooms' locks, which are held until
    that is decided.
    """


def append(drafts: Sequence[Draft], *, again: bool = False) -> list[Outcome]:
    """Store ``drafts`` in one transaction; what became of each, in their order.

    Rooms are locked in the order of their ids, so that two processes never wait for each other in
    a ring. A draft that cannot be stored is answered with its ``Problem`` and harms no other.
    Raises ``CommitInDoubt``; after any other error nothing was stored.

    A post that is in the log already is known by its id. ``again`` is for drafts that were in
    doubt: then an edit or a delete that its sender has made already adds nothing, either. (Of two
    edits of one message among them, both are added again.)
    """
    database = conf.current().database
    connection, used = connections[database], None
    try:
        with transaction.atomic(using=database):
            outcomes = append_here(drafts, again=again)
            used = connection.connection
    except (OperationalError, InterfaceError, InternalError) as error:
        # Django may have made a new connection already.
        if used is not None and (connection.connection is not used or not connection.is_usable()):
            raise CommitInDoubt(str(error)) from error
        raise
    return outcomes


def append_here(drafts: Sequence[Draft], *, again: bool = False) -> list[Outcome]:
    """``append`` within a transaction that is open already."""
    return _Appending(drafts, again=again).run()


class _Moderated(NamedTuple):
    """What makes one entry in the record of moderation, however many messages it is about."""

    room: str
    by: Actor
    reason: str
    target_key: str
    target_name: str


class _Appending:
    """The state of one append. Queries: rooms, duplicates, targets, insert, heads.

    One more where a slow mode may bind a sender, one for each entry in the record, and where drafts
    come again one for each room with changes among them.
    """

    def __init__(self, drafts: Sequence[Draft], *, again: bool) -> None:
        self.drafts = drafts
        self.again = again
        self.database = conf.current().database
        self.now = timezone.now()
        self.at = timestamp(self.now)
        self.rows: list[Row] = []
        self.touched: dict[str, Room] = {}
        self.spoke: dict[tuple[int, str], datetime] = {}
        self.posted: dict[Once, int] = {}
        self.targets: dict[changes.Place, Message] = {}
        self.changed: dict[int, changes.Fields] = {}
        self.made: dict[changes.Done, tuple[str, int]] = {}
        self.moderated: dict[_Moderated, list[int]] = {}

    def run(self) -> list[Outcome]:
        self.rooms = self._lock_rooms()
        self._find_duplicates()
        self._find_targets()
        self._find_who_spoke()
        outcomes = [self._one(draft) for draft in self.drafts]
        self._write()
        self._record()
        return outcomes

    def _lock_rooms(self) -> dict[str, Room]:
        wanted: dict[str, str | None] = {}
        for draft in self.drafts:
            wanted[draft.room] = wanted.get(draft.room) or draft.epoch
        rooms = self._locked(wanted)
        missing = [
            Room(slug=slug, epoch=epoch or new_epoch(), transient=slug != MAIN)
            for slug, epoch in wanted.items()
            if slug not in rooms and (epoch is not None or slug == MAIN)
        ]
        if missing:
            # Another process may be making the same room just now.
            Room.objects.using(self.database).bulk_create(missing, ignore_conflicts=True)
            rooms = self._locked(wanted)
        return rooms

    def _locked(self, slugs: Iterable[str]) -> dict[str, Room]:
        rooms = Room.objects.using(self.database).select_for_update().order_by("pk")
        return {room.slug: room for room in rooms.filter(slug__in=list(slugs))}

    def _find_duplicates(self) -> None:
        wanted = {
            (self.rooms[draft.room].pk, draft.sender_key, draft.id)
            for draft in self.drafts
            if isinstance(draft, PostDraft) and draft.room in self.rooms
        }
        self.posted = find(wanted, database=self.database)

    def _find_targets(self) -> None:
        wanted: dict[str, set[int]] = {}
        for draft in self.drafts:
            if isinstance(draft, EditDraft | DeleteDraft) and draft.room in self.rooms:
                wanted.setdefault(draft.room, set()).add(draft.seq)
        for slug, seqs in wanted.items():
            room = self.rooms[slug]
            self.targets.update(changes.targets(room, seqs, database=self.database))
            if self.again:
                self.made.update(changes.newest(room, seqs, database=self.database))

    def _find_who_spoke(self) -> None:
        """When those last posted whom a room's slow mode may keep waiting.

        Asked by sender and time, which have an index, and not by room: a sender says little in so
        short a time, but may have said a lot in a room.
        """
        slowed = [
            (self.rooms[draft.room], draft.sender_key)
            for draft in self.drafts
            if isinstance(draft, PostDraft) and draft.slowed and draft.room in self.rooms
        ]
        longest = max((room.slow_mode for room, _ in slowed), default=0)
        if not longest:
            return
        found = (
            Message.objects.using(self.database)
            .filter(
                sender_key__in={key for room, key in slowed if room.slow_mode},
                at__gt=self.now - timedelta(seconds=longest),
                kind=Message.Kind.POST,
            )
            .order_by()
            .values_list("room_id", "sender_key")
            .annotate(last=Max("at"))
        )
        self.spoke = {(room, key): last for room, key, last in found}

    def _one(self, draft: Draft) -> Outcome:
        room = self.rooms.get(draft.room)
        if room is None:
            return UnknownRoom()
        match draft:
            case PostDraft():
                return self._post(room, draft)
            case EditDraft() | DeleteDraft():
                return self._change(room, draft)
        raise TypeError(f"no such draft: {draft!r}")

    def _post(self, room: Room, draft: PostDraft) -> Outcome:
        once = (room.pk, draft.sender_key, draft.id)
        if once in self.posted:
            return Stored(room=room.slug, epoch=room.epoch, seq=self.posted[once])
        if draft.refusal is not None:
            return draft.refusal
        wait = self._slow_mode_left(room, draft)
        if wait > 0:
            return RateLimited(
                f"slow mode: one message every {room.slow_mode} s", retry_after=round(wait, 3)
            )
        row = self._row(room, draft, Message.Kind.POST, client_id=draft.id, text=draft.text)
        self.posted[once] = row.seq
        self.spoke[room.pk, draft.sender_key] = self.now
        event = events.Message(
            room=room.slug,
            seq=row.seq,
            id=draft.id,
            sender=Sender(sender_id(draft.sender_key), draft.sender_name),
            text=draft.text,
            at=self.at,
        )
        entry = Entry(row.seq, frames.encode(event))
        return Stored(room=room.slug, epoch=room.epoch, seq=row.seq, entry=entry)

    def _slow_mode_left(self, room: Room, draft: PostDraft) -> float:
        last = self.spoke.get((room.pk, draft.sender_key))
        if last is None or not draft.slowed:
            return 0.0
        return room.slow_mode - (self.now - last).total_seconds()

    def _change(self, room: Room, draft: EditDraft | DeleteDraft) -> Outcome:
        message = self.targets.get((room.pk, draft.seq))
        made = self._made(room, draft, message)
        if made:
            return Stored(room=room.slug, epoch=room.epoch, seq=made, target=draft.seq)
        if message is None or message.deleted_at is not None:
            return NotFound()
        if message.sender_key != draft.sender_key and not draft.moderator:
            return Forbidden("only its sender or a moderator may change a message")
        event: events.Edited | events.Deleted
        if isinstance(draft, EditDraft):
            row = self._row(room, draft, Message.Kind.EDIT, target=message)
            self._set(message, text=draft.text, edited_at=self.now)
            event = events.Edited(
                room=room.slug,
                seq=row.seq,
                target=message.seq,
                text=draft.text,
                at=self.at,
            )
        else:
            row = self._row(room, draft, Message.Kind.DELETE, target=message)
            self._set(message, text="", deleted_at=self.now)
            event = events.Deleted(room=room.slug, seq=row.seq, target=message.seq, at=self.at)
            self._note_moderation(room, draft, message)
        actor = Sender(sender_id(draft.sender_key), draft.sender_name)
        return Stored(
            room=room.slug,
            epoch=room.epoch,
            seq=row.seq,
            entry=Entry(row.seq, frames.encode(event), message.seq, actor),
            target=message.seq,
        )

    def _made(self, room: Room, draft: EditDraft | DeleteDraft, message: Message | None) -> int:
        """The seq of the change where its sender has made it already; else 0."""
        kind, seq = self.made.get((room.pk, draft.seq, draft.sender_key), ("", 0))
        if isinstance(draft, DeleteDraft):
            return seq if kind == Message.Kind.DELETE else 0
        is_so = message is not None and message.text == draft.text
        return seq if kind == Message.Kind.EDIT and is_so else 0

    def _set(self, message: Message, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(message, name, value)
        self.changed.setdefault(message.pk, {}).update(fields)

    def _note_moderation(self, room: Room, draft: DeleteDraft, message: Message) -> None:
        own = message.sender_key == draft.sender_key
        if draft.via is None or (own and draft.via == Act.Via.CHAT and not draft.as_moderation):
            return
        by = Actor(key=draft.sender_key, name=draft.sender_name, via=draft.via)
        what = _Moderated(room.slug, by, draft.reason, message.sender_key, message.sender_name)
        self.moderated.setdefault(what, []).append(message.seq)

    def _row(
        self,
        room: Room,
        draft: Draft,
        kind: Message.Kind,
        *,
        client_id: str | None = None,
        text: str = "",
        target: Message | None = None,
    ) -> Row:
        room.head += 1
        self.touched[room.slug] = room
        row = Row(
            room=room.pk,
            seq=room.head,
            kind=kind.value,
            target=None if target is None else target.pk,
            sender_key=draft.sender_key,
            sender_name=draft.sender_name,
            client_id=client_id,
            text=text,
        )
        self.rows.append(row)
        return row

    def _write(self) -> None:
        insert(self.rows, self.now, database=self.database)
        changes.write(self.changed, database=self.database)
        rooms = Room.objects.using(self.database)
        if len(self.touched) == 1:
            # The usual case: bulk_update's CASE costs twice as much to build.
            (room,) = self.touched.values()
            rooms.filter(pk=room.pk).update(head=room.head)
        elif self.touched:
            rooms.bulk_update(self.touched.values(), ["head"])

    def _record(self) -> None:
        for what, seqs in self.moderated.items():
            record(
                Act.Kind.REDACT,
                what.by,
                room=what.room,
                target_key=what.target_key,
                target_name=what.target_name,
                reason=what.reason,
                detail=messages_of(seqs),
            )
