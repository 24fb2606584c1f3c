"""What sessions see of rooms that are pruned or cleared while they are in them, or away."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from chat import moderation, store
from chat.hub import hub as hubs
from chat.hub.heart import Heart
from chat.models import Act, Message, Room
from chat.protocol import events, frames
from chat.store import Actor
from tests.fakes import soon
from tests.hub.clients import OPEN_SITE, Connect, off_loop
from tests.store.drafts import edit, say

BY = Actor(key="u:9", name="mod", via=Act.Via.ADMIN)


@pytest.fixture(autouse=True)
def open_site(settings: Settings) -> None:
    """Let guests post and make rooms, and keep few events in memory."""
    settings.CHAT = OPEN_SITE | {"TAIL": 4}


@pytest.fixture
def told_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hubs find out nothing by themselves, so that what they know they were told."""
    monkeypatch.setattr(Heart, "_beat", 3600.0)


@pytest.fixture
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hubs neither be told of what was pruned nor look, in no beat and for no other reason."""

    async def look_away(heart: Heart) -> None:
        pass

    monkeypatch.setattr(Heart, "_compare_heads", look_away)
    monkeypatch.setattr(moderation.histories, "tell_all", lambda signal: None)


def prune(upto: int) -> None:
    """Let what was said up to a seq be old, and prune it."""
    Message.objects.filter(seq__lte=upto).update(at=timezone.now() - timedelta(days=100))
    room = Room.objects.get(slug="main")
    before = timezone.now() - timedelta(days=30)
    assert sum(moderation.prune(room, before=before, by=BY)) == upto - room.pruned


async def told(seq: int) -> None:
    """Wait until this process knows what was pruned."""
    await soon(lambda: hubs.current().rooms["main"].record.pruned == seq)


@pytest.mark.usefixtures("told_only")
async def test_resume_is_complete_or_refused_from_every_position(connect: Connect) -> None:
    await off_loop(say, 10)
    first = await connect()
    epoch = (await first.join())["epoch"]
    await off_loop(prune, 6)
    await told(6)
    for position in range(11):
        client = await connect(address=f"192.0.2.{position + 10}")
        reply = await client.join(after={"epoch": epoch, "seq": position}, history=50)
        assert reply["recovered"] == (position >= 6)
        await client.answered()
        assert client.seqs() == list(range(max(position, 6) + 1, 11))


@pytest.mark.usefixtures("untold")
async def test_resume_is_refused_before_word_of_the_pruning_has_come(connect: Connect) -> None:
    await off_loop(say, 600)
    first = await connect()
    epoch = (await first.join(history=1))["epoch"]
    await off_loop(prune, 300)
    assert hubs.current().rooms["main"].record.pruned == 0
    client = await connect()
    reply = await client.join(after={"epoch": epoch, "seq": 100}, history=1)
    assert reply["recovered"] is False


@pytest.mark.usefixtures("untold")
async def test_pages_read_before_and_after_a_pruning_are_not_joined_over_the_hole(
    connect: Connect,
) -> None:
    await off_loop(say, 700)
    client = await connect()
    epoch = (await client.join(history=1))["epoch"]
    room = hubs.current().rooms["main"]
    assert len(await room.span(0, 256)) == 256  # this page is kept
    await off_loop(prune, 300)
    assert await room.span(200, 400) == []
    reply = await client.join(after={"epoch": epoch, "seq": 200}, history=1)
    assert reply["recovered"] is False


@pytest.mark.usefixtures("told_only")
async def test_history_ends_where_the_log_was_pruned(connect: Connect) -> None:
    await off_loop(say, 10)
    client = await connect()
    await client.join(history=3)
    await off_loop(prune, 6)
    await told(6)
    reply = await client.ask("history", room="main", before=9, limit=50)
    assert [message["seq"] for message in reply["messages"]] == [7, 8]
    assert reply["more"] is False


@pytest.mark.usefixtures("told_only")
async def test_those_who_are_there_go_on_and_memory_forgets(connect: Connect) -> None:
    await off_loop(say, 3)
    client = await connect()
    await client.join()
    (outcome,) = await off_loop(store.append, [edit(2, "secret")])
    hubs.current().publish_outcomes([outcome])
    await client.event("edited", seq=4)
    await off_loop(prune, 3)
    await told(3)
    room = hubs.current().rooms["main"]
    (entry,) = room.tail.after(3, 4) or []
    assert isinstance(frames.decode_logged(entry.text), events.Deleted)
    assert room.tail.after(2, 4) is None
    assert (await client.post("still here"))["seq"] == 5
    late = await connect()
    await late.join()
    await late.event("message", seq=5)
    assert late.seqs() == [5]
    assert "secret" not in repr(late.events)


@pytest.mark.usefixtures("told_only")
async def test_room_that_was_pruned_further_than_a_process_has_heard_starts_over(
    connect: Connect,
) -> None:
    client = await connect()
    await client.join()
    await client.post("before")
    await off_loop(say, 3)  # nobody tells the hub
    await off_loop(prune, 4)
    reply = await client.event("joined", recovered=False)
    assert reply["head"] == 4
    assert (await client.post("after"))["seq"] == 5
    await client.event("message", seq=5)


@pytest.mark.usefixtures("told_only")
async def test_clearing_lets_screens_start_over_at_once(connect: Connect) -> None:
    clients = [await connect(), await connect()]
    epochs = [(await client.join())["epoch"] for client in clients]
    await clients[0].post("secret")
    for client in clients:
        await client.event("message")
    room = await off_loop(Room.objects.get, slug="main")
    await off_loop(moderation.clear_history, room, by=BY)
    for client in clients:
        reply = await client.event("joined", recovered=False)
        assert reply["epoch"] not in epochs
    assert (await clients[0].post("fresh"))["seq"] == 2
    await clients[1].event("message", text="fresh")
    late = await connect()
    reply = await late.join(after={"epoch": epochs[0], "seq": 1})
    assert reply["recovered"] is False
    await late.event("message", text="fresh")
    page = await late.ask("history", room="main", before=10)
    assert [message["text"] for message in page["messages"]] == ["fresh"]
    assert "secret" not in repr(late.events)


async def test_pruning_is_found_where_word_of_it_was_lost(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Heart, "_beat", 0.05)
    monkeypatch.setattr(moderation.histories, "tell_all", lambda signal: None)
    await off_loop(say, 5)
    client = await connect()
    await client.join()
    await off_loop(prune, 3)
    await told(3)


@pytest.mark.usefixtures("told_only")
async def test_redacted_text_is_gone_for_those_who_are_there_resume_or_come_later(
    connect: Connect,
) -> None:
    await off_loop(say, 300)
    there = await connect()
    epoch = (await there.join(history=5))["epoch"]
    resumed = {"epoch": epoch, "seq": 100}
    await (await connect()).join(after=resumed)  # pages of the log are in memory now
    since = datetime(1970, 1, 1, tzinfo=UTC)
    assert await off_loop(moderation.redact_by, "u:1", since=since, by=BY) == 300
    await there.event("deleted", seq=600)
    late = await connect()
    await late.join(after=resumed)
    await late.event("deleted", seq=600)
    assert late.seqs() == list(range(101, 601))
    fresh = await connect()
    await fresh.join()
    page = await fresh.ask("history", room="main", before=250, limit=200)
    for text in (repr(late.events), repr(fresh.events), repr(page)):
        assert "text " not in text
