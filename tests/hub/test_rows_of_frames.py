"""Rows of frames: what goes to one session before the next one's turn."""

import pytest

from chat.conf import Config
from chat.hub import reel
from chat.hub.fanout import Fanout
from chat.hub.outgoing import Messages, Outgoing
from chat.hub.reel import Reel
from chat.hub.sending import Outlet
from chat.protocol import frames
from tests.fakes import Listener, Socket, entries, entry, soon
from tests.hub.outlets import Ends, frame
from tests.hub.test_fanout import sitting

pytestmark = pytest.mark.usefixtures("turns_by_count")

MOST = 2**20


def nothing() -> None:
    """Called back, and nobody cares."""


# From the fan-out


@pytest.mark.parametrize(
    ("sessions", "most"), [(0, 64), (1, 64), (512, 64), (1024, 32), (2000, 16), (100_000, 16)]
)
def test_rows_are_the_shorter_the_more_wait_for_each_other(sessions: int, most: int) -> None:
    assert reel.frames_in_a_row(sessions) == most


async def test_rows_end_when_they_are_long_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each session has its turn before the first has the second part."""
    size = len(frames.frame([entry(1).text]))
    monkeypatch.setattr(reel, "ROW_SIZE", 3 * size - 1)
    fan = Fanout(Config(batch_events=1), 0)
    first, second = Listener("1"), Listener("2")
    sitting(fan, first, second)
    progress: list[tuple[int, int]] = []
    first.pushed = lambda: progress.append((len(first.messages), len(second.messages)))
    fan.add(entries(1, 5))
    await fan.settled()
    assert progress == [(1, 0), (2, 0), (3, 0), (4, 3), (5, 3)]


async def test_terminal_that_blocks_in_a_row_goes_on_after_what_it_took() -> None:
    fan = Fanout(Config(batch_events=1), 0)
    listener = Listener(terminal=True)
    (seat,) = sitting(fan, listener)

    def block() -> None:
        listener.blocked = len(listener.messages) == 2

    listener.pushed = block
    fan.add(entries(1, 5))
    await fan.settled()
    assert (seat.live, seat.position, len(listener.messages)) == (False, 2, 2)


async def test_few_rows_are_kept_with_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reel, "ROWS_MOST", 3)
    kept = Reel(Config(batch_events=1), 0)
    kept.put(entries(1, 9))
    for place in range(9):
        assert kept.row(place, most=2).frames[0].begin == place
        assert len(kept._rows) <= 3


# Into a socket


async def test_row_ends_with_the_one_that_blocks() -> None:
    socket = Socket()
    ends = Ends(socket.send)

    def block_in_the_middle() -> None:
        if len(socket.texts) == 2:
            socket.block()

    socket.sent = block_in_the_middle
    taken = ends.outlet.push_row(Messages(map(frame, "abcde")))
    assert (taken, socket.texts) == (3, ["a", "b"])
    ends.outlet.send(frame("reply"))
    socket.unblock()
    await soon(lambda: bool(ends.freed))
    assert socket.texts == ["a", "b", "c", "reply"]


async def test_row_ends_before_the_one_that_fails() -> None:
    socket = Socket()
    ends = Ends(socket.send)

    def break_in_the_middle() -> None:
        socket.broken = len(socket.texts) == 2

    socket.sent = break_in_the_middle
    assert ends.outlet.push_row(Messages(map(frame, "abcde"))) == 2
    assert socket.texts == ["a", "b"]


@pytest.mark.parametrize("full", [False, True])
async def test_row_counts_what_was_sent_though_its_end_sends_more(full: bool) -> None:
    """A frame that the server refuses ends the session, which is told so."""
    sent: list[str] = []

    async def send(message: Outgoing) -> None:
        if message.get("text") == "refused":
            raise RuntimeError("no such frame")
        sent.append(message.get("text", "close"))

    def failed() -> None:
        outlet.send(frame("x" * MOST))
        outlet.close(4500)

    outlet = Outlet(send, most=MOST, freed=nothing, failed=failed, cut=nothing)
    if full:
        outlet.fill()
    assert outlet.push_row(Messages(map(frame, ("a", "b", "refused", "d")))) == 2
    assert sent[:2] == ["a", "b"]
    assert full or sent[3:] == ["close"]
