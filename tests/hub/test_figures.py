from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from pytest_django import Settings

from chat import store
from chat.hub import figures, heart
from chat.hub import hub as hubs
from chat.hub.figures import Figures
from chat.hub.hub import Hub
from chat.hub.sequence import Order
from chat.models import Sample
from chat.protocol.closing import CloseCode
from chat.protocol.errors import Forbidden, Unavailable
from chat.store import Counts
from tests.fakes import soon
from tests.hub.clients import OPEN_SITE, Connect, Wired, off_loop, post
from tests.hub.conftest import MakeHub


@pytest.fixture
def at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hearts beat once and no more."""
    monkeypatch.setattr(heart.Heart, "_beat", 3600.0)


def lately(hub: Hub) -> Counts:
    """Return what a hub would say that it did."""
    return hub.figures.report().lately


# What is counted


@pytest.mark.usefixtures("at_rest")
async def test_posts_commits_and_their_durations_are_counted(make_hub: MakeHub) -> None:
    wired = Wired(make_hub())
    await wired.join()
    wired.say(*(post(number) for number in range(5)))
    await soon(lambda: len(wired.told("ack")) == 5)
    counts = lately(wired.hub)
    assert (counts.posts, counts.stored) == (5, 5)
    assert 1 <= counts.commits <= 5
    assert sum(counts.acks.values()) == 5


@pytest.mark.usefixtures("at_rest")
async def test_delivery_is_an_event_for_a_session(make_hub: MakeHub) -> None:
    hub = make_hub()
    wired = [Wired(hub) for _ in range(7)]
    for one in wired:
        await one.join()
    wired[0].say(post(1), post(2), post(3))
    await soon(lambda: all(len(one.seqs) == 3 for one in wired))
    await soon(lambda: lately(hub).deliveries > 0)
    await hub.rooms["main"].fanout.settled()
    counts = lately(hub)
    assert counts.deliveries == 21
    assert sum(counts.fanouts.values()) >= 1


@pytest.mark.usefixtures("at_rest")
async def test_presence_and_typing_are_no_deliveries(make_hub: MakeHub) -> None:
    hub = make_hub()
    wired = Wired(hub)
    await wired.join()
    wired.say({"type": "typing", "room": "main"})
    await soon(lambda: bool(wired.told("typing")))
    assert lately(hub).deliveries == 0


@pytest.mark.usefixtures("at_rest")
async def test_closes_are_counted_by_code(make_hub: MakeHub) -> None:
    hub = make_hub()
    for code in (CloseCode.TOO_SLOW, CloseCode.TOO_SLOW, CloseCode.REMOVED):
        session = Wired(hub).session
        session.close(code)
        session.close(code)  # again is nothing new
    Wired(hub).session.gone()
    assert lately(hub).closes == {4002: 2, 4503: 1}


async def test_those_who_are_not_let_in_are_counted(connect: Connect, settings: Settings) -> None:
    settings.CHAT = {**OPEN_SITE, "SESSIONS_PER_ADDRESS": 1}
    await connect()
    with pytest.raises(Exception, match="4003"):
        await connect()
    assert lately(hubs.current()).closes == {4003: 1}


@pytest.mark.usefixtures("at_rest")
async def test_what_is_logged_as_an_error_is_counted_and_warnings_are_not(
    make_hub: MakeHub,
) -> None:
    hub = make_hub()
    logger = logging.getLogger("chat")
    logger.error("a fault of ours")
    logger.warning("no fault of ours")
    assert lately(hub).faults == 1
    hub.figures.stop()
    logger.error("of somebody else's")
    assert hub.figures.counts.faults == 1


@pytest.mark.usefixtures("at_rest")
async def test_unavailable_is_counted_and_other_refusals_are_not(make_hub: MakeHub) -> None:
    hub = make_hub()
    session = Wired(hub).session
    for problem in (Unavailable(), Forbidden()):
        session.refuse(problem)
    assert lately(hub).unavailable == 1


# What is told


async def test_report_is_of_the_last_minute_and_of_all_time() -> None:
    """The readings are those of a hub that beats every twenty seconds."""
    clock = Clock()
    told = Figures(clock)  # type: ignore[arg-type]  # a stand-in
    for _ in range(9):
        told.counts.posts += 10
        clock.now += 20.0
        report = told.report()
    assert (report.lately.posts, report.seconds) == (30, 60.0)
    assert report.ever.posts == 90


async def test_many_beats_in_a_moment_are_no_more_readings() -> None:
    clock = Clock()
    told = Figures(clock)  # type: ignore[arg-type]  # a stand-in
    for _ in range(1000):
        clock.now += 0.01
        told.report()
    assert len(told._readings) <= 11


class Clock:
    """A hub as figures see it: a time, and nothing going on."""

    def __init__(self) -> None:
        self.now = 100.0
        self.loop = self
        self.sessions: dict[object, None] = {}
        self.rooms: dict[str, SimpleNamespace] = {}
        self.presence = self

    def time(self) -> float:
        """Return the time."""
        return self.now

    def online(self, slug: str) -> int:
        """Return that nobody is there."""
        return 0


@pytest.mark.usefixtures("at_rest")
async def test_busy_rooms_are_those_with_most_people_and_most_posts(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "BUSY_MOST", 1)
    hub = make_hub()
    wired = [Wired(hub) for _ in range(3)]
    for one in wired:
        await one.join("full")
    await wired[0].join("loud")
    await wired[0].join("neither")
    hub.figures.report()
    wired[0].say(post(1, "loud"), post(2, "loud"))
    await soon(lambda: len(wired[0].told("ack")) == 2)
    found = {busy.room: busy for busy in hub.figures.report().busy}
    assert found.keys() == {"full", "loud"}
    assert (found["full"].online, found["full"].sessions, found["full"].posts) == (3, 3, 0.0)
    assert found["loud"].posts > 0


def room_at(head: int) -> SimpleNamespace:
    """Return a room as figures see it."""
    return SimpleNamespace(order=Order(head), seats={})


def posts_of(told: Figures) -> dict[str, float]:
    """Return the posts a minute of the rooms that are told of, as the clock now is."""
    return {busy.room: busy.posts for busy in told.report().busy}


def test_posts_of_a_room_are_those_of_the_last_half_to_whole_minute() -> None:
    clock = Clock()
    told = Figures(clock)  # type: ignore[arg-type]  # a stand-in
    clock.rooms["steady"] = steady = room_at(1000)
    for _ in range(30):
        clock.now += 10.0
        steady.order.head += 5
        found = posts_of(told)
    assert found == {"steady": 30.0}
    for _ in range(7):
        clock.now += 10.0
        found = posts_of(told)
    assert found == {"steady": 0.0}


def test_room_that_is_opened_counts_what_came_since_and_no_history() -> None:
    clock = Clock()
    told = Figures(clock)  # type: ignore[arg-type]  # a stand-in
    clock.now += 30.0
    told.report()
    clock.rooms["new"] = new = room_at(5000)
    clock.now += 30.0
    assert posts_of(told) == {"new": 0.0}
    new.order.head += 20
    clock.now += 10.0
    assert posts_of(told) == {"new": 30.0}


def test_room_whose_log_went_back_has_no_posts_rather_than_fewer() -> None:
    clock = Clock()
    told = Figures(clock)  # type: ignore[arg-type]  # a stand-in
    clock.rooms["restored"] = restored = room_at(100)
    clock.now += 30.0
    told.report()
    restored.order.head = 40
    clock.now += 30.0
    assert posts_of(told) == {"restored": 0.0}


async def test_beat_writes_what_goes_on_without_a_query_more(make_hub: MakeHub) -> None:
    hub = make_hub()
    wired = Wired(hub)
    await wired.join()
    await soon(lambda: hub.presence.node is not None)
    await hub.presence.beat()
    (node,) = await off_loop(store.node_figures)
    assert (node.report.sessions, node.report.rooms) == (1, 1)
    assert node.heard is not None


# Samples


@pytest.mark.usefixtures("at_rest")
async def test_each_minute_that_is_over_is_kept_once(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    monkeypatch.setattr(figures, "_this_minute", lambda: clock)
    hub = make_hub()
    await soon(lambda: hub.presence.register.name != "")
    hub.figures.counts.posts += 3
    await hub.figures.sample()
    assert await off_loop(Sample.objects.count) == 0
    for minute, posts in ((1, 4), (2, 5)):
        clock = clock.replace(minute=minute)
        hub.figures.counts.posts += posts
        await hub.figures.sample()
        await hub.figures.sample()
    found = await off_loop(store.samples_since, clock.replace(minute=0))
    assert [(minute.minute, report.lately.posts) for minute, report in found] == [(0, 7), (1, 5)]


@pytest.mark.usefixtures("at_rest")
async def test_minute_without_a_database_is_kept_with_the_next(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    monkeypatch.setattr(figures, "_this_minute", lambda: clock)
    hub = make_hub()
    await soon(lambda: hub.presence.register.name != "")

    async def away(*_: object) -> None:
        raise Unavailable

    hub.figures.counts.posts += 3
    clock = clock.replace(minute=1)
    with monkeypatch.context() as patch:
        patch.setattr(hub.threads, "write", away)
        with pytest.raises(Unavailable):
            await hub.figures.sample()
    hub.figures.counts.posts += 4
    clock = clock.replace(minute=2)
    await hub.figures.sample()
    found = await off_loop(store.samples_since, clock.replace(minute=0))
    assert [(minute.minute, report.lately.posts) for minute, report in found] == [(1, 7)]


async def test_heart_keeps_samples(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "HEARTBEAT": 0.04}
    minutes = iter(range(60))
    start = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    monkeypatch.setattr(figures, "_this_minute", lambda: start.replace(minute=next(minutes)))
    make_hub()

    async def kept() -> int:
        return await off_loop(Sample.objects.count)

    async with asyncio.timeout(60):
        while await kept() < 2:
            await asyncio.sleep(0.01)
