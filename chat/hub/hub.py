"""The process's hub: its sessions and rooms, and how they come and go."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections import Counter
from collections.abc import Coroutine, Iterable
from functools import partial
from typing import Any

from chat import access, conf, store
from chat.access import Rights
from chat.hub import bus as signals
from chat.hub import visiting
from chat.hub.bus import Bus
from chat.hub.dialects import Dialect
from chat.hub.drain import Drain
from chat.hub.heart import Heart
from chat.hub.presence import Presence
from chat.hub.room import Room
from chat.hub.seat import Hint, Seat
from chat.hub.sending import Send
from chat.hub.session import Session
from chat.hub.threads import Threads
from chat.hub.writer import Writer
from chat.identity import Identity
from chat.models import Room as Record
from chat.protocol import MAIN, events, frames
from chat.protocol.closing import CloseCode
from chat.protocol.commands import Position
from chat.protocol.errors import UnknownRoom

logger = logging.getLogger("chat")

_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def current() -> Hub:
    """The hub of the running loop, made and started on the first call."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        for ended in [other for other in _hubs if other.is_closed()]:
            del _hubs[ended]  # it ended without stopping its hub
        hub = _hubs[loop] = Hub(loop)
        hub.start()
    return hub


def running() -> list[Hub]:
    """The hubs of this process: usually one, none where nobody has connected."""
    return list(_hubs.values())


class Refused(Exception):
    """A connection that is not let in; ``code`` says why."""

    def __init__(self, code: CloseCode) -> None:
        super().__init__(code.name)
        self.code = code


class Hub:
    """Everything live in one process."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.id = secrets.token_hex(8)
        self.config = conf.current()
        self.sessions: dict[Session, None] = {}
        self.rooms: dict[str, Room] = {}
        self.threads = Threads(readers=self.config.read_threads)
        self.writer = Writer(self.threads, batch=self.config.commit_batch, publish=self.publish)
        self.presence = Presence(self)
        self.heart = Heart(self)
        self.drain = Drain(self)
        self.draining = False
        """Whether this process is about to leave: nobody is let in any more."""
        self.bus = Bus(self.config.channel_layer, hear=self.hear, regained=self.heart.look)
        self.moments = itertools.count()
        """Tells what came before what: the time does not, where a loop's clock counts in ms."""
        self._opening: dict[str, asyncio.Task[Room | None]] = {}
        self._heard_early: dict[str, list[signals.Batch]] = {}
        self._by_user: Counter[str] = Counter()
        self._by_address: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self) -> None:
        """Start the few tasks a hub has, however many sessions it serves."""
        self.bus.start()
        self.spawn(self.presence.run())
        self.heart.start()
        self.drain.install()

    async def stop(self) -> None:
        """Commit what waits, leave the roster and the bus, end all tasks."""
        _hubs.pop(self.loop, None)
        self.drain.uninstall()
        for session in list(self.sessions):
            session.gone()
        await self.writer.settled()
        await self.presence.stop()
        await self.bus.stop()
        for room in self.rooms.values():
            await room.stop()
        tasks = [*self._tasks, *self._opening.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.loop.run_in_executor(None, self.threads.stop)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` on the side, and end it with the hub."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("a task of the hub failed", exc_info=task.exception())

    # Sessions

    def admit(self, who: Identity, address: str) -> None:
        """Raise ``Refused`` where ``who`` may not open a session now."""
        if self.draining:
            raise Refused(CloseCode.GOING_AWAY)
        if not access.may_connect(who):
            raise Refused(CloseCode.SIGNED_OUT)
        most = self.config.sessions_per_user
        if most and self._by_user[who.key] >= most:
            raise Refused(CloseCode.TOO_MANY_CONNECTIONS)
        most = self.config.sessions_per_address
        if most and self._by_address[address] >= most:
            raise Refused(CloseCode.TOO_MANY_CONNECTIONS)

    def connect(self, who: Identity, dialect: Dialect, address: str, send: Send) -> Session:
        """A session for a connection that was accepted."""
        who = who.unnamed() if dialect.terminal else who
        session = Session(self, who, dialect, address, send)
        self.sessions[session] = None
        self._by_user[who.key] += 1
        self._by_address[address] += 1
        return session

    def disconnect(self, session: Session) -> None:
        """Forget a session that is over. Safe to call again."""
        if session not in self.sessions:
            return
        del self.sessions[session]
        for counter, key in (
            (self._by_user, session.identity.key),
            (self._by_address, session.address),
        ):
            counter[key] -= 1
            if not counter[key]:
                del counter[key]
        self.presence.disconnected(session)

    # Rooms

    async def enter(self, slug: str, who: Identity, *, create: bool) -> tuple[Room, Rights, int]:
        """The live room for somebody who wants to join it, and what they may do there.

        The number is that of the room's reviews: another review makes these rights doubtful. Raises
        a ``Problem``: unknown room, no right to see it, no database.
        """
        room = await self._open(slug, create=create)
        reviews = room.reviews
        rights = await self._rights(who, room.record)
        if rights.refusal is not None:
            raise rights.refusal
        return room, rights, reviews

    async def look_up(self, slug: str, who: Identity) -> tuple[Record, Rights]:
        """A room and what ``who`` may do there, without joining. Raises a ``Problem``."""
        room = self.rooms.get(slug)
        record = room.record if room else await self.threads.read(store.find_room, slug)
        if record is None and slug == MAIN:
            record = (await self._open(MAIN, create=True)).record
        if record is None:
            raise UnknownRoom
        rights = await self._rights(who, record)
        if rights.refusal is not None:
            raise rights.refusal
        return record, rights

    async def _rights(self, who: Identity, record: Record) -> Rights:
        roles = {}
        if not who.is_guest:
            roles = await self.threads.read(store.roles_in, record.pk, {who.user_pk})
        return access.rights(who, record, roles.get(who.user_pk))

    async def rooms_for(self, who: Identity) -> list[events.RoomLine]:
        """The rooms ``who`` may see, by name, with how many are there. Raises ``Unavailable``."""
        listed = await self.threads.read(store.rooms_of, who.user_pk)
        rooms = {
            room.slug: room.title or room.slug
            for room, role in listed
            if access.rights(who, room, role).see
        }
        if not any(room.slug == MAIN for room, _ in listed):
            rooms[MAIN] = MAIN  # its row is made when the first one comes
        return [
            events.RoomLine(room=slug, title=title, online=self.presence.online(slug))
            for slug, title in sorted(rooms.items())
        ]

    async def recovers(self, room: Room, after: Position) -> bool:
        """Whether a resume after that position can be served in full. Raises ``Unavailable``."""
        if after.epoch != room.record.epoch or not await room.reach(after.seq):
            return False
        missed = room.sent - after.seq
        if missed > self.config.resume_limit:
            return False
        entries = await room.span(after.seq, room.sent)
        return not missed or (bool(entries) and entries[0].seq == after.seq + 1)

    async def start_of_history(self, room: Room, messages: int) -> int:
        """The position after which the last ``messages`` messages lie. Raises ``Unavailable``."""
        start = room.tail.start_of_last(messages)
        if start is None:
            start = await self.threads.read(store.start_of_last, room.record, messages, room.sent)
        return min(room.sent, max(start, room.sent - self.config.resume_limit))

    async def _open(self, slug: str, *, create: bool) -> Room:
        """The live room, loaded if need be: one load, however many wait for it."""
        while True:
            room = self.rooms.get(slug)
            if room is not None:
                return room
            opening = self._opening.get(slug)
            # One that is over tells nothing new, and waiting for it would not even let others run.
            mine = opening is None or opening.done()
            if opening is None or opening.done():
                opening = self.loop.create_task(self._load(slug, create=create))
                self._opening[slug] = opening
                opening.add_done_callback(partial(self._opened, slug))
            room = await asyncio.shield(opening)
            if room is not None:
                return room
            if mine or not create:
                raise UnknownRoom

    def _opened(self, slug: str, opening: asyncio.Task[Room | None]) -> None:
        if self._opening.get(slug) is opening:
            del self._opening[slug]

    async def _load(self, slug: str, *, create: bool) -> Room | None:
        # In the group before the head is read: what is committed after that is heard.
        opened = None
        self._heard_early[slug] = []
        await self.bus.enter(slug)
        try:
            opened = await self.threads.read(store.open_room, slug, self.config.tail)
            if opened is None and create:
                await self.threads.write(store.create_room, slug)
                opened = await self.threads.read(store.open_room, slug, self.config.tail)
        finally:
            early = self._heard_early.pop(slug)
            if opened is None:
                await self.bus.exit(slug)
        if opened is None:
            return None
        room = self.rooms[slug] = Room(opened, self.config, read=self._read, head=self._head)
        for batch in early:
            self._accept(batch)
        return room

    async def _read(self, record: Record, after: int, upto: int) -> list[store.Entry]:
        return await self.threads.read(store.read_after, record, after, upto)

    async def _head(self, record: Record) -> int:
        found = await self.threads.read(store.find_room, record.slug)
        return found.head if found is not None else 0

    def left(self, session: Session, room: Room, *, gone: bool) -> None:
        """A session has left a room."""
        self.presence.leave(session, room.slug, gone=gone)
        if not room.seats:
            self.spawn(self.remove_unused(room))

    async def remove_unused(self, room: Room) -> None:
        """Take away a room that was made by joining, where nothing was said and nobody is.

        Somebody may be joining it just now, here or elsewhere: a post of theirs makes the row
        again, with the same epoch.
        """
        if not room.record.transient or room.order.head or self.presence.elsewhere(room.slug):
            return
        removed = await self.threads.write(store.remove_transient, room.slug)
        if removed and not room.seats:
            await self.close_room(room)

    async def remove_rooms_of_the_dead(self) -> None:
        """Take away the unused rooms that a process has left behind. Raises ``Unavailable``."""
        for slug in await self.threads.read(store.unused_rooms):
            if slug not in self.rooms and not self.presence.elsewhere(slug):
                await self.threads.write(store.remove_transient, slug)

    async def close_room(self, room: Room) -> None:
        """Forget a room that nobody here is in."""
        if self.rooms.get(room.slug) is room:
            del self.rooms[room.slug]
        await room.stop()
        await self.bus.exit(room.slug)
        if room.slug in self.rooms or room.slug in self._opening:
            await self.bus.enter(room.slug)  # somebody came while we left

    async def alter(self, room: Room, record: Record | None) -> None:
        """A room's row was changed, or is gone: let its sessions have what is right now."""
        if record is None and room.record.transient and not room.order.head and room.seats:
            # Another process took it for unused, as we said nothing of those who are in it.
            await self.threads.write(store.create_room, room.slug, epoch=room.record.epoch)
            return
        same = record is not None and (record.pk == room.record.pk or not room.order.head)
        if record is not None and same and record.epoch == room.record.epoch:
            await self._reconsider(room, record)
            return
        seats = list(room.seats)
        await self.close_room(room)
        for seat in seats:
            session = session_of(seat)
            if session.seats.get(room.slug) is not seat:
                continue  # it left, or joined anew, meanwhile
            if record is None and room.slug != MAIN:
                visiting.evict(session, seat)
            else:
                await visiting.start_over(session, room.slug)

    async def _reconsider(self, room: Room, record: Record) -> None:
        """Go by ``record`` from now on, everybody in the room too. Raises ``Unavailable``."""
        roles: dict[Any, str | None] = {None: None}  # guests have none
        while unknown := {session_of(seat).identity.user_pk for seat in room.seats} - roles.keys():
            found = await self.threads.read(store.roles_in, record.pk, unknown)
            roles.update({user: found.get(user) for user in unknown})
        room.record = record
        room.reviews += 1
        for seat in list(room.seats):
            session = session_of(seat)
            role = roles[session.identity.user_pk]
            session.reconsider(seat, access.rights(session.identity, record, role))

    # What is heard and told

    def publish(self, slug: str, epoch: str, entries: list[store.Entry]) -> None:
        """Entries were committed: serve this process at once, then tell the others."""
        batch = signals.Batch(slug, epoch, entries)
        self._accept(batch)
        self.bus.send(signals.group_of(slug), batch)

    def _accept(self, batch: signals.Batch) -> None:
        room = self.rooms.get(batch.room)
        if room is None:
            if batch.room in self._heard_early:
                self._heard_early[batch.room].append(batch)
        elif room.record.epoch != batch.epoch:
            self.heart.look()  # another history: the room's row says which
        else:
            room.accept(batch.entries)

    def publish_outcomes(self, outcomes: Iterable[store.Outcome]) -> None:
        """The same, for what was stored elsewhere than by the writer."""
        self.writer.announce(list(outcomes))

    def whisper(self, slug: str, event: events.AnyEvent) -> None:
        """Tell everybody in a room something that is not logged."""
        text = frames.encode(event)
        self.bus.send(signals.group_of(slug), signals.Whisper(self.id, slug, text))
        self._hint(slug, text)

    def _hint(self, slug: str, text: str) -> None:
        room = self.rooms.get(slug)
        if room is not None:
            room.hint(Hint(text))

    def hear(self, signal: signals.AnySignal) -> None:
        """Something came over the bus, this process's own signals among it."""
        match signal:
            case signals.Batch():
                self._accept(signal)
            case signals.Whisper():
                if signal.origin != self.id:
                    self._hint(signal.room, signal.text)
            case signals.Came():
                self.presence.hear(signal)
            case signals.Enrolled():
                if signal.node != self.presence.node:
                    self.heart.look()
            case signals.Altered():
                self.heart.look(signal.room)
            case signals.Look():
                self.heart.look()
            case signals.Probe():
                if signal.origin == self.id:
                    self.heart.probed_at = None


def session_of(seat: Seat) -> Session:
    """The session that sits there."""
    assert isinstance(seat.listener, Session), "only sessions sit in a hub's rooms"
    return seat.listener
