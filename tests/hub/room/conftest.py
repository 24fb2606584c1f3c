"""Live rooms on a fake log."""

from collections.abc import AsyncIterator, Callable, Sequence

import pytest_asyncio

from chat.conf import Config
from chat.hub.room import Room
from chat.hub.seat import Seat
from chat.store import Entry, Opened
from tests.fakes import Listener, Log, record, seat_of

CONFIG = Config(gap_wait=0, tail=16, batch_events=4, window=256, resume_limit=100)


class Live:
    """A room on a fake log."""

    def __init__(self, found: Sequence[Entry] = (), config: Config = CONFIG) -> None:
        self.log = Log(found)
        opened = Opened(record(self.log.head), list(found)[-config.tail :])
        self.room = Room(opened, config, read=self.log.read_room, head=self.log.read_head)

    def commit(self, *added: Entry) -> list[Entry]:
        """Append to the log, without a word to the room."""
        self.log.entries += added
        return list(added)

    def hear(self, *added: Entry) -> None:
        """Append to the log, and let the bus tell of it."""
        self.room.accept(self.commit(*added))

    def sit(self, listener: Listener, at: int | None = None) -> Seat:
        """Give a listener a seat, at the head or elsewhere."""
        seat = seat_of(listener, self.room, at=self.room.sent if at is None else at)
        self.room.sit(seat)
        return seat

    async def join(self, listener: Listener, at: int | None = None) -> Seat:
        """Give a listener a seat and let it catch up."""
        seat = self.sit(listener, at)
        await self.room.catch_up(seat)
        return seat


Make = Callable[..., Live]


@pytest_asyncio.fixture
async def make() -> AsyncIterator[Make]:
    """Make live rooms, which are stopped at the end."""
    made: list[Live] = []

    def make(found: Sequence[Entry] = (), config: Config = CONFIG) -> Live:
        made.append(Live(found, config))
        return made[-1]

    yield make
    for live in made:
        await live.room.stop()
