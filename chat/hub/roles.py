"""Who has which role in a room, for those who want to come in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from chat import store
from chat.protocol.errors import Unavailable

if TYPE_CHECKING:
    from chat.hub.hub import Hub

Roles = dict[Any, str]
"""Of users, by their primary keys."""


class RoleReads:
    """Asks for all who want to know of one room in one query, and one query at a time.

    When a process was killed everybody who was on it comes back at once.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._next: dict[int, tuple[set[Any], asyncio.Task[Roles | None]]] = {}
        """By room: whom the next query is about, and its answer."""
        self._under_way: dict[int, asyncio.Task[Roles | None]] = {}

    async def of(self, user_pk: Any, room_pk: int) -> str | None:
        """The role as it is now; ``None`` for who is no member. Raises ``Unavailable``."""
        if room_pk not in self._next:
            users: set[Any] = set()
            self._next[room_pk] = (users, self._hub.spawn(self._ask(room_pk, users)))
        users, answer = self._next[room_pk]
        users.add(user_pk)
        roles = await asyncio.shield(answer)
        if roles is None:
            raise Unavailable
        return roles.get(user_pk)

    async def _ask(self, room_pk: int, users: set[Any]) -> Roles | None:
        before = self._under_way.get(room_pk)
        # Whoever asks until then is in it.
        await (asyncio.wait([before]) if before else asyncio.sleep(0))
        _, answer = self._next.pop(room_pk)
        self._under_way[room_pk] = answer
        try:
            return await self._hub.threads.read(store.roles_in, room_pk, users)
        except Unavailable:
            return None  # for each of them to raise
        finally:
            if self._under_way.get(room_pk) is answer:
                del self._under_way[room_pk]
