"""Appending to the log: many posts, edits and deletes, of many rooms, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from msgspec import Struct

from chat import conf
from chat.identity import sender_id
from chat.models import Message, Room, new_epoch
from chat.protocol import MAIN, events, frames
from chat.protocol.errors import Forbidden, NotFound, Problem, RateLimited, UnknownRoom
from chat.protocol.events import Sender, timestamp
from chat.store.entries import Entry


class Draft(Struct, frozen=True, kw_only=True):
    """Something to be logged. ``epoch`` is given where the room may be made, with that epoch."""

    room: str
    sender_key: str
    sender_name: str
    epoch: str | None = None


class PostDraft(Draft, frozen=True, kw_only=True):
    """A message to be stored, once for each ``id`` of a sender.

    ``slowed`` where a slow mode of the room binds its sender.
    """

    id: str
    text: str
    slowed: bool = False


class EditDraft(Draft, frozen=True, kw_only=True):
    """Another text for the message at ``seq``."""

    seq: int
    text: str
    moderator: bool = False


class DeleteDraft(Draft, frozen=True, kw_only=True):
    """The message at ``seq`` is to lose its text."""

    seq: int
    moderator: bool = False


class Stored(Struct, frozen=True, kw_only=True):
    """A draft that is in the log once the transaction has committed.

    ``entry`` is what is to be sent to everybody; a duplicate has none, it was sent before.
    ``moderated`` where somebody changed the message ``target`` of somebody else.
    """

    room: str
    epoch: str
    seq: int
    entry: Entry | None = None
    target: int = 0
    moderated: bool = False

    @property
    def duplicate(self) -> bool:
        """Whether an earlier post with the same id is the one that is in the log."""
        return self.entry is None


Outcome = Stored | Problem


def append(drafts: Sequence[Draft]) -> list[Outcome]:
    """Store ``drafts`` in one transaction; what became of each, in their order.

    Rooms are locked in the order of their ids, so that two processes never wait for each other in
    a ring. A draft that cannot be stored is answered with its ``Problem`` and harms no other.
    """
    with transaction.atomic(using=conf.current().database):
        return append_here(drafts)


def append_here(drafts: Sequence[Draft]) -> list[Outcome]:
    """``append`` within a transaction that is open already."""
    return _Appending(drafts).run()


def added(outcomes: Iterable[Outcome]) -> list[tuple[str, str, list[Entry]]]:
    """What was added to the log, as (room, epoch, consecutive entries).

    What one transaction adds to a room is consecutive; between transactions others may write.
    """
    runs: list[tuple[str, str, list[Entry]]] = []
    newest: dict[tuple[str, str], list[Entry]] = {}
    for outcome in outcomes:
        if not isinstance(outcome, Stored) or outcome.entry is None:
            continue
        room = (outcome.room, outcome.epoch)
        run = newest.get(room)
        if run is None or run[-1].seq + 1 != outcome.entry.seq:
            run = newest[room] = []
            runs.append((*room, run))
        run.append(outcome.entry)
    return runs


class _Appending:
    """The state of one append. Queries: rooms, duplicates, targets, insert, heads.

    And one for each room in slow mode.
    """

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self.drafts = drafts
        self.database = conf.current().database
        self.now = timezone.now()
        self.rows: list[Message] = []
        self.touched: dict[str, Room] = {}
        self.spoke: dict[tuple[int, str], datetime] = {}
        self.posted: dict[tuple[int, str, str], int] = {}
        self.targets: dict[tuple[int, int], Message] = {}
        self.changed: dict[int, Message] = {}

    def run(self) -> list[Outcome]:
        self.rooms = self._lock_rooms()
        self._find_duplicates()
        self._find_targets()
        self._find_who_spoke()
        outcomes = [self._one(draft) for draft in self.drafts]
        self._write()
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
        posts = [d for d in self.drafts if isinstance(d, PostDraft) and d.room in self.rooms]
        if not posts:
            return
        found = (
            Message.objects.using(self.database)
            .filter(
                room__in={self.rooms[d.room].pk for d in posts},
                sender_key__in={d.sender_key for d in posts},
                client_id__in={d.id for d in posts},
            )
            .order_by()
            .values_list("room_id", "sender_key", "client_id", "seq")
        )
        self.posted = {(room, key, str(client)): seq for room, key, client, seq in found}

    def _find_targets(self) -> None:
        wanted: dict[int, set[int]] = {}
        for draft in self.drafts:
            if isinstance(draft, EditDraft | DeleteDraft) and draft.room in self.rooms:
                wanted.setdefault(self.rooms[draft.room].pk, set()).add(draft.seq)
        for room_pk, seqs in wanted.items():
            found = Message.objects.using(self.database).filter(
                room=room_pk, seq__in=seqs, kind=Message.Kind.POST, deleted_at=None
            )
            self.targets.update({(room_pk, message.seq): message for message in found})

    def _find_who_spoke(self) -> None:
        """When those last posted whom a room's slow mode may keep waiting."""
        senders: dict[str, set[str]] = {}
        for draft in self.drafts:
            if isinstance(draft, PostDraft) and draft.slowed and draft.room in self.rooms:
                senders.setdefault(draft.room, set()).add(draft.sender_key)
        for slug, keys in senders.items():
            room = self.rooms[slug]
            if not room.slow_mode:
                continue
            since = self.now - timedelta(seconds=room.slow_mode)
            posts = Message.objects.using(self.database).filter(
                room=room, sender_key__in=keys, kind=Message.Kind.POST, at__gt=since
            )
            found = posts.order_by().values_list("sender_key").annotate(last=Max("at"))
            self.spoke.update({(room.pk, key): last for key, last in found})

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
        wait = self._slow_mode_left(room, draft)
        if wait > 0:
            return RateLimited(
                f"slow mode: one message every {room.slow_mode} s", retry_after=round(wait, 3)
            )
        row = self._row(room, draft, Message.Kind.POST, client_id=draft.id, text=draft.text)
        self.posted[once] = row.seq
        self.spoke[room.pk, draft.sender_key] = row.at
        event = events.Message(
            room=room.slug,
            seq=row.seq,
            id=draft.id,
            sender=Sender(sender_id(draft.sender_key), draft.sender_name),
            text=draft.text,
            at=timestamp(row.at),
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
        if message is None or message.deleted_at is not None:
            return NotFound()
        if message.sender_key != draft.sender_key and not draft.moderator:
            return Forbidden("only its sender or a moderator may change a message")
        event: events.Edited | events.Deleted
        if isinstance(draft, EditDraft):
            row = self._row(room, draft, Message.Kind.EDIT, target=message)
            message.text, message.edited_at = draft.text, self.now
            event = events.Edited(
                room=room.slug,
                seq=row.seq,
                target=message.seq,
                text=draft.text,
                at=timestamp(self.now),
            )
        else:
            row = self._row(room, draft, Message.Kind.DELETE, target=message)
            message.text, message.deleted_at = "", self.now
            event = events.Deleted(
                room=room.slug, seq=row.seq, target=message.seq, at=timestamp(self.now)
            )
        self.changed[message.pk] = message
        actor = Sender(sender_id(draft.sender_key), draft.sender_name)
        return Stored(
            room=room.slug,
            epoch=room.epoch,
            seq=row.seq,
            entry=Entry(row.seq, frames.encode(event), message.seq, actor),
            target=message.seq,
            moderated=message.sender_key != draft.sender_key,
        )

    def _row(
        self,
        room: Room,
        draft: Draft,
        kind: Message.Kind,
        *,
        client_id: str | None = None,
        text: str = "",
        target: Message | None = None,
    ) -> Message:
        room.head += 1
        self.touched[room.slug] = room
        row = Message(
            room_id=room.pk,
            seq=room.head,
            kind=kind,
            target=target,
            sender_key=draft.sender_key,
            sender_name=draft.sender_name,
            client_id=client_id,
            text=text,
            at=self.now,
        )
        self.rows.append(row)
        return row

    def _write(self) -> None:
        messages = Message.objects.using(self.database)
        messages.bulk_create(self.rows)
        for message in self.changed.values():
            message.save(using=self.database, update_fields=["text", "edited_at", "deleted_at"])
        rooms = Room.objects.using(self.database)
        if len(self.touched) == 1:
            # The usual case: bulk_update's CASE costs twice as much to build.
            (room,) = self.touched.values()
            rooms.filter(pk=room.pk).update(head=room.head)
        elif self.touched:
            rooms.bulk_update(self.touched.values(), ["head"])
