"""People who stay in one room whatever happens to its servers, and the history they witness.

They come back, resume after what they have, and send again what was not acknowledged; every entry
they are told goes into a ``History``.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self

from websockets.exceptions import WebSocketException

from tests.integration.clients import JsonClient, Refused
from tests.integration.connection import PATIENCE, Ended
from tests.integration.histories import Heard, History, What
from tests.integration.people import Door, new_guest
from tests.integration.shapes import Event

RETRY_SECONDS = 0.05
"""Between attempts to connect, or to send what could not be stored."""

AT_ONCE = 100
"""Those of a crowd who come for the first time together: no storm before the storm."""

FOREVER = 3600.0


class Recorder(JsonClient):
    """Notes down whatever it is told of a log: the checker judges that, over all connections."""

    strict = False


class Regular:
    """One who comes back: to the next of ``doors`` when a connection ends, round and round."""

    def __init__(self, room: str, doors: Sequence[Door], *, comes: bool = True) -> None:
        self.room = room
        self.who = new_guest()
        self.client: JsonClient | None = None
        """The session that has joined the room, while there is one."""
        self.start: int | None = None
        self.entries: list[Event] = []
        """What earlier connections were told of the log."""
        self.epoch = ""
        self.acks: list[Event] = []
        self.texts: dict[str, str] = {}
        """What was sent, acknowledged or not, by its id."""
        self.codes: list[int] = []
        """How earlier connections ended."""
        self.refusals = 0
        """How often a post was answered ``unavailable``."""
        self.door = doors[0]
        """Where the latest connection was made."""
        self._doors = itertools.cycle(doors)
        self.may_come = asyncio.Event()
        """While it is not set, nobody comes (back)."""
        if comes:
            self.may_come.set()
        self._arrived = asyncio.Event()
        self._numbers = itertools.count(1)
        self._staying = asyncio.create_task(self._stay())

    async def _stay(self) -> None:
        for door in self._doors:
            await self.may_come.wait()
            self.door = door
            try:
                client = await Recorder.connect(door.ws_url, cookie=self.who.cookie)
            except (OSError, WebSocketException):
                await asyncio.sleep(RETRY_SECONDS)  # it is being started again
                continue
            try:
                with contextlib.suppress(Ended):
                    await self._sit(client)
            finally:
                self.client = None
                self._arrived.clear()
                await client.close()  # raises what the server did wrong
                self._keep(client)

    async def _sit(self, client: JsonClient) -> None:
        await client.event("welcome")
        while True:
            try:
                if self.start is None:
                    await client.join(self.room, history=0)
                else:
                    await client.join(self.room, after={"epoch": self.epoch, "seq": self.position})
                break
            except Refused as refused:
                await _wait_out(refused)
        self.client = client
        self._arrived.set()
        await client.closed(within=FOREVER)

    def _keep(self, client: JsonClient) -> None:
        code = client.close_code or 1006
        assert code < 4500, f"sent away with {code}"
        self.codes.append(code)
        joined = [event for event in client.events if event["type"] == "joined"]
        log = client.logs.get(self.room)
        if log is None or not joined:
            return
        # A room in which nothing was ever said may have gone, and have been made again.
        nothing = not self.entries and joined[-1]["head"] == 0
        assert joined[-1]["recovered"] in (True, None) or nothing, f"not recovered: {joined[-1]}"
        if self.start is None:
            self.start = log.start
        self.epoch = log.epoch
        self.entries += log.entries

    @property
    def position(self) -> int:
        """The last seq that is here, over all connections."""
        now = self.client and self.client.logs.get(self.room)
        if now and now.entries:
            return int(now.entries[-1]["seq"])
        if self.entries:
            return int(self.entries[-1]["seq"])
        return self.start or (now.position if now else 0)

    @property
    def returns(self) -> int:
        """How often a connection has ended."""
        return len(self.codes)

    async def here(self, *, within: float = PATIENCE) -> JsonClient:
        """Wait until a session has joined the room, and return it."""
        async with asyncio.timeout(within):
            while self.client is None:
                waiting = asyncio.create_task(self._arrived.wait())
                try:
                    either = [waiting, self._staying]
                    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waiting.cancel()
                if self._staying.done():
                    self._staying.result()
        return self.client

    async def post(self, text: str) -> int:
        """Post until it is acknowledged, under one id; its seq."""
        post_id = f"{self.who.uid}-{next(self._numbers)}"
        self.texts[post_id] = text
        while True:
            client = await self.here()
            try:
                ack = await client.post(self.room, text, id=post_id)
            except Refused as refused:
                await _wait_out(refused)
                self.refusals += 1
            except Ended:
                await client.closed()
                await asyncio.sleep(0)  # whoever stays is to see it too
            else:
                self.acks.append(ack)
                return int(ack["seq"])

    async def reach(self, seq: int, *, within: float = PATIENCE) -> None:
        """Wait until everything up to ``seq`` is here, over however many connections."""
        async with asyncio.timeout(within):
            while self.position < seq:
                client = await self.here(within=within)
                try:
                    await client.reach(self.room, seq, within=within)
                except Ended:
                    await asyncio.sleep(RETRY_SECONDS)  # whoever stays is to see it too

    async def leave(self) -> None:
        """Stay no longer; raises what a server did wrong."""
        self._staying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._staying

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    def heard(self) -> list[Heard]:
        """Everything that was told of the log, over all connections that are over."""
        return [heard(entry) for entry in self.entries]


class Crowd:
    """The regulars of one room."""

    def __init__(self, regulars: Iterable[Regular]) -> None:
        self.regulars = list(regulars)

    async def talk(self, times: int, *, size: int = 0) -> None:
        """Let each of them post so often, all at once, at least ``size`` characters."""
        await asyncio.gather(
            *(
                self._talk(regular, lambda count: count < times, 0, size)
                for regular in self.regulars
            )
        )

    @asynccontextmanager
    async def talking(self, *, pause: float = 0.01) -> AsyncIterator[None]:
        """Let all of them post for as long as the context lasts."""
        going_on = True
        talks = [
            asyncio.create_task(self._talk(regular, lambda _: going_on, pause, 0))
            for regular in self.regulars
        ]
        try:
            yield
            going_on = False
            await asyncio.gather(*talks)
        finally:
            for talk in talks:
                talk.cancel()
            await asyncio.gather(*talks, return_exceptions=True)

    @staticmethod
    async def _talk(
        regular: Regular, goes_on: Callable[[int], bool], pause: float, size: int
    ) -> None:
        start = len(regular.texts)
        while goes_on(len(regular.texts) - start):
            await regular.post(f"{regular.who.uid} says {len(regular.texts)}".ljust(size, "."))
            await asyncio.sleep(pause)

    def hold_back(self) -> None:
        """Let nobody whose connection ends from now on come back."""
        for regular in self.regulars:
            regular.may_come.clear()

    def let_in(self) -> None:
        """Let all who were held back come at once."""
        for regular in self.regulars:
            regular.may_come.set()

    @property
    def acked(self) -> int:
        """How many posts were acknowledged."""
        return sum(len(regular.acks) for regular in self.regulars)

    @property
    def refusals(self) -> int:
        """How often a post was answered ``unavailable``."""
        return sum(regular.refusals for regular in self.regulars)

    async def more(self, acks: int, *, within: float = PATIENCE) -> None:
        """Wait until so many more posts were acknowledged."""
        wanted = self.acked + acks
        async with asyncio.timeout(within):
            while self.acked < wanted:
                await asyncio.sleep(0.01)

    async def settle(self) -> None:
        """Say a last word, and give everybody time to hear everything up to it.

        Who has not by then has lost something: that is for the checker to say.
        """
        last = await self.regulars[0].post("that was all")
        reached = (regular.reach(last) for regular in self.regulars)
        await asyncio.gather(*reached, return_exceptions=True)

    async def history(self) -> History:
        """Wait until all was heard, send everybody home, and return what they have witnessed."""
        await self.settle()
        for regular in self.regulars:
            await regular.leave()
        history = History()
        for regular in self.regulars:
            for post_id, text in regular.texts.items():
                history.said(message(regular.who.uid, post_id), text)
            for ack in regular.acks:
                history.acked(message(regular.who.uid, ack["id"]), ack["seq"])
            assert regular.start is not None, "everybody has been there"
            history.heard(regular.who.label, regular.start, regular.heard())
        return history


@asynccontextmanager
async def crowd(room: str, *homes: Sequence[Door], each: int) -> AsyncIterator[Crowd]:
    """So many regulars for each of ``homes``: the doors one goes to, in that order."""
    async with AsyncExitStack() as stack:
        regulars = [
            await stack.enter_async_context(Regular(room, home, comes=False))
            for home in homes
            for _ in range(each)
        ]
        for first in range(0, len(regulars), AT_ONCE):
            some = regulars[first : first + AT_ONCE]
            for regular in some:
                regular.may_come.set()
            await asyncio.gather(*(regular.here() for regular in some))
        yield Crowd(regulars)


async def _wait_out(refused: Refused) -> None:
    """Wait a moment where that may help. Raises ``refused`` where it may not."""
    if refused.code != "unavailable":
        raise refused
    await asyncio.sleep(RETRY_SECONDS)


def message(sender: str, post_id: str) -> What:
    """What makes a message that message."""
    return ("message", sender, post_id)


def heard(entry: Event) -> Heard:
    """An entry of the log as histories have it."""
    match entry["type"]:
        case "message":
            return Heard(entry["seq"], message(entry["sender"]["id"], entry["id"]), entry["text"])
        case "edited":
            what = ("edited", str(entry["target"]), entry["text"])
            return Heard(entry["seq"], what, entry["text"])
        case _:
            return Heard(entry["seq"], ("deleted", str(entry["target"])))
