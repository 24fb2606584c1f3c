"""Who is banned or muted is put out or silenced: by word at once, without it within a heartbeat."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chat import store
from chat.hub import guard
from chat.hub import hub as hubs
from chat.hub.session import BEATS
from chat.models import Act, Ban, Message, Room
from chat.models import Connection as Row
from chat.moderation import people
from chat.store import Actor
from tests.fakes import PATIENCE, soon
from tests.hub.clients import Connect, Connection, ConnectTerminal, JsonClient, off_loop, sign_up
from tests.hub.guard.conftest import looked_at, member

SITE = Actor(key="s:Site", name="Site", via=Act.Via.CODE)


async def user_or_guest(connect: Connect, kind: str) -> tuple[people.Target, JsonClient]:
    """Somebody in ``main`` and ``side``, and how to ban them."""
    account = await sign_up("ann")
    cookies = account.cookies if kind == "user" else None
    client = await connect(cookies=cookies, address="203.0.113.9")
    await client.join()
    await client.join("side")
    await looked_at()
    if kind == "network":
        return people.target_of("203.0.113.0/24"), client
    key = f"u:{account.user.pk}" if kind == "user" else f"g:{client.events[0]['sender']['id']}"
    return await off_loop(people.target_of, key), client


WHO = pytest.mark.parametrize("kind", ["user", "guest", "network"])


@WHO
async def test_ban_of_the_site_ends_sessions_and_lets_nobody_in(
    connect: Connect, connections: list[Connection], either: None, kind: str
) -> None:
    other = await connect()
    await other.join()
    target, client = await user_or_guest(connect, kind)
    await off_loop(people.ban, target, by=SITE, reason="spam")
    notice = await client.event("notice", level="warning")
    assert notice["text"] == "you were removed from this chat: spam"
    assert (notice["code"], notice["reason"]) == ("removed", "spam")
    assert await client.closed() == 4503
    again = JsonClient()
    guest = client.cookies.output(attrs=[], header="", sep=";").strip().encode()
    again.scope["headers"] = [*client.scope["headers"], *([(b"cookie", guest)] if guest else [])]
    again.scope["client"] = client.scope["client"]
    connections.append(again)
    await again.open()
    assert await again.closed() == 4503
    assert (await other.post("still here"))["type"] == "ack"


@WHO
async def test_ban_of_a_room_puts_out_of_it_and_no_other(
    connect: Connect, either: None, kind: str
) -> None:
    target, client = await user_or_guest(connect, kind)
    main = await off_loop(Room.objects.get, slug="main")
    ban = await off_loop(people.ban, target, by=SITE, room=main, reason="rude")
    left = await client.event("left")
    assert (left["room"], left["code"], left["reason"]) == ("main", "removed", "rude")
    assert await client.refusal("join", room="main") == "forbidden"
    assert await client.refusal("post", room="main", text="x", id="1") == "forbidden"
    assert await client.refusal("history", room="main", before=9) == "forbidden"
    listed = [line["room"] for line in (await client.ask("rooms"))["rooms"]]
    assert listed == ["side"]
    assert (await client.post("still here", "side"))["type"] == "ack"
    await off_loop(people.lift, ban, by=SITE)
    await soon(lambda: not hubs.running()[0].guard.bans.against(target.key, "203.0.113.9", NOW()))
    await client.join()


NOW = timezone.now


async def look_at_roles(_: Room) -> None:
    (hub,) = hubs.running()
    await hub.guard._look_at(list(hub.sessions), thoroughly=False)


async def look_at_room(board: Room) -> None:
    (hub,) = hubs.running()
    await hub.rooms.alter(hub.rooms["board"], board)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("look", [look_at_roles, look_at_room])
async def test_who_is_removed_between_two_looks_is_told_why(
    connect: Connect,
    told_only: None,
    monkeypatch: pytest.MonkeyPatch,
    look: Callable[[Room], Awaitable[None]],
    known: bool,
) -> None:
    """The bans were read before, and that the membership is gone is seen after it.

    Or they were read after it, and this session is yet to be judged by them.
    """
    monkeypatch.setattr("chat.revocation.tell_all", lambda signal: None)
    account, client = await member(connect)
    target = await off_loop(people.target_of, account.user)
    board = await off_loop(Room.objects.get, slug="board")
    await off_loop(people.remove, target, room=board, by=SITE, reason="rude")
    if known:
        await hubs.running()[0].guard._read_bans()
    await look(board)
    left = await client.event("left")
    assert (left["room"], left.get("code"), left.get("reason")) == ("board", "removed", "rude")


@WHO
async def test_mute_silences_in_its_room_and_says_so(
    connect: Connect, either: None, kind: str
) -> None:
    target, client = await user_or_guest(connect, kind)
    main = await off_loop(Room.objects.get, slug="main")
    until = NOW() + timedelta(hours=1)
    ban = await off_loop(people.mute, target, by=SITE, room=main, until=until, reason="rude")
    told = await client.event("rights")
    assert (told["room"], told["may"], told["until"][:16]) == (
        "main",
        [],
        f"{until:%Y-%m-%dT%H:%M}",
    )
    notice = await client.event("notice", level="warning")
    assert notice["text"].startswith("you are muted in main until ")
    assert notice["room"] == "main"
    assert await client.refusal("post", room="main", text="x", id="1") == "forbidden"
    assert await client.refusal("typing", room="main") == "forbidden"
    assert (await client.post("still here", "side"))["type"] == "ack"
    await off_loop(people.lift, ban, by=SITE)
    assert (await client.event("rights"))["may"] == ["post"]
    assert (await client.event("notice"))["text"] == "you are no longer muted in main"
    assert (await client.post("again"))["type"] == "ack"


async def test_ban_that_has_ended_is_none(connect: Connect, untold: None) -> None:
    target, client = await user_or_guest(connect, "user")
    until = NOW() + timedelta(seconds=4)
    await off_loop(people.mute, target, by=SITE, until=until)
    assert (await client.event("rights"))["may"] == []
    await client.event("notice", text="you are no longer muted in this chat")
    assert NOW() >= until
    assert (await client.post("again"))["type"] == "ack"


async def test_bans_are_known_before_the_first_one_enters(
    connect: Connect, told_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def idle(_: guard.Guard) -> None:
        await asyncio.Event().wait()

    # What it reads by itself comes as soon as a process begins, and mostly before anybody is in.
    monkeypatch.setattr(guard.Guard, "run", idle)
    await off_loop(people.ban, people.target_of("192.0.2.1"), by=SITE)
    client = JsonClient()
    await client.open()
    try:
        await client.send({"type": "post", "room": "main", "text": "x", "id": "1"})
        assert await client.refusal("post", room="main", text="x", id="2") == "forbidden"
        assert not [event for event in client.events if event["type"] == "ack"]
        assert not await off_loop(Message.objects.count)
    finally:
        await client.close()


async def test_terminal_is_told_in_words(
    connect_terminal: ConnectTerminal, told_only: None
) -> None:
    account = await sign_up("ann")
    terminal = await connect_terminal(cookies=account.cookies)
    main = await off_loop(Room.objects.get, slug="main")
    target = await off_loop(people.target_of, account.user)
    await off_loop(people.mute, target, by=SITE, room=main, reason="rude")
    await terminal.until("* you are muted in main: rude")
    await terminal.say("hello")
    await terminal.until("!!! you are muted in main: rude")
    await off_loop(people.remove, target, room=main, by=SITE, reason="worse")
    await terminal.until("!!! you were removed from main: worse")


async def test_room_that_is_locked_says_so_to_those_in_it(
    connect: Connect, told_only: None
) -> None:
    guest = await connect()
    await guest.join()
    await off_loop(Room.objects.filter(slug="main").update, locked=True)
    hubs.running()[0].heart.look()
    assert (await guest.event("rights"))["may"] == []
    assert await guest.refusal("post", room="main", text="x", id="1") == "forbidden"


async def test_disconnected_session_is_closed_and_others_of_its_owner_are_not(
    connect: Connect, either: None
) -> None:
    account, client = await member(connect)
    tab = await connect(cookies=account.cookies)
    await tab.join()
    chosen: list[Row] = []
    async with asyncio.timeout(PATIENCE):
        while not chosen:
            chosen = await off_loop(rows_of, client.events[0]["session"])
    assert await off_loop(people.disconnect, chosen, by=SITE, reason="test") == 1
    assert await client.closed() == 4503
    assert (await tab.post("still here"))["type"] == "ack"
    act = await off_loop(Act.objects.get)
    assert (act.kind, act.target_key, act.reason) == (
        "disconnect",
        f"u:{account.user.pk}",
        "test",
    )


def rows_of(session: str) -> list[Any]:
    """The rows of a session."""
    return list(Row.objects.filter(session=session))


def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[int]:
    """Count the calls of what the store has under that name."""
    calls: list[int] = []
    original = getattr(store, name)

    def count(*args: Any) -> Any:
        calls.append(1)
        return original(*args)

    monkeypatch.setattr(store, name, count)
    return calls


async def test_bans_are_compared_by_one_query_and_read_only_when_there_are_others(
    connect: Connect, untold: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A heartbeat of many beats, in which they would be read anyway.
    monkeypatch.setattr(guard, "BEATS", 1_000_000)
    monkeypatch.setattr(guard.Guard, "_beat", 0.1)
    reads = counted(monkeypatch, "restraints")
    client = await connect()
    await client.join()
    marks = counted(monkeypatch, "mark_of_bans")
    await soon(lambda: len(marks) > 3)
    assert len(reads) == 1
    await off_loop(Ban.objects.create, kind="mute", sender_key="u:1")
    await soon(lambda: len(reads) == 2)


async def test_bans_are_read_once_in_a_heartbeat_whether_there_are_others_or_not(
    connect: Connect, untold: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect()
    await client.join()
    reads, marks = counted(monkeypatch, "restraints"), counted(monkeypatch, "mark_of_bans")
    await soon(lambda: len(marks) >= 3 * BEATS)
    assert 2 <= len(reads) <= 4


@pytest.mark.parametrize("changed", ["sender_key", "until"])
async def test_ban_that_is_changed_in_place_is_found_within_a_heartbeat(
    connect: Connect, untold: None, changed: str
) -> None:
    target, client = await user_or_guest(connect, "guest")
    wanted = {"sender_key": target.key, "until": None}
    before = {"sender_key": "g:1", "until": NOW() - timedelta(hours=1)}
    row: dict[str, Any] = wanted | {changed: before[changed]}
    ban = await off_loop(Ban.objects.create, kind="mute", **row)
    (hub,) = hubs.running()
    await soon(lambda: hub.guard._mark == (1, ban.pk, ban.pk))
    await off_loop(Ban.objects.update, **wanted)
    assert (await client.event("rights"))["may"] == []
