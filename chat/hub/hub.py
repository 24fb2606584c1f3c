"""The process's hub: its sessions and rooms, and how they come and go."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable
from typing import Any, TypeVar

from msgspec import structs

from chat import access, conf, store
from chat.access import Rights
from chat.hub import notices, signals
from chat.hub.bus import Bus
from chat.hub.dialects import Dialect
from chat.hub.drain import Drain
from chat.hub.figures import Figures
from chat.hub.guard import Guard
from chat.hub.heart import Heart
from chat.hub.limits import Buckets
from chat.hub.presence import Presence
from chat.hub.register import plain
from chat.hub.roles import RoleReads
from chat.hub.room import Room
from chat.hub.rooms import Rooms
from chat.hub.seat import Hint
from chat.hub.sending import Send
from chat.hub.session import TYPING_BURST, TYPING_RATE, Session
from chat.hub.threads import Threads
from chat.hub.vitals import Vitals
from chat.hub.watchers import Watchers
from chat.hub.writer import Writer
from chat.identity import Identity
from chat.models import Room as Record
from chat.protocol import MAIN, events, frames
from chat.protocol.closing import CloseCode
from chat.protocol.errors import UnknownRoom

logger = logging.getLogger("chat")

# Who has spoken by HTTP of late. A bucket is full again after two seconds, so that more would only
# be needed by 5 000 new senders a second.
SENDERS_MOST = 10_000

CLIENT_MOST = 200
"""Characters of a ``User-Agent`` that are kept."""

T = TypeVar("T")

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
        self.figures = Figures(self)
        counts = self.figures.counts
        self.rooms = Rooms(self)
        self.threads = Threads(readers=self.config.read_threads)
        self.writer = Writer(
            self.threads, batch=self.config.commit_batch, publish=self.publish, counts=counts
        )
        self.presence = Presence(self)
        self.vitals = Vitals(self)
        self.watchers = Watchers(self)
        self.heart = Heart(self)
        self.guard = Guard(self)
        self.roles = RoleReads(self)
        self.drain = Drain(self)
        self.draining = False
        """Whether this process is about to leave: nobody is let in any more."""
        self.bus = Bus(
            self.config.channel_layer, hear=self.hear, regained=self.heart.look, counts=counts
        )
        self.moments = itertools.count()
        """Tells what came before what: the time does not, where a loop's clock counts in ms."""
        rate = self.config.posts_per_second
        self.senders = Buckets(rate, 2 * rate, most=SENDERS_MOST)
        """How often those may ask for something who have no session: by HTTP."""
        self.typists = Buckets(TYPING_RATE, TYPING_BURST, most=SENDERS_MOST)
        """How often it is told that they type."""
        self._by_key: dict[str, dict[Session, None]] = {}
        self._by_address: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self) -> None:
        """Start the few tasks a hub has, however many sessions it serves."""
        self.figures.start()
        self.bus.start()
        self.spawn(self.presence.run())
        self.heart.start()
        self.spawn(self.guard.run())
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
        await self.rooms.stop()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.figures.stop()
        await self.loop.run_in_executor(None, self.threads.stop)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run ``work`` on the side, and end it with the hub."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("a task of the hub failed", exc_info=task.exception())

    # Sessions

    def examine(self, who: Identity, address: str) -> None:
        """Raise ``Refused`` where ``who`` may not do anything here now."""
        if self.draining:
            raise Refused(CloseCode.GOING_AWAY)
        if not access.may_connect(who) or self.guard.has_ended(who.proof.login):
            raise Refused(CloseCode.SIGNED_OUT)
        if access.barring(self.guard.restraints(who.key, address)) is not None:
            raise Refused(CloseCode.REMOVED)

    def admit(self, who: Identity, address: str) -> None:
        """Raise ``Refused`` where ``who`` may not open a session now."""
        self.examine(who, address)
        most = self.config.sessions_per_user
        if most and len(self.sessions_of(who.key)) >= most:
            raise Refused(CloseCode.TOO_MANY_CONNECTIONS)
        most = self.config.sessions_per_address
        if most and self._by_address[address] >= most:
            raise Refused(CloseCode.TOO_MANY_CONNECTIONS)

    def connect(
        self,
        who: Identity,
        dialect: Dialect,
        address: str,
        send: Send,
        *,
        cut: Callable[[], None] = lambda: None,
        client: str = "",
    ) -> Session:
        """A session for a connection that was accepted; ``client`` is its ``User-Agent``.

        ``cut`` ends a connection that takes nothing any more, not even its close.
        """
        who = who.unnamed() if dialect.terminal else who
        client = plain(client, CLIENT_MOST)
        session = Session(self, who, dialect, address, send, cut=cut, client=client)
        self.sessions[session] = None
        self._by_key.setdefault(who.key, {})[session] = None
        self._by_address[address] += 1
        self.presence.connected(session)
        self.guard.came(session)
        return session

    def sessions_of(self, key: str) -> Collection[Session]:
        """The sessions of one sender."""
        return self._by_key.get(key, {}).keys()

    def disconnect(self, session: Session) -> None:
        """Forget a session that is over. Safe to call again."""
        if session not in self.sessions:
            return
        del self.sessions[session]
        own = self._by_key[session.identity.key]
        del own[session]
        if not own:
            del self._by_key[session.identity.key]
        self._by_address[session.address] -= 1
        if not self._by_address[session.address]:
            del self._by_address[session.address]
        self.guard.gone(session)
        self.watchers.unwatch(session)
        self.presence.disconnected(session)

    # Rooms

    async def enter(
        self, slug: str, who: Identity, *, create: bool, address: str = ""
    ) -> tuple[Room, Rights, int]:
        """The live room for somebody who wants to join it, and what they may do there.

        The number is that of the room's reviews: another review makes these rights doubtful. Raises
        a ``Problem``: unknown room, no right to see it, no database.
        """
        room = await self.rooms.open(slug, create=create)
        reviews = room.reviews
        rights = await self._rights(who, address, room.record)
        if rights.refusal is not None:
            raise rights.refusal
        return room, rights, reviews

    async def look_up(self, slug: str, who: Identity, address: str = "") -> tuple[Record, Rights]:
        """A room and what ``who`` may do there, without joining. Raises a ``Problem``."""
        room = self.rooms.get(slug)
        record = room.record if room else await self.threads.read(store.find_room, slug)
        if record is None and slug == MAIN:
            record = (await self.rooms.open(MAIN, create=True)).record
        if record is None:
            raise UnknownRoom
        rights = await self._rights(who, address, record)
        if rights.refusal is not None:
            raise rights.refusal
        return record, rights

    async def _rights(self, who: Identity, address: str, record: Record) -> Rights:
        await self.guard.known()
        role = None if who.is_guest else await self.roles.of(who.user_pk, record.pk)
        restraints = self.guard.restraints(who.key, address)
        return access.rights(who, record, role, restraints)

    async def start_of_history(self, room: Room, messages: int) -> int:
        """The position after which the last ``messages`` messages lie. Raises ``Unavailable``."""
        start = room.tail.start_of_last(messages)
        if start is None:
            start = await self.threads.read(store.start_of_last, room.record, messages, room.sent)
        return min(room.sent, max(start, room.sent - self.config.resume_limit))

    def left(self, session: Session, room: Room, *, gone: bool) -> None:
        """A session has left a room."""
        self.presence.leave(session, room.slug, gone=gone)
        if not room.seats:
            self.spawn(self.rooms.remove_unused(room))

    # What is heard and told

    def publish(self, slug: str, epoch: str, entries: list[store.Entry]) -> None:
        """Entries were committed: serve this process at once, then tell the others."""
        batch = signals.Batch(slug, epoch, entries)
        self.rooms.accept(batch)
        self.bus.send(signals.group_of(slug), batch)

    def publish_outcomes(self, outcomes: Iterable[store.Outcome]) -> None:
        """The same, for what was stored elsewhere than by the writer."""
        self.writer.announce(list(outcomes))

    def whisper(self, slug: str, event: events.AnyEvent) -> None:
        """Tell everybody in a room something that is not logged."""
        text = frames.encode(event)
        self.bus.send(signals.group_of(slug), signals.Whisper(self.id, slug, text))
        self._hint(slug, text)

    def notify(self, notice: signals.Announced) -> None:
        """Show a notice to those it is for, here and in the other processes."""
        self.bus.send(signals.CONTROL, structs.replace(notice, origin=self.id))
        notices.show(self, notice)

    def _hint(self, slug: str, text: str) -> None:
        room = self.rooms.get(slug)
        if room is not None:
            room.hint(Hint(text))

    def hear(self, signal: signals.AnySignal) -> None:
        """Something came over the bus, this process's own signals among it."""
        match signal:
            case signals.Batch():
                self.rooms.accept(signal)
            case signals.Whisper():
                if signal.origin != self.id:
                    self._hint(signal.room, signal.text)
            case signals.Announced():
                if signal.origin != self.id:
                    notices.show(self, signal)
            case signals.Came():
                self.presence.hear(signal)
            case signals.Enrolled():
                if signal.node != self.presence.node:
                    self.heart.look()
            case signals.Altered():
                self.heart.look(signal.room)
            case signals.Look():
                self.heart.look()
            case signals.Barred() | signals.SignedOut() | signals.Doubted() | signals.Dismissed():
                self.guard.hear(signal)
            case signals.Probe():
                if signal.origin == self.id:
                    self.heart.probed_at = None
