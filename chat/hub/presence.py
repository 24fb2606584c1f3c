"""Who is online, in which room, across processes. A hint: at most once, never logged.

Each process knows its own people; it tells the others what changed over the bus, and writes its
sessions to the database (``register``). The revision in both tells a process that missed something,
and it reads that node's rows again. A node whose heartbeat count stands still is forgotten.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from chat import store
from chat.hub import signals
from chat.hub.dialects import TERMINAL
from chat.hub.people import BORROWED, OWN, UNNAMED, Change, Guise, People
from chat.hub.register import Register
from chat.hub.seat import Hint, Line
from chat.identity import Identity, sender_id
from chat.protocol import events, frames, terminal
from chat.protocol.errors import Unavailable
from chat.protocol.events import Sender

if TYPE_CHECKING:
    from chat.hub.hub import Hub
    from chat.hub.session import Session

logger = logging.getLogger("chat")

MEMBERS_MOST = 100
"""The most senders one event lists, as coming or as going; ``online`` counts them all."""

# Changes are told at most this often, and less often the more sessions there are to tell: a storm
# of connects must not cost its square in presence frames. 2 000 sessions are told once a second.
FLUSH_SECONDS = 0.05
FLUSH_SECONDS_PER_SESSION = 1 / 2000

# A node whose count of beats stands still for this many heartbeats of ours is dead. We see its last
# beat up to a beat late, and judge once in a beat: so it is gone within two heartbeats.
SILENT_HEARTBEATS = 1.5


class _Node:
    """Another process, as far as we have heard."""

    __slots__ = ("beaten_at", "beats", "revision", "stale")

    def __init__(self) -> None:
        self.beats = -1
        self.revision = -1
        self.beaten_at = 0.0
        self.stale = True


class Presence:
    """The people of all rooms, and this process's part in telling who they are."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.people = People()
        self._revision = 0
        self._nodes: dict[int, _Node] = {}
        self._beaten_at = 0.0
        """When this process last said that it lives, and heard how others stand."""
        self._leaving: deque[tuple[float, str, Guise]] = deque()
        self._since: dict[tuple[str, str], int] = {}
        """When those entered who have not been told of yet."""
        self._wake = asyncio.Event()
        self.register = Register(hub, wake=self._wake.set)

    @property
    def node(self) -> int | None:
        """The number of this process, once it has one."""
        return self.register.node

    # What this process's sessions do

    def connected(self, session: Session) -> None:
        """``session`` was let in. Most enter a room at once, so that nothing is written yet."""
        self.register.note(session)

    def enter(self, session: Session, slug: str) -> None:
        """``session`` is in the room from now on."""
        self.people.enter(slug, _guise(session, session.identity))
        self._since.setdefault((slug, session.sender_id), next(self.hub.moments))
        self._touch(session)

    def leave(self, session: Session, slug: str, *, gone: bool) -> None:
        """``session`` left the room; one whose connection is ``gone`` may be back in a moment."""
        guise = _guise(session, session.identity)
        if gone and self.hub.config.presence_linger:
            due = self.hub.loop.time() + self.hub.config.presence_linger
            self._leaving.append((due, slug, guise))
        else:
            self.people.leave(slug, guise)
        self._touch(session)

    def renamed(self, session: Session, before: Identity) -> None:
        """``session`` goes by another name now than it did ``before``."""
        old, new = _guise(session, before), _guise(session, session.identity)
        for slug in session.seats:
            self.people.rename(slug, old, new)
        self._touch(session)

    def disconnected(self, session: Session) -> None:
        """``session`` is over."""
        self.register.strike(session)
        self._wake.set()

    def _touch(self, session: Session) -> None:
        self.register.note(session)
        self._wake.set()

    # What others ask

    def online(self, slug: str) -> int:
        """How many people are in a room; one with two tabs is one."""
        return len(self.people.of(slug))

    def members(self, slug: str, most: int = MEMBERS_MOST) -> list[Sender]:
        """Up to ``most`` of them."""
        return list(islice(self.people.of(slug).values(), most))

    def name_of(self, slug: str, sender: Sender) -> str:
        """What somebody goes by in a room; where they are not there, the name they have anyway."""
        return self.people.of(slug).get(sender.id, sender).name

    def elsewhere(self, slug: str) -> bool:
        """Whether other processes have people in the room."""
        return any(self.people.at(node, slug) for node in self._nodes)

    # Telling

    async def run(self) -> None:
        """Tell what changed, in batches, for as long as the hub lives."""
        while True:
            if self._leaving:
                wait = max(0.0, self._leaving[0][0] - self.hub.loop.time())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):  # see ``Heart._rest``
                        await self._wake.wait()
            else:
                await self._wake.wait()
            await asyncio.sleep(FLUSH_SECONDS + len(self.hub.sessions) * FLUSH_SECONDS_PER_SESSION)
            self._wake.clear()
            try:
                await self._flush()
            except Unavailable:
                pass  # the rows are written with the next change or beat
            except Exception:
                logger.exception("presence could not be told")

    async def _flush(self) -> None:
        now = self.hub.loop.time()
        while self._leaving and self._leaving[0][0] <= now:
            _, slug, guise = self._leaving.popleft()
            self.people.leave(slug, guise)
        mine, everyone = self.people.changes()
        self._show(everyone)
        if mine:
            # One signal for each revision: who misses one sees a gap.
            self._revision += 1
            if self.node is not None:
                self.hub.bus.send(signals.CONTROL, self._came(mine))
        if mine or self.register.due:
            await self.register.save(self._revision)

    def _show(self, changes: dict[str, Change[Sender]]) -> None:
        now = next(self.hub.moments)
        since, self._since = self._since, {}
        for slug, change in changes.items():
            room = self.hub.rooms.get(slug)
            if room is None or not change:
                continue
            joined = [*change.joined.values(), *change.renamed.values()][:MEMBERS_MOST]
            left = list(change.left.values())
            lines = [
                Line(terminal.came(sender), sender.id, since.get((slug, sender.id), now))
                for sender in islice(change.joined.values(), MEMBERS_MOST)
            ]
            lines += [Line(terminal.went(sender), sender.id) for sender in left[:MEMBERS_MOST]]
            # All who left, in as many events as it takes: somebody may have them on a list.
            for first in range(0, max(len(left), 1), MEMBERS_MOST):
                event = events.Presence(
                    room=slug,
                    online=self.online(slug),
                    joined=[] if first else joined,
                    left=left[first : first + MEMBERS_MOST],
                )
                room.hint(Hint(frames.encode(event), () if first else lines))

    def _came(self, changes: dict[str, Change[Guise]]) -> signals.Came:
        assert self.node is not None, "only an enrolled node speaks"
        joined = [
            (slug, guise.sender.id, guise.sender.name, guise.weight)
            for slug, change in changes.items()
            for guise in (*change.joined.values(), *change.renamed.values())
        ]
        left = [(slug, who) for slug, change in changes.items() for who in change.left]
        return signals.Came(node=self.node, revision=self._revision, joined=joined, left=left)

    # Hearing

    def hear(self, signal: signals.Came) -> None:
        """Another process told what changed."""
        if signal.node == self.node:
            return
        node = self._nodes.setdefault(signal.node, _Node())
        node.stale = node.stale or signal.revision != node.revision + 1
        node.revision = max(node.revision, signal.revision)
        for slug, who, name, weight in signal.joined:
            self.people.enter_at(signal.node, slug, Guise(Sender(who, name), weight))
        for slug, who in signal.left:
            self.people.leave_at(signal.node, slug, who)
        self._wake.set()

    async def beat(self) -> None:
        """Say that this process lives, and find out which others do. Raises ``Unavailable``."""
        others = {roster.node: roster for roster in await self.register.beat()}
        mine = others.pop(self.node, None) if self.node is not None else None
        if mine is not None:
            self.hub.vitals.asked(mine.asked)
        for gone in self._nodes.keys() - others.keys():
            self._forget(gone)
        for roster in others.values():
            await self._compare(roster)
        now = self.hub.loop.time()
        if now - self._beaten_at > self.hub.config.heartbeat:
            # Without a database nobody could beat: who has not yet since then is not dead.
            for node in self._nodes.values():
                node.beaten_at = now
        self._beaten_at = now
        silent_since = now - SILENT_HEARTBEATS * self.hub.config.heartbeat
        dead = [
            number
            for number in others
            if number in self._nodes and self._nodes[number].beaten_at < silent_since
        ]
        if dead:
            logger.info("%d silent processes are taken from the roster", len(dead))
            await self.hub.threads.write(store.bury, dead)
            for number in dead:
                self._forget(number)
            await self.hub.rooms.remove_those_of_the_dead()

    async def _compare(self, roster: store.Roster) -> None:
        node = self._nodes.setdefault(roster.node, _Node())
        if roster.beats != node.beats:
            node.beats, node.beaten_at = roster.beats, self.hub.loop.time()
        if roster.revision > node.revision:
            node.stale = True
            node.revision = roster.revision
        if node.stale and roster.revision == node.revision:
            await self._read_anew(roster.node, node)

    async def _read_anew(self, number: int, node: _Node) -> None:
        """Take a node's people from its rows. Raises ``Unavailable``; the next beat tries again."""
        revision = node.revision
        rows = await self.hub.threads.read(store.connections_of, number)
        if node.revision != revision:
            return  # it told of something that these rows may lack: read again at the next beat
        node.stale = False
        self.people.replace_at(
            number, ((slug, _guise_of(row)) for row in rows for slug in row.rooms)
        )
        self._wake.set()

    def _forget(self, node: int) -> None:
        del self._nodes[node]
        self.people.replace_at(node, ())
        self._wake.set()

    async def stop(self) -> None:
        """Take this process from the roster, for good."""
        await self.register.leave()


def _guise(session: Session, who: Identity) -> Guise:
    return _weighed(who.sender, borrowed=session.terminal and not who.is_guest)


def _guise_of(row: store.Whereabouts) -> Guise:
    kind, _, _ = row.sender_key.partition(":")
    borrowed = row.dialect == TERMINAL.name and kind == "u"
    return _weighed(Sender(sender_id(row.sender_key), row.sender_name), borrowed=borrowed)


def _weighed(sender: Sender, *, borrowed: bool) -> Guise:
    """``sender`` with what that name counts beside others of the same one."""
    if terminal.is_unnamed(sender):
        return Guise(sender, UNNAMED)
    return Guise(sender, BORROWED if borrowed else OWN)
