"""Who reads and answers is served on, however it falls behind in between."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chat.conf import Config
from chat.hub.seat import Seat
from chat.protocol import events
from tests.fakes import Listener, entry
from tests.hub.room.conftest import Live

steps = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.integers(1, 20)),
        st.tuples(st.just("read"), st.integers(1, 12)),
        st.tuples(st.sampled_from(["block", "choke", "free"]), st.just(0)),
    ),
    max_size=40,
)


class Reader:
    """A client that answers each ping with what it had read when that came, and no more."""

    def __init__(self, live: Live, seat: Seat, listener: Listener) -> None:
        self.live = live
        self.seat = seat
        self.listener = listener
        self.has_read = 0
        self.seq = 0

    async def read(self, count: int) -> None:
        """Read so many frames, and answer."""
        asked = None
        for frame in self.listener.frames[self.has_read : self.has_read + count]:
            for event in frame:
                if isinstance(event, events.Message):
                    self.seq = event.seq
                elif isinstance(event, events.Ping):
                    asked = self.seq
            self.has_read += 1
        if asked is not None:
            self.seat.confirm(asked)
            await self.live.room.catch_up(self.seat)

    async def free(self) -> None:
        """Let its connection take more."""
        self.listener.blocked, self.listener.pushed = False, lambda: None
        await self.live.room.catch_up(self.seat)

    def choke(self) -> None:
        """Have its connection take one frame more, of however long a row."""
        self.listener.pushed = lambda: setattr(self.listener, "blocked", True)

    @property
    def has_a_ping_to_answer(self) -> bool:
        """Whether one is among what it has not read."""
        unread = self.listener.frames[self.has_read :]
        return any(isinstance(event, events.Ping) for frame in unread for event in frame)

    async def step(self, what: str, number: int, size: int) -> None:
        """Do one thing."""
        match what:
            case "post":
                first = self.live.log.head + 1
                self.live.hear(*(entry(seq, "x" * size) for seq in range(first, first + number)))
                await self.live.room.fanout.settled()
            case "read":
                await self.read(number)
            case "block":
                self.listener.blocked = True
            case "choke":
                self.choke()
            case "free":
                await self.free()


async def play(script: list[tuple[Any, Any]], config: Config, size: int) -> None:
    live = Live(config=config)
    listener = Listener()
    reader = Reader(live, await live.join(listener), listener)
    for what, number in script:
        await reader.step(what, number, size)
        held = not reader.seat.live and not listener.blocked
        assert not held or reader.has_a_ping_to_answer
    await reader.free()
    while reader.has_read < len(listener.messages):
        await reader.read(1)
    assert reader.seat.live
    assert listener.seqs == list(range(1, live.log.head + 1))
    await live.room.stop()


@given(steps, st.sampled_from([1, 3, 256]), st.sampled_from([1, 900, 20_000]))
@settings(max_examples=150)
def test_honest_reader_is_never_held_with_nothing_to_answer_and_gets_everything(
    script: list[tuple[Any, Any]], batch: int, size: int
) -> None:
    config = Config(gap_wait=0, tail=16, batch_events=batch, window=64, window_bytes=65_536)
    asyncio.run(play(script, config, size))
