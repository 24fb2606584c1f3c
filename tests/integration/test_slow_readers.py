"""Clients that do not read: they are cut off in time, delay nobody, and miss nothing in the end."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from websockets.frames import Opcode

from tests.integration.connection import PATIENCE
from tests.integration.memory import GROWN_MOST, resident
from tests.integration.people import Visits
from tests.integration.raw import TINY_BUFFER, RawClient, frame
from tests.integration.regulars import Crowd, crowd, heard, message
from tests.integration.settings import overriding
from tests.servers import Serve, ServerKind, SiteServer

WINDOW = 64
MEGABYTE = 2**20

# A post and its delivery take milliseconds; a server that waits for one client, until it closes it.
DELAY_SECONDS = 8.0

# daphne reads on for longer than this where nobody tells it not to, and uvicorn's own pings would
# end a connection after 40 s.
PINGING_SECONDS = {"daphne": 5.0, "uvicorn": 35.0}


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def kind(request: pytest.FixtureRequest) -> ServerKind:
    """Each kind of server."""
    kind: ServerKind = request.param
    return kind


@pytest.fixture(scope="module")
def server(serve_module: Serve, kind: ServerKind) -> SiteServer:
    """A site on which one may have little unread."""
    return serve_module(
        kind, env=overriding(WINDOW=WINDOW, WINDOW_BYTES=65_536, POSTS_PER_SECOND=0)
    )


@asynccontextmanager
async def slow_readers(server: SiteServer, room: str, count: int) -> AsyncIterator[list[RawClient]]:
    """Sessions that have joined and read nothing more."""
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(count):
            client = await RawClient.connect(server, buffer=TINY_BUFFER)
            stack.callback(client.close)
            await client.say("join", room=room, history=0)
            await client.until(client.has_joined, "joined")
            clients.append(client)
        yield clients


async def slowest(talkers: Crowd, texts: list[str]) -> float:
    """Let one of them post and everybody hear it, text by text; the longest that took."""
    longest = 0.0
    for text in texts:
        begin = time.monotonic()
        seq = await talkers.regulars[0].post(text)
        await asyncio.gather(*(regular.reach(seq) for regular in talkers.regulars))
        longest = max(longest, time.monotonic() - begin)
    return longest


async def test_reader_that_stops_is_closed_delays_nobody_and_resumes(
    server: SiteServer, visit: Visits, room: str
) -> None:
    async with (
        crowd(room, [server], each=3) as talkers,
        slow_readers(server, room, 1) as (slow,),
    ):
        witness = await visit.json(server, room)
        texts = [f"{number} {'x' * 1000}" for number in range(4 * WINDOW)]
        assert await slowest(talkers, texts) < DELAY_SECONDS
        # The slow one is closed at a beat, half a heartbeat after it took the last: within 16 s.
        there = {witness.sender["id"], *(regular.who.uid for regular in talkers.regulars)}
        await witness.online(room, there, within=PATIENCE)
        assert await slow.end() in (4002, None)
        read = slow.log(room)
        assert len(read) <= 3 * WINDOW, "the window is smaller than that"

        joined = next(event for event in slow.events if event["type"] == "joined")
        back = await visit.json(server)
        position = {"epoch": joined["epoch"], "seq": read[-1]["seq"] if read else joined["head"]}
        assert (await back.join(room, after=position))["recovered"] is True
        history = await talkers.history()
        await back.reach(room, talkers.regulars[0].acks[-1]["seq"])
        entries = [heard(entry) for entry in (*read, *back.logs[room].entries)]
        history.heard("slow", joined["head"], entries)
        assert history.faults() == []
        assert all(regular.returns == 1 for regular in talkers.regulars), "they were fast enough"


async def test_reader_that_is_slow_delays_nobody_and_misses_nothing(
    server: SiteServer, visit: Visits, room: str
) -> None:
    """It reads all the time, far less than is said; and it says how far it is."""
    async with (
        crowd(room, [server], each=3) as talkers,
        slow_readers(server, room, 1) as (slow,),
    ):
        last: list[int] = []

        def has_all() -> bool:
            log = slow.log(room)
            return bool(last and log and log[-1]["seq"] >= last[0])

        sipping = asyncio.create_task(slow.sip(2_000, lambda: bool(last)))
        texts = [f"{number} {'x' * 1000}" for number in range(4 * WINDOW)]
        assert await slowest(talkers, texts) < DELAY_SECONDS
        assert len(slow.log(room)) < len(texts) // 2, "it is not slow"
        history = await talkers.history()
        last.append(talkers.regulars[0].acks[-1]["seq"])
        await sipping
        await asyncio.wait_for(slow.sip(50_000, has_all), PATIENCE)

        joined = next(event for event in slow.events if event["type"] == "joined")
        entries = slow.log(room)
        if not has_all():
            assert slow.code in (4002, None)
            back = await visit.json(server)
            position = {"epoch": joined["epoch"], "seq": entries[-1]["seq"]}
            assert (await back.join(room, after=position))["recovered"] is True
            entries += back.logs[room].entries
        history.heard("slow", joined["head"], [heard(entry) for entry in entries])
        assert history.faults() == []


async def test_reader_that_confirms_nothing_is_told_that_it_is_too_slow(
    server: SiteServer, visit: Visits, room: str
) -> None:
    async with crowd(room, [server], each=1) as talkers:
        silent = await visit.json(server, room)
        silent.answers = False
        await talkers.talk(3 * WINDOW)
        assert await silent.closed() == 4002


async def test_memory_does_not_grow_with_what_is_not_read(server: SiteServer, room: str) -> None:
    async with crowd(room, [server], each=4) as talkers:
        await talkers.talk(50, size=4000)  # what a server has need of anyway
        before = resident(server.pid)
        async with slow_readers(server, room, 20):
            await talkers.talk(300, size=4000)
            grown = resident(server.pid) - before
            assert await slowest(talkers, ["and on"]) < DELAY_SECONDS
        assert grown < GROWN_MOST, f"{grown / MEGABYTE:.0f} MB"


async def test_who_asks_and_asks_without_reading_is_bounded(
    server: SiteServer, visit: Visits, room: str
) -> None:
    async with crowd(room, [server], each=1) as talkers:
        await slowest(talkers, ["z" * 250] * 200)
        witness = await visit.json(server, room)
        there = {witness.sender["id"], talkers.regulars[0].who.uid}
        before = resident(server.pid)
        async with slow_readers(server, room, 10) as greedy:
            await witness.online(
                room, there | {client.events[0]["sender"]["id"] for client in greedy}
            )
            for client in greedy:
                with contextlib.suppress(OSError):  # it may be over before all is asked
                    for _ in range(300):
                        await client.say("history", room=room, before=201, limit=200)
            # Without a bound: 300 answers of some 70 kB for each of them.
            await witness.online(room, there, within=PATIENCE)
            grown = resident(server.pid) - before
            assert grown < GROWN_MOST, f"{grown / MEGABYTE:.0f} MB"
            assert await slowest(talkers, ["and on"]) < DELAY_SECONDS
            assert {await client.end() for client in greedy} <= {4002, None}


async def test_terminal_that_talks_and_never_reads_is_bounded_and_closed(
    server: SiteServer, visit: Visits, room: str
) -> None:
    async with crowd(room, [server], each=4) as talkers, AsyncExitStack() as stack:
        await talkers.talk(50, size=4000)  # what a server has need of anyway
        witness = await visit.json(server, room)
        there = {witness.sender["id"], *(regular.who.uid for regular in talkers.regulars)}
        before = resident(server.pid)
        deaf = []
        for _ in range(20):
            terminal = await RawClient.connect(server, buffer=TINY_BUFFER, terminal=True)
            stack.callback(terminal.close)
            await terminal.send(frame(f"/join {room}"))
            deaf.append(terminal)
        await witness.until(lambda: len(witness.present(room)) == len(there) + len(deaf), "all")

        async def go_on() -> None:
            # daphne asks nobody whether they are there who says something every now and then.
            while True:
                for terminal in deaf:
                    with contextlib.suppress(OSError):
                        await terminal.send(frame("/list"))
                await asyncio.sleep(0.5)

        going_on = asyncio.create_task(go_on())
        try:
            await talkers.talk(300, size=4000)
            await witness.online(room, there, within=PATIENCE)
        finally:
            going_on.cancel()
        grown = resident(server.pid) - before
        assert grown < GROWN_MOST, f"{grown / MEGABYTE:.0f} MB"
        assert {await terminal.end() for terminal in deaf} <= {4002, None}


async def test_who_pings_and_never_reads_is_bounded(
    server: SiteServer, kind: ServerKind, room: str
) -> None:
    """It is the server that answers pings, and does not wait until that is taken."""
    async with crowd(room, [server], each=1) as talkers:
        await slowest(talkers, ["before"])
        before = resident(server.pid)
        async with slow_readers(server, room, 1) as (pinger,):
            pings = frame("x" * 125, opcode=Opcode.PING) * 1000
            cut_off = False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PINGING_SECONDS[kind]):
                    with contextlib.suppress(OSError):
                        while True:
                            await pinger.send(pings)
                    cut_off = True
            if kind == "uvicorn":
                assert cut_off, "at the next beat"
            else:
                assert not cut_off, "it is not even read any more"
                grown = resident(server.pid) - before
                assert grown < 20 * MEGABYTE, f"{grown / MEGABYTE:.0f} MB"
            assert await slowest(talkers, ["and on"]) < DELAY_SECONDS


async def test_reader_that_pauses_goes_on_where_it_was(
    serve_module: Serve, kind: ServerKind, room: str
) -> None:
    # So large a window that the socket is blocked, where the server has blocking sockets, long
    # before it is full: systems buffer some megabytes.
    server = serve_module(
        kind, env=overriding(WINDOW_BYTES=2**28, TEXT_LIMIT=30_000, POSTS_PER_SECOND=0)
    )
    async with (
        crowd(room, [server], each=2) as talkers,
        slow_readers(server, room, 1) as (slow,),
    ):
        texts = [f"{number} {'x' * 30_000}"[:30_000] for number in range(120)]
        assert await slowest(talkers, texts) < DELAY_SECONDS
        await slow.say("post", room=room, text="from one who reads nothing", id="unread")
        await talkers.regulars[1].post("from one who does")
        if kind == "daphne":
            # It hears nobody who reads nothing: what it answers by itself would have no bound.
            reader = await talkers.regulars[1].here()
            assert not any(entry["id"] == "unread" for entry in reader.logs[room].entries)
        await slow.until(
            lambda: len(slow.log(room)) == len(texts) + 2, "all that was said", within=60
        )
        history = await talkers.history()
        deaf = slow.events[0]["sender"]["id"]
        history.said(message(deaf, "unread"), "from one who reads nothing")
        await slow.until(lambda: len(slow.log(room)) == len(texts) + 3, "what is live")
        history.heard("slow", 0, [heard(entry) for entry in slow.log(room)])
        assert history.faults() == []


@pytest.mark.parametrize("resumes", [False, True], ids=["fresh", "resumed"])
async def test_reader_that_keeps_up_is_not_closed_for_what_its_join_brought(
    server: SiteServer, visit: Visits, room: str, resumes: bool
) -> None:
    talker = await visit.json(server, room)
    start = talker.position(room)
    for number in range(3 * WINDOW):
        await talker.post(room, str(number))
    reader = await visit.json(server)
    if resumes:
        await reader.join(room, after=start)
    else:
        await reader.join(room, history=3 * WINDOW)
    # It has it all, and nobody has asked it yet whether it has.
    for _ in range(WINDOW):
        seq = (await talker.post(room, "live"))["seq"]
        await reader.reach(room, seq)
