"""Notices: a word of the site's to a room or to all, shown once to whoever is there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec import UNSET

from chat.hub.dialects import Dialect
from chat.hub.outgoing import Outgoing
from chat.hub.seat import Hint, Line
from chat.hub.signals import Announced
from chat.protocol import events, frames, terminal

if TYPE_CHECKING:
    from chat.hub.hub import Hub

SESSIONS_AT_ONCE = 256


def show(hub: Hub, notice: Announced) -> None:
    """Show ``notice`` to those of this process it is for."""
    event = events.Notice(text=notice.text, level=notice.level, room=notice.room or UNSET)
    if not notice.room:
        hub.spawn(_show_all(hub, event))
        return
    room = hub.rooms.get(notice.room)
    if room is not None:
        lines = [Line(line) for line in terminal.lines(event)]
        room.hint(Hint(frames.encode(event), lines))


async def _show_all(hub: Hub, event: events.Notice) -> None:
    """To each session once, however many rooms it is in; encoded once for each dialect."""
    shown: dict[Dialect, list[Outgoing]] = {}
    for number, session in enumerate(list(hub.sessions)):
        if session.dialect not in shown:
            shown[session.dialect] = session.dialect.show([event])
        if session.welcomed and not session.closed:
            session.push_all(shown[session.dialect])
        if number % SESSIONS_AT_ONCE == SESSIONS_AT_ONCE - 1:
            await asyncio.sleep(0)
