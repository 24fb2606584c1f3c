"""Coming back: what was missed is served, or one starts over and is told so."""

from typing import Any

import pytest
from pytest_django import Settings

from chat import store
from chat.models import Message, Room
from chat.protocol.errors import Unavailable
from tests.fakes import soon, turns
from tests.hub.clients import OPEN_SITE, Connect, JsonClient, Wired, off_loop, post
from tests.hub.rooms import texts


async def come_back(
    connect: Connect, epoch: str, seq: int, **fields: Any
) -> tuple[JsonClient, dict[str, Any]]:
    """Join from a position, by a session of one's own; it, and what it was told of the room."""
    client = await connect()
    joined = await client.join(after={"epoch": epoch, "seq": seq}, **fields)
    await client.answered()
    return client, joined


async def test_resume_is_served_what_was_missed_and_recovered(connect: Connect) -> None:
    first = await connect()
    joined = await first.join()
    await first.talk(5)
    second, resumed = await come_back(connect, joined["epoch"], 2)
    assert (resumed["recovered"], resumed["head"]) == (True, 5)
    assert second.seqs() == [3, 4, 5]


async def test_resume_from_the_head_misses_nothing(connect: Connect) -> None:
    first = await connect()
    joined = await first.join()
    await first.talk(3)
    second, resumed = await come_back(connect, joined["epoch"], 3)
    assert resumed["recovered"] is True
    assert second.seqs() == []


async def test_resume_further_back_than_memory_is_served_from_the_log(
    connect: Connect, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "TAIL": 2}
    first = await connect()
    joined = await first.join()
    await first.talk(10)
    second, resumed = await come_back(connect, joined["epoch"], 1)
    assert resumed["recovered"] is True
    assert second.seqs() == list(range(2, 11))


async def test_resume_of_another_epoch_starts_over_and_says_so(connect: Connect) -> None:
    first = await connect()
    await first.talk(3)
    second, resumed = await come_back(connect, "other", 3, history=2)
    assert resumed["recovered"] is False
    assert second.seqs() == [2, 3]


async def test_resume_beyond_the_log_starts_over_and_says_so(connect: Connect) -> None:
    first = await connect()
    joined = await first.join()
    await first.talk(3)
    second, resumed = await come_back(connect, joined["epoch"], 9, history=1)
    assert resumed["recovered"] is False
    assert second.seqs() == [3]


async def test_resume_of_more_than_the_limit_starts_over_and_says_so(
    connect: Connect, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "RESUME_LIMIT": 5}
    first = await connect()
    joined = await first.join()
    await first.talk(10)
    second, third = await connect(), await connect()
    within = await second.join(after={"epoch": joined["epoch"], "seq": 5})
    beyond = await third.join(after={"epoch": joined["epoch"], "seq": 4}, history=200)
    await second.answered()
    await third.answered()
    assert (within["recovered"], beyond["recovered"]) == (True, False)
    assert second.seqs() == third.seqs() == [6, 7, 8, 9, 10]


async def test_resume_over_a_hole_in_the_log_is_not_recovered(
    connect: Connect, settings: Settings
) -> None:
    """What a purge took away is not passed over in silence."""
    settings.CHAT = {**OPEN_SITE, "TAIL": 2}
    first = await connect()
    joined = await first.join()
    await first.talk(10)
    live = await off_loop(Room.objects.get, slug="main")
    await off_loop(live.log.filter(seq__lte=5).delete)
    second, third = await connect(), await connect()
    lost = await second.join(after={"epoch": joined["epoch"], "seq": 3})
    kept = await third.join(after={"epoch": joined["epoch"], "seq": 5})
    await third.answered()
    assert (lost["recovered"], kept["recovered"]) == (False, True)
    assert third.seqs() == [6, 7, 8, 9, 10]


async def test_resume_shows_a_deleted_message_without_its_text(connect: Connect) -> None:
    first = await connect()
    joined = await first.join()
    await first.talk(2)
    await first.ask("edit", room="main", seq=1, text="secret")
    await first.ask("delete", room="main", seq=1)
    second = await connect()
    await second.join(after={"epoch": joined["epoch"], "seq": 0})
    await second.answered()
    assert [(event["type"], event["seq"]) for event in second.log()] == [
        ("message", 1),
        ("message", 2),
        ("edited", 3),
        ("deleted", 4),
    ]
    message = second.log()[0]
    assert (message["text"], message["deleted"]) == ("", True)
    assert "secret" not in str(second.events)


async def test_resume_and_live_events_leave_no_hole_and_double_nothing(connect: Connect) -> None:
    first = await connect()
    joined = await first.join()
    await first.talk(5)
    second = await connect()
    posts = [{"type": "post", "room": "main", "text": f"n{n}", "id": f"n{n}"} for n in range(100)]
    await first.send(*posts)
    await second.join(after={"epoch": joined["epoch"], "seq": 2})
    await second.event("message", seq=105)
    assert second.seqs() == list(range(3, 106))


async def test_resume_after_the_history_was_pruned_starts_over(connect: Connect) -> None:
    drafts = [
        store.PostDraft(room="main", sender_key="s:x", sender_name="x", id=str(n), text=str(n))
        for n in range(1, 11)
    ]
    await off_loop(store.append, drafts)
    await off_loop(Message.objects.filter(seq__lte=5).delete)
    epoch = (await off_loop(Room.objects.get, slug="main")).epoch
    for seq, recovered, first in ((2, False, "6"), (4, False, "6"), (5, True, "6"), (8, True, "9")):
        client = await connect()
        joined = await client.join(after={"epoch": epoch, "seq": seq})
        assert joined["recovered"] is recovered
        await client.event("message", seq=10)
        assert texts(client)[0] == first


async def test_catching_up_that_the_database_interrupts_goes_on_with_a_beat(
    site: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Wired(), Wired()
    joined = await first.join()
    first.say(*(post(number) for number in range(10)))
    await soon(lambda: len(first.seqs) == 10)
    room = first.hub.rooms["main"]
    span, asked, away = room.span, 0, True

    async def away_after_the_first_time(after: int, upto: int) -> list[store.Entry]:
        nonlocal asked
        asked += 1
        if away and asked > 1:
            raise Unavailable
        return await span(after, upto)

    monkeypatch.setattr(room, "span", away_after_the_first_time)
    await second.join(after={"epoch": joined["epoch"], "seq": 1})
    await soon(lambda: asked > 1)
    await turns()
    assert second.seqs == []
    away = False
    first.hub.heart.look()
    await soon(lambda: second.seqs == list(range(2, 11)))
    assert second.session.seats["main"].live
