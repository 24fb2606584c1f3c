"""This process's rows in the database: its own, and one for each of its sessions.

They are what the other processes read presence from, and what the admin shows. What changed is
written in batches, with the next telling of presence or the next beat.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from chat import store
from chat.hub import signals
from chat.protocol.errors import Unavailable

if TYPE_CHECKING:
    from chat.hub.hub import Hub
    from chat.hub.session import Session

ADDRESS_MOST = 45
"""Characters of an address: an IPv6 one that ends as an IPv4 one has so many."""


class Register:
    """The rows of one process. ``wake`` is called where rows wait that nothing else will write."""

    def __init__(self, hub: Hub, *, wake: Callable[[], None]) -> None:
        self.hub = hub
        self.node: int | None = None
        """The number of this process's row, once it has one."""
        self.name = ""
        """Of this process, in the roster."""
        self._wake = wake
        self._changed: dict[str, Session] = {}
        self._gone: set[str] = set()
        self._enrolling = asyncio.Lock()
        self._introduced = False
        """Whether the others have been asked to read this process's rows for the first time."""
        self._left = False
        """Whether this process has left the roster, for good."""

    def note(self, session: Session) -> None:
        """``session`` has come, or its row is no longer right."""
        if not session.closed:
            self._changed[session.id] = session

    def strike(self, session: Session) -> None:
        """``session`` is over."""
        self._changed.pop(session.id, None)
        self._gone.add(session.id)

    @property
    def due(self) -> bool:
        """Whether rows wait to be written."""
        return bool(self._changed or self._gone)

    async def save(self, revision: int) -> None:
        """Write what changed, as ``revision``. Raises ``Unavailable``; then it is kept."""
        node = self.node
        if node is None or self._left:
            return
        changed, self._changed = self._changed, {}
        gone, self._gone = self._gone, set()
        try:
            known = await self.hub.threads.write(
                store.revise, node, revision, [row_of(s) for s in changed.values()], gone
            )
        except BaseException:
            alive = {name: session for name, session in changed.items() if not session.closed}
            self._changed = {**alive, **self._changed}
            self._gone |= gone
            raise
        if not known:
            await self._enroll(node)
        elif not self._introduced:
            self._introduced = True
            self.hub.bus.send(signals.CONTROL, signals.Enrolled(node))

    async def beat(self) -> list[store.Roster]:
        """Say that this process lives; how all of them stand. Raises ``Unavailable``.

        Empty where this process has left.
        """
        if self._left:
            return []
        rosters, report = None, self.hub.figures.report()
        known = self.node  # it may be another one after the waiting
        if known is not None:
            rosters = await self.hub.threads.write(store.beat, known, report)
        if rosters is None:
            node = await self._enroll(known)
            rosters = await self.hub.threads.write(store.beat, node, report) or []
        if self.due:
            self._wake()
        return rosters

    async def _enroll(self, buried: int | None) -> int:
        """Make this process's row, with all its sessions, in place of ``buried``; its number."""
        async with self._enrolling:
            if self.node is not None and self.node != buried:
                return self.node  # who beats and who writes may both find that it is gone
            if self._left:
                raise Unavailable  # nobody is to be found there any more
            self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
            self.node = await self.hub.threads.write(store.enroll, self.name)
            self._introduced = False
            self._changed = {session.id: session for session in self.hub.sessions}
            if self._changed:
                self._wake()
            return self.node

    async def leave(self) -> None:
        """Take this process from the roster, for good."""
        self._left = True
        async with self._enrolling:
            if self.node is not None:
                # Without a database, the others find out by its silence.
                with contextlib.suppress(Unavailable):
                    await self.hub.threads.write(store.withdraw, self.node)


def row_of(session: Session) -> store.SessionRow:
    """A session's row as it should be."""
    return store.SessionRow(
        session=session.id,
        sender_key=session.identity.key,
        sender_name=session.identity.sender.name,
        rooms=list(session.seats),
        since=session.since,
        address=plain(session.address, ADDRESS_MOST),
        dialect=session.dialect.name,
        client=session.client,
    )


def plain(text: str, most: int) -> str:
    """The beginning of what a client says of itself, without what no line of text holds."""
    return "".join(filter(str.isprintable, text[:most]))
