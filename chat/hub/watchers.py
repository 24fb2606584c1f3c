"""Those who watch what all processes are doing: told at once, and again with every beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from chat import store
from chat.hub.live import live
from chat.hub.outgoing import Messages, text_frame
from chat.protocol import commands, events, frames
from chat.protocol.errors import Forbidden

if TYPE_CHECKING:
    from chat.hub.hub import Hub
    from chat.hub.session import Session


class Watchers:
    """The sessions of one hub that watch. The database is asked once a beat for all of them."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._sessions: dict[Session, None] = {}

    async def watch(self, session: Session, command: commands.Watch) -> None:
        """Answer with what is going on, and go on telling. Raises a ``Problem``."""
        self._check(session)
        found = await self._live()
        if session.closed:
            return
        self._check(session)  # as it is after all the waiting
        self._sessions[session] = None
        session.reply(structs.replace(found, ref=command.ref))

    def unwatch(self, session: Session) -> None:
        """Tell ``session`` no more. Safe to call again."""
        self._sessions.pop(session, None)

    @staticmethod
    def _check(session: Session) -> None:
        if not session.identity.watches:
            raise Forbidden("only those who look after the site may watch it")

    async def beat(self) -> None:
        """Tell everybody who watches, and let go of who no longer may. Raises ``Unavailable``."""
        if not self._sessions:
            return
        found = await self._live()
        row = Messages([text_frame(frames.frame([frames.encode(found)]))])
        for session in list(self._sessions):
            try:
                self._check(session)
            except Forbidden as lost:
                self.unwatch(session)
                session.refuse(lost)
            else:
                session.push_row(row)

    async def _live(self) -> events.Live:
        nodes = await self.hub.threads.read(store.node_figures)
        return live(nodes, heartbeat=self.hub.config.heartbeat)
