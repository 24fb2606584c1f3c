"""A session from its welcome to its end, and the frames it is sent meanwhile."""

import asyncio
import threading
from collections.abc import Sequence

import pytest
from pytest_django import Settings

from chat import identity, store
from chat.hub import carrying, intake
from chat.hub import hub as hubs
from chat.models import Room
from tests.fakes import PATIENCE, soon, turns
from tests.hub.clients import OPEN_SITE, Connect, Wired, off_loop, post

# The beginning


async def test_welcome_comes_first_and_says_the_limits(
    connect: Connect, settings: Settings
) -> None:
    settings.CHAT = {
        **OPEN_SITE,
        "TEXT_LIMIT": 100,
        "FRAME_LIMIT": 2048,
        "POSTS_PER_SECOND": 5,
        "WINDOW": 512,
        "HEARTBEAT": 10,
    }
    client = await connect()
    welcome = client.events[0]
    assert welcome == {
        "type": "welcome",
        "version": 1,
        "session": welcome["session"],
        "sender": welcome["sender"],
        "heartbeat": 10,
        "limits": {"text": 100, "frame": 2048, "posts_per_second": 5, "window": 512},
    }
    assert welcome["sender"]["name"] == f"Guest {welcome['sender']['id']}"
    assert welcome["session"]


async def test_sessions_have_ids_of_their_own(connect: Connect) -> None:
    sessions = {(await connect()).events[0]["session"] for _ in range(3)}
    assert len(sessions) == 3


# Frames


@pytest.mark.parametrize("text", ["x" * 2048, "я" * 1024])
async def test_frame_at_the_limit_is_read_and_one_byte_more_closes(
    connect: Connect, settings: Settings, text: str
) -> None:
    settings.CHAT = {**OPEN_SITE, "FRAME_LIMIT": 2048}
    client = await connect()
    await client.send_text(text)
    assert (await client.event("error"))["code"] == "bad_frame"
    await client.send_text(text + "x")
    assert await client.closed() == 4509


async def test_bad_frames_are_answered_until_there_are_too_many(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BAD_FRAME_RATE", 0.000_1)
    client = await connect()
    for _ in range(10):
        await client.send_text("nonsense")
        assert (await client.event("error"))["code"] == "bad_frame"
    assert (await client.ask("rooms"))["type"] == "rooms"
    await client.send_text("nonsense")
    assert await client.closed() == 4500


async def test_bad_commands_are_answered_with_what_is_known_of_them(connect: Connect) -> None:
    client = await connect()
    await client.send(
        {"type": "nonsense", "ref": "a"},
        {"type": "post", "room": "main", "id": "p", "ref": "b"},
        {"type": "post", "room": "no such name", "id": "p", "text": "x", "ref": "c"},
        {"type": "rooms", "ref": "d"},
    )
    answers = {ref: await client.until(lambda e, r=ref: e.get("ref") == r) for ref in "abcd"}  # type: ignore[misc]  # its own ref
    assert [answers[ref].get("code") for ref in "abcd"] == [
        "unknown_command",
        "bad_command",
        "bad_command",
        None,
    ]
    assert answers["b"]["id"] == answers["c"]["id"] == "p"
    assert "id" not in answers["a"]
    assert "retry_after" not in answers["a"]


async def test_flood_of_commands_closes(site: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "FLOOD_RATE", 0.001)
    monkeypatch.setattr(intake, "FLOOD_BURST", 150.0)
    hubs.current().config = hubs.current().config.__replace__(posts_per_second=1)
    wired = Wired()
    wired.say(*[{"type": "pong"}] * 100)
    assert wired.socket.code is None
    wired.say(*[{"type": "pong"}] * 100)
    assert wired.socket.code == 4500


# The order of commands


async def test_commands_are_carried_out_in_order_though_the_first_waits(connect: Connect) -> None:
    client = await connect()
    await client.send(
        {"type": "typing", "room": "a", "ref": 1},
        {"type": "join", "room": "a", "ref": 2},
        {"type": "typing", "room": "a"},
        {"type": "leave", "room": "a", "ref": 3},
        {"type": "leave", "room": "a", "ref": 4},
    )
    await client.until(lambda event: event.get("ref") == 4)
    answers = [(e["ref"], e["type"]) for e in client.events if "ref" in e]
    assert answers == [(1, "error"), (2, "joined"), (3, "left"), (4, "error")]


async def test_frames_that_come_while_a_command_waits_are_carried_out_after_it(
    site: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wired = Wired()
    wired.say({"type": "join", "room": "a", "ref": 1})
    wired.say({"type": "leave", "room": "a", "ref": 2})
    assert wired.told("error") == []
    await soon(lambda: len(wired.told("left")) == 1)
    assert wired.told("error") == []


async def test_commands_that_wait_beyond_the_bound_close(
    site: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BACKLOG_MOST", 50)
    wired = Wired()
    wired.say({"type": "join", "room": "main"})
    wired.say(*[{"type": "typing", "room": "main"}] * 50)
    assert wired.session in wired.hub.sessions
    wired.say({"type": "typing", "room": "main"})
    assert wired.socket.code == 4500
    await soon(lambda: "main" in wired.hub.rooms)


async def test_commands_that_wait_beyond_their_size_close(site: None, settings: Settings) -> None:
    settings.CHAT = {**OPEN_SITE, "WINDOW_BYTES": 65_536, "FRAME_LIMIT": 65_536}
    wired = Wired()
    post = {"type": "post", "room": "main", "text": "x" * 1000, "id": "1"}
    wired.say({"type": "join", "room": "main"}, post)
    wired.say(*[post] * 60)
    assert wired.session in wired.hub.sessions
    wired.say(*[post] * 10)
    assert wired.socket.code == 4500
    await soon(lambda: "main" in wired.hub.rooms)


async def test_commands_that_were_carried_out_wait_no_more(
    site: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long there is always another one."""
    settings.CHAT = {**OPEN_SITE, "WINDOW_BYTES": 65_536, "FRAME_LIMIT": 65_536}
    going_on = asyncio.Semaphore(0)

    async def waits(*_: object) -> None:
        await going_on.acquire()

    monkeypatch.setattr(carrying, "out", waits)
    wired = Wired()
    post = {"type": "post", "room": "main", "text": "x" * 1000, "id": "1"}
    wired.say(post, post)
    for _ in range(100):
        wired.say(post)
        going_on.release()
        await turns()
    assert wired.session in wired.hub.sessions


# The end


async def test_closed_session_is_in_no_room_and_no_count(site: None) -> None:
    wired = Wired()
    await wired.join()
    hub = wired.hub
    wired.session.too_slow()
    assert wired.socket.code == 4002
    assert not hub.sessions
    assert not hub.rooms["main"].seats
    assert not hub._by_key
    assert not hub._by_address
    wired.session.gone()
    wired.session.too_slow()
    wired.say({"type": "rooms"})
    await turns()
    assert len(wired.socket.messages) == len(wired.socket.texts) + 1
    assert wired.told("rooms") == []


async def test_session_that_ends_while_it_joins_is_in_no_room(site: None) -> None:
    wired = Wired()
    wired.say({"type": "join", "room": "main"}, {"type": "join", "room": "other"})
    wired.session.gone()
    await soon(lambda: "main" in wired.hub.rooms)
    await turns()
    assert wired.session.seats == {}
    assert not any(room.seats for room in wired.hub.rooms.values())


async def test_session_that_ends_as_it_begins_to_wait_keeps_nobody_waiting(site: None) -> None:
    """It was in line for a lock, and nothing of it had run since."""
    hub = hubs.current()
    await Wired().join()
    async with hub.guard._reading:
        hub.guard._mark = None  # as before any bans were read
        early = Wired()
        early.say({"type": "join", "room": "main"})
        early.session.gone()
        late = Wired()
        late.say({"type": "join", "room": "main"})
    await soon(lambda: bool(late.told("joined")))
    assert early.session.seats == {}


async def test_room_that_was_made_for_a_session_that_ended_meanwhile_goes_again(
    site: None, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "HEARTBEAT": 0.04}
    hub = hubs.current()
    # Whoever it was made for has ended before it sat down.
    await hub.enter("brief", identity.new_guest(), create=True)
    assert "brief" in hub.rooms
    await soon(lambda: "brief" not in hub.rooms)
    await hub.threads.write(lambda: None)
    assert not await off_loop(Room.objects.filter(slug="brief").exists)


async def test_acknowledgement_of_a_session_that_ended_harms_nobody(
    site: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wired, other = Wired(), Wired()
    await other.join()
    begun, has_ended, append = threading.Event(), threading.Event(), store.append

    def append_late(drafts: Sequence[store.Draft], *, again: bool = False) -> list[store.Outcome]:
        begun.set()
        assert has_ended.wait(PATIENCE)
        return append(drafts, again=again)

    monkeypatch.setattr(store, "append", append_late)
    wired.say(post(1))
    await soon(begun.is_set)
    wired.session.gone()
    has_ended.set()
    other.say(post(2))
    await soon(lambda: bool(other.told("ack")))
    assert wired.told("ack") == []
