"""Who is online, in which room, across processes. A hint: at most once, never logged.

Each process knows its own people; it tells the others what changed over the bus, and writes its
sessions to the database in batches. The revision in both tells a process that missed something, and
it reads that node's rows again. A node whose heartbeat count stands still is forgotten.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from chat import store
from chat.hub import bus
from chat.hub.people import Change, People
from chat.hub.seat import Hint, Line
from chat.identity import sender_id
from chat.protocol import events, frames, terminal
from chat.protocol.errors import Unavailable
from chat.protocol.events import Sender

if TYPE_CHECKING:
    from chat.hub.hub import Hub
    from chat.hub.session import Session

logger = logging.getLogger("chat")

MEMBERS_MOST = 100
"""The most senders one event lists; ``online`` counts them all."""

# Changes are told at most this often, and less often the more sessions there are to tell:
# a storm of connects must not cost its square in presence frames.
FLUSH_SECONDS = 0.05
FLUSH_SECONDS_PER_SESSION = 1 / 4000

# A node whose count of beats stands still for this many heartbeats of ours is dead.
SILENT_HEARTBEATS = 2.0


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
        self.node: int | None = None
        self._revision = 0
        self._nodes: dict[int, _Node] = {}
        self._leaving: deque[tuple[float, str, Sender]] = deque()
        self._since: dict[tuple[str, str], int] = {}
        """When those entered who have not been told of yet."""
        self._rows: dict[str, Session] = {}
        self._gone: set[str] = set()
        self._enrolling = asyncio.Lock()
        self._introduced = False
        """Whether the others have been asked to read this process's rows for the first time."""
        self._left = False
        """Whether this process has left the roster, for good."""
        self._wake = asyncio.Event()

    # What this process's sessions do

    def enter(self, session: Session, slug: str) -> None:
        """``session`` is in the room from now on."""
        self.people.enter(slug, session.identity.sender)
        self._since.setdefault((slug, session.sender_id), next(self.hub.moments))
        self._touch(session)

    def leave(self, session: Session, slug: str, *, gone: bool) -> None:
        """``session`` left the room; one whose connection is ``gone`` may be back in a moment."""
        sender = session.identity.sender
        if gone and self.hub.config.presence_linger:
            due = self.hub.loop.time() + self.hub.config.presence_linger
            self._leaving.append((due, slug, sender))
        else:
            self.people.leave(slug, sender.id)
        self._touch(session)

    def renamed(self, session: Session) -> None:
        """``session`` goes by another name now."""
        for slug in session.seats:
            self.people.rename(slug, session.identity.sender)
        self._touch(session)

    def disconnected(self, session: Session) -> None:
        """``session`` is over."""
        self._rows.pop(session.id, None)
        self._gone.add(session.id)
        self._wake.set()

    def _touch(self, session: Session) -> None:
        if not session.closed:
            self._rows[session.id] = session
        self._wake.set()

    # What others ask

    def online(self, slug: str) -> int:
        """How many people are in a room; one with two tabs is one."""
        return len(self.people.of(slug))

    def members(self, slug: str) -> list[Sender]:
        """Up to 100 of them."""
        return list(islice(self.people.of(slug).values(), MEMBERS_MOST))

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
                    await asyncio.wait_for(self._wake.wait(), wait)
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
            _, slug, sender = self._leaving.popleft()
            self.people.leave(slug, sender.id)
        mine, everyone = self.people.changes()
        self._show(everyone)
        if mine:
            # One signal for each revision: who misses one sees a gap.
            self._revision += 1
            if self.node is not None:
                self.hub.bus.send(bus.CONTROL, self._came(mine))
        if mine or self._rows or self._gone:
            await self._save()

    def _show(self, changes: dict[str, Change]) -> None:
        now = next(self.hub.moments)
        since, self._since = self._since, {}
        for slug, change in changes.items():
            room = self.hub.rooms.get(slug)
            if room is None or not change:
                continue
            joined = [*change.joined.values(), *change.renamed.values()]
            event = events.Presence(
                room=slug,
                online=self.online(slug),
                joined=joined[:MEMBERS_MOST],
                left=list(islice(change.left.values(), MEMBERS_MOST)),
            )
            lines = [
                Line(terminal.came(sender), sender.id, since.get((slug, sender.id), now))
                for sender in islice(change.joined.values(), MEMBERS_MOST)
            ]
            lines += [Line(terminal.went(sender), sender.id) for sender in event.left]
            room.hint(Hint(frames.encode(event), lines))

    def _came(self, changes: dict[str, Change]) -> bus.Came:
        assert self.node is not None, "only an enrolled node speaks"
        joined = [
            (slug, sender.id, sender.name)
            for slug, change in changes.items()
            for sender in (*change.joined.values(), *change.renamed.values())
        ]
        left = [(slug, who) for slug, change in changes.items() for who in change.left]
        return bus.Came(node=self.node, revision=self._revision, joined=joined, left=left)

    async def _save(self) -> None:
        """Write what changed among the sessions. Raises ``Unavailable``; then it is kept."""
        node = self.node
        if node is None or self._left:
            return
        rows, self._rows = self._rows, {}
        gone, self._gone = self._gone, set()
        try:
            known = await self.hub.threads.write(
                store.revise, node, self._revision, [_row(s) for s in rows.values()], gone
            )
        except Unavailable:
            self._rows = {**rows, **self._rows}
            self._gone |= gone
            raise
        if not known:
            await self._enroll(node)
        elif not self._introduced:
            self._introduced = True
            self.hub.bus.send(bus.CONTROL, bus.Enrolled(node))

    # Hearing

    def hear(self, signal: bus.Came) -> None:
        """Another process told what changed."""
        if signal.node == self.node:
            return
        node = self._nodes.setdefault(signal.node, _Node())
        node.stale = node.stale or signal.revision != node.revision + 1
        node.revision = max(node.revision, signal.revision)
        for slug, who, name in signal.joined:
            self.people.enter_at(signal.node, slug, Sender(who, name))
        for slug, who in signal.left:
            self.people.leave_at(signal.node, slug, who)
        self._wake.set()

    async def beat(self) -> None:
        """Say that this process lives, and find out which others do. Raises ``Unavailable``."""
        if self._left:
            return
        rosters = None
        if self.node is not None:
            rosters = await self.hub.threads.write(store.beat, self.node)
        if rosters is None:
            node = await self._enroll(self.node)
            rosters = await self.hub.threads.write(store.beat, node) or []
        others = {roster.node: roster for roster in rosters if roster.node != self.node}
        for gone in self._nodes.keys() - others.keys():
            self._forget(gone)
        for roster in others.values():
            await self._compare(roster)
        silent_since = self.hub.loop.time() - SILENT_HEARTBEATS * self.hub.config.heartbeat
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
            await self.hub.remove_rooms_of_the_dead()

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
        self.people.replace_at(number, ((slug, _sender(row)) for row in rows for slug in row.rooms))
        self._wake.set()

    async def _enroll(self, buried: int | None) -> int:
        """Make this process's row, with all its sessions, in place of ``buried``; its number."""
        async with self._enrolling:
            if self.node is not None and self.node != buried:
                return self.node  # who beats and who writes may both find that it is gone
            name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
            self.node = await self.hub.threads.write(store.enroll, name)
            self._introduced = False
            self._rows = {session.id: session for session in self.hub.sessions if session.seats}
            if self._rows:
                self._wake.set()
            return self.node

    def _forget(self, node: int) -> None:
        del self._nodes[node]
        self.people.replace_at(node, ())
        self._wake.set()

    async def stop(self) -> None:
        """Take this process from the roster, for good."""
        self._left = True
        if self.node is not None:
            # Without a database, the others find out by its silence.
            with contextlib.suppress(Unavailable):
                await self.hub.threads.write(store.withdraw, self.node)


def _row(session: Session) -> store.SessionRow:
    return store.SessionRow(
        session=session.id,
        sender_key=session.identity.key,
        sender_name=session.identity.sender.name,
        rooms=list(session.seats),
    )


def _sender(row: store.SessionRow) -> Sender:
    return Sender(sender_id(row.sender_key), row.sender_name)
