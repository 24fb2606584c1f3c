"""Who connects: guests with a number of their own, and how tests open sessions for them."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol, Self

from chat import identity
from tests.integration.clients import JsonClient, TerminalClient


class Door(Protocol):
    """Where one comes in: a server, or what stands before it."""

    @property
    def ws_url(self) -> str:
        """The address of the WebSocket."""


@dataclass(frozen=True)
class Guest:
    """Somebody who is not signed in, and the cookie by which the site knows them again."""

    uid: str
    cookie: str

    @property
    def label(self) -> str:
        """What terminals call them."""
        return f"[UID: {self.uid}]"


def new_guest() -> Guest:
    """A guest nobody has seen, as the site's pages would make one.

    The site under test has the key that this process has: the one for development.
    """
    who = identity.new_guest()
    return Guest(who.sender.id, f"{identity.GUEST_COOKIE}={identity.guest_cookie(who)}")


class Visits:
    """Opens sessions, and at the end closes them all and raises what was wrong with any."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def json(
        self, server: Door, *rooms: str, who: Guest | None = None, cookie: str = ""
    ) -> JsonClient:
        """A JSON session that was welcomed, and has joined ``rooms``."""
        cookie = who.cookie if who else cookie
        client = await JsonClient.connect(server.ws_url, cookie=cookie)
        await self._stack.enter_async_context(client)
        await client.event("welcome")
        for room in rooms:
            await client.join(room)
        return client

    async def jsons(self, server: Door, room: str, count: int) -> list[JsonClient]:
        """So many of them, in one room."""
        return list(await asyncio.gather(*(self.json(server, room) for _ in range(count))))

    async def terminal(
        self, server: Door, room: str = "", *, who: Guest | None = None
    ) -> TerminalClient:
        """A terminal session, in ``room`` where one is given, else in ``main``."""
        client = await TerminalClient.connect(server.ws_url, cookie=who.cookie if who else "")
        await self._stack.enter_async_context(client)
        if room:
            await client.say(f"/join {room}")
            await client.line(f"joined {room}")
        return client
