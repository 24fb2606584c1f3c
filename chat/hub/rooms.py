"""The rooms that are open in this process: how they are opened, changed, closed and taken away."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from chat import store
from chat.hub import reviewing, visiting
from chat.hub.room import Room
from chat.hub.seat import Seat
from chat.hub.session import Session
from chat.hub.signals import Batch
from chat.models import Room as Record
from chat.protocol import MAIN
from chat.protocol.closing import CloseCode
from chat.protocol.errors import UnknownRoom

if TYPE_CHECKING:
    from chat.hub.hub import Hub

logger = logging.getLogger("chat")


SEATS_AT_ONCE = 256

# Sessions that start over at once: their reads go together, and others have their turns between.
STARTS_AT_ONCE = 64


class _Opening:
    """A room that is being loaded."""

    __slots__ = ("create", "early", "loading")

    def __init__(self, loading: asyncio.Task[Room | None]) -> None:
        self.loading = loading
        self.create = False
        """Whether anybody wants it made where it is not there."""
        self.early: list[Batch] = []
        """What was heard of it meanwhile."""


class Rooms(dict[str, Room]):
    """Those that are open, by name."""

    def __init__(self, hub: Hub) -> None:
        super().__init__()
        self.hub = hub
        self._opening: dict[str, _Opening] = {}

    async def open(self, slug: str, *, create: bool) -> Room:
        """The live room, loaded if need be: one load, however many wait for it.

        Raises ``UnknownRoom`` where there is none and it is not to be made.
        """
        while True:
            room = self.get(slug)
            if room is not None:
                return room
            opening = self._opening.get(slug)
            mine = opening is None
            if opening is None:
                opening = _Opening(self.hub.loop.create_task(self._open(slug)))
                self._opening[slug] = opening
            # Also where it is another's, who only looks: a crowd for a room that is not there would
            # else wait for the looks of each of them.
            opening.create = opening.create or create
            room = await asyncio.shield(opening.loading)
            if room is not None:
                return room
            if mine or not create:
                raise UnknownRoom

    async def _open(self, slug: str) -> Room | None:
        try:
            return await self._load(slug, self._opening[slug])
        finally:
            # Not when the task is done: who asks between that and its waking others would wait for
            # what is over.
            del self._opening[slug]

    async def _load(self, slug: str, opening: _Opening) -> Room | None:
        # In the group before the head is read: what is committed after that is heard.
        opened, most = None, self.hub.config.tail
        await self.hub.bus.enter(slug)
        try:
            opened = await self.hub.threads.read(store.open_room, slug, most)
            if opened is None and opening.create:
                await self.hub.threads.write(store.create_room, slug)
                opened = await self.hub.threads.read(store.open_room, slug, most)
        finally:
            if opened is None:
                self.hub.bus.exit(slug)
        if opened is None:
            return None
        room = self[slug] = Room(
            opened,
            self.hub.config,
            read=self._read,
            head=self._head,
            counts=self.hub.figures.counts,
        )
        for batch in opening.early:
            self.accept(batch)
        return room

    async def _read(self, record: Record, after: int, upto: int) -> list[store.Entry]:
        return await self.hub.threads.read(store.read_after, record, after, upto)

    async def _head(self, record: Record) -> int:
        found = await self.hub.threads.read(store.find_room, record.slug)
        return found.head if found is not None else 0

    def accept(self, batch: Batch) -> None:
        """Entries were committed, here or elsewhere: pass them on."""
        room = self.get(batch.room)
        if room is None:
            if batch.room in self._opening:
                self._opening[batch.room].early.append(batch)
        elif room.record.epoch != batch.epoch:
            self.hub.heart.look()  # another history: the room's row says which
        else:
            room.accept(batch.entries)

    async def remove_unused(self, room: Room) -> None:
        """Take away a room that was made by joining, where nothing was said and nobody is.

        Somebody may be joining it just now, here or elsewhere, and not be in the roster yet: a post
        of theirs makes the row again, with the same epoch, and so does their process's next beat.
        """
        if not room.record.transient or room.order.head or self.hub.presence.elsewhere(room.slug):
            return
        removed = await self._remove(room.slug)
        if removed and not room.seats:
            await self.close(room)

    async def remove_those_of_the_dead(self) -> None:
        """Take away the unused rooms that a process has left behind. Raises ``Unavailable``."""
        for slug in await self.hub.threads.read(store.unused_rooms):
            if slug not in self and not self.hub.presence.elsewhere(slug):
                await self._remove(slug)

    async def _remove(self, slug: str) -> bool:
        # Without a shared layer it is only the roster that tells who is elsewhere.
        node = self.hub.presence.node
        return await self.hub.threads.write(store.remove_transient, slug, node=node)

    async def close(self, room: Room) -> None:
        """Forget a room that nobody here is in."""
        if self.get(room.slug) is room:
            del self[room.slug]
        await room.stop()
        if room.slug not in self and room.slug not in self._opening:
            self.hub.bus.exit(room.slug)

    async def alter(self, room: Room, record: Record | None) -> None:
        """A room's row was changed, or is gone: let its sessions have what is right now."""
        if record is None and room.record.transient and not room.order.head and room.seats:
            # Another process took it for unused, as we said nothing of those who are in it.
            await self.hub.threads.write(store.create_room, room.slug, epoch=room.record.epoch)
            return
        same = record is not None and (record.pk == room.record.pk or not room.order.head)
        if record is not None and record.pruned > room.order.head:
            same = False  # what we have not heard of yet is gone already
        if record is not None and same and record.epoch == room.record.epoch:
            await self._reconsider(room, record)
            return
        gone = record is None and room.slug != MAIN
        seats = list(room.seats)
        await self.close(room)
        for first in range(0, len(seats), STARTS_AT_ONCE):
            some = seats[first : first + STARTS_AT_ONCE]
            await asyncio.gather(*(self._move(seat, gone=gone) for seat in some))
            await asyncio.sleep(0)

    async def _move(self, seat: Seat, *, gone: bool) -> None:
        """Have one who sat in a closed room start over in it, or leave it where it is gone."""
        session, slug = session_of(seat), seat.room.slug
        if session.seats.get(slug) is not seat:
            return  # it left, or joined anew, meanwhile
        try:
            if gone:
                visiting.evict(session, seat)
            else:
                await visiting.start_over(session, slug)
        except Exception:
            # A fault of ours. Nobody serves that seat any more: they come back, and begin anew.
            logger.exception("%s: a session could not start over", slug)
            session.close(CloseCode.GOING_AWAY)

    async def _reconsider(self, room: Room, record: Record) -> None:
        """Go by ``record`` from now on, everybody in the room too. Raises ``Unavailable``."""
        before = {seat: seat.rights.role for seat in room.seats}
        roles: dict[Any, str | None] = {None: None}  # guests have none
        while unknown := {session_of(seat).identity.user_pk for seat in room.seats} - roles.keys():
            found = await self.hub.threads.read(store.roles_in, record.pk, unknown)
            roles.update({user: found.get(user) for user in unknown})
            await self.hub.guard.look_at_bans()
        # Who has come meanwhile came by the old record, and with a role that was just read.
        room.go_by(record)
        room.reviews += 1
        for number, seat in enumerate(list(room.seats), 1):
            session = session_of(seat)
            if session.seats.get(room.slug) is not seat:
                continue
            role = seat.rights.role  # what was read since is newer
            if seat in before and before[seat] == role:
                role = roles[session.identity.user_pk]
            reviewing.take_role(session, seat, role)
            if number % SEATS_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def stop(self) -> None:
        """End the tasks of all."""
        for room in self.values():
            await room.stop()
        tasks = [opening.loading for opening in self._opening.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def session_of(seat: Seat) -> Session:
    """The session that sits there."""
    assert isinstance(seat.listener, Session), "only sessions sit in a hub's rooms"
    return seat.listener
