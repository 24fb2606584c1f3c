import asyncio
from typing import Any

import pytest
from django.db import OperationalError
from pytest_django import Settings

from chat import store
from chat.hub import hub as hubs
from chat.hub import sending, session
from chat.models import Message, Room
from tests.fakes import soon, turns
from tests.hub.clients import (
    OPEN_SITE,
    Connect,
    Connection,
    ConnectTerminal,
    Wired,
    off_loop,
    post,
    sign_up,
)

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
    monkeypatch.setattr(session, "BAD_FRAME_RATE", 0.000_1)
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
    monkeypatch.setattr(session, "FLOOD_RATE", 0.001)
    monkeypatch.setattr(session, "FLOOD_BURST", 150.0)
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
    monkeypatch.setattr(session, "BACKLOG_MOST", 50)
    wired = Wired()
    wired.say({"type": "join", "room": "a"})
    wired.say(*[{"type": "pong"}] * 50)
    assert wired.socket.code is None
    wired.say({"type": "pong"})
    assert wired.socket.code == 4500
    await soon(lambda: "a" in wired.hub.rooms)


# Replies


async def test_replies_of_one_turn_share_a_frame(site: None) -> None:
    wired = Wired()
    wired.say(*[{"type": "leave", "room": "a", "ref": number} for number in range(5)])
    await turns()
    assert len(wired.socket.texts) == 1
    assert [event.get("ref") for event in wired.told("error")] == list(range(5))


async def test_client_that_reads_no_replies_is_pinged_and_then_closed(
    site: None, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "WINDOW_BYTES": 65_536}
    wired = Wired()
    for number in range(1000):
        wired.say({"type": "nonsense", "ref": f"{number}" + "x" * 50})
        await turns(3)
        if wired.socket.code is not None:
            break
    assert wired.socket.code == 4002
    assert len(wired.told("ping")) == 1
    assert 65_536 < sum(map(len, wired.socket.texts)) < 65_536 * 1.1


async def test_client_that_answers_pings_may_ask_on_and_on(site: None, settings: Settings) -> None:
    settings.CHAT = {**OPEN_SITE, "WINDOW_BYTES": 65_536}
    wired = Wired()
    pings = 0
    for number in range(1000):
        wired.say({"type": "nonsense", "ref": f"{number}" + "x" * 50})
        await turns(3)
        if '"ping"' in wired.socket.texts[-1]:
            pings += 1
            wired.say({"type": "pong"})
    assert wired.socket.code is None
    assert pings > 5


# A socket that blocks


async def test_blocked_session_holds_up_no_other_and_misses_nothing(site: None) -> None:
    blocked, other = Wired(), Wired()
    await blocked.join()
    await other.join()
    await turns()
    blocked.socket.block()
    for number in range(20):
        other.say(post(number))
        await soon(lambda n=number: len(other.told("message")) == n + 1)  # type: ignore[misc]  # its own number
    assert len(blocked.told("message")) == 0
    blocked.socket.unblock()
    await soon(lambda: len(blocked.told("message")) == 20)
    other.say(post(20))
    await soon(lambda: len(blocked.told("message")) == 21)
    assert [event["seq"] for event in blocked.told("message")] == list(range(1, 22))


async def test_replies_to_a_blocked_session_are_sent_when_it_reads_again(site: None) -> None:
    wired = Wired()
    await turns()
    wired.socket.block()
    for number in range(10):
        wired.say({"type": "leave", "room": "a", "ref": number})
        await turns()
    assert wired.told("error") == []
    wired.socket.unblock()
    await soon(lambda: len(wired.told("error")) == 10)
    assert [event["ref"] for event in wired.told("error")] == list(range(10))


async def test_blocked_session_that_is_closed_is_told_so_when_it_reads_again(site: None) -> None:
    wired = Wired()
    await turns()
    wired.socket.block()
    wired.say({"type": "leave", "room": "a", "ref": 1})
    await turns()
    wired.session.too_slow()
    assert wired.session not in wired.hub.sessions
    wired.socket.unblock()
    await soon(lambda: wired.socket.code is not None)
    assert wired.socket.code == 4002
    assert wired.socket.messages[-1]["type"] == "websocket.close"


async def test_socket_that_stays_blocked_after_its_close_is_given_up(
    site: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "CLOSE_SECONDS", 0.0)
    wired = Wired()
    await turns()
    wired.socket.block()
    wired.session.too_slow()
    await soon(lambda: wired.session._outlet._parked is None)
    wired.socket.unblock()
    await turns()
    assert wired.socket.code is None


async def test_terminal_whose_socket_blocks_misses_no_line(site: None) -> None:
    blocked, other = Wired(terminal=True), Wired()
    await soon(lambda: "main" in blocked.session.seats)
    await other.join()
    blocked.socket.block()
    for number in range(20):
        other.say(post(number, text=f"line {number}"))
    await soon(lambda: len(other.told("message")) == 20)
    blocked.socket.unblock()
    await soon(lambda: len(blocked.socket.texts) >= 20)
    said = [line for line in blocked.socket.texts if ": line " in line]
    assert [line.rpartition(": ")[2] for line in said] == [f"line {n}" for n in range(20)]


# The end


async def test_closed_session_is_in_no_room_and_no_count(site: None) -> None:
    wired = Wired()
    await wired.join()
    hub = wired.hub
    wired.session.too_slow()
    assert wired.socket.code == 4002
    assert not hub.sessions
    assert not hub.rooms["main"].seats
    assert not hub._by_user
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


async def test_room_that_was_made_for_a_session_that_ended_meanwhile_goes_again(
    site: None, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "HEARTBEAT": 0.04}
    wired = Wired()
    wired.say({"type": "join", "room": "brief"})
    wired.session.gone()
    await soon(lambda: "brief" in wired.hub.rooms)
    await soon(lambda: "brief" not in wired.hub.rooms)
    await wired.hub.threads.write(lambda: None)
    assert not await off_loop(Room.objects.filter(slug="brief").exists)


async def test_acknowledgement_of_a_session_that_ended_harms_nobody(
    site: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wired, other = Wired(), Wired()
    await other.join()
    wired.say(post(1))
    await wired.hub.threads.read(lambda: None)
    wired.session.gone()
    other.say(post(2))
    await soon(lambda: bool(other.told("ack")))
    assert wired.told("ack") == []


# Names


async def test_guest_is_called_as_it_likes_from_then_on(connect: Connect) -> None:
    ann, bob = await connect(), await connect()
    await ann.join()
    await bob.join()
    renamed = await ann.ask("rename", name=" Ann ")
    number = ann.events[0]["sender"]["id"]
    assert renamed == {
        "type": "renamed",
        "ref": renamed["ref"],
        "sender": {"id": number, "name": "Ann"},
    }
    presence = await bob.until(
        lambda e: e["type"] == "presence" and {"id": number, "name": "Ann"} in e["joined"]
    )
    assert presence["online"] == 2
    await ann.post("hi")
    assert (await bob.event("message"))["sender"] == {"id": number, "name": "Ann"}


@pytest.mark.parametrize("name", ["Guest 7", "UID 7", "[UID: 7]", "!!! error", "* bob", "/join"])
async def test_guest_may_not_be_called_what_the_chat_itself_says(
    connect: Connect, name: str
) -> None:
    assert await (await connect()).refusal("rename", name=name) == "bad_command"


async def test_user_keeps_the_name_of_the_site(connect: Connect) -> None:
    client = await connect(cookies=(await sign_up("ann")).cookies)
    assert client.events[0]["sender"]["name"] == "ann"
    assert await client.refusal("rename", name="Bob") == "forbidden"


# Terminals


async def test_terminal_says_and_hears_lines(connect_terminal: ConnectTerminal) -> None:
    ann, bob = await connect_terminal(), await connect_terminal()
    await ann.say("hello")
    line = ""
    while not line.endswith("hello"):
        line = await bob.line()
    assert line.startswith("[UID: ")
    await ann.until(line)


async def test_terminal_moves_from_room_to_room(
    connect_terminal: ConnectTerminal, connect: Connect
) -> None:
    listener = await connect()
    await listener.join("kitchen")
    terminal = await connect_terminal()
    await terminal.say("/join kitchen")
    await terminal.until("joined kitchen")
    await terminal.say("smells good")
    assert (await listener.event("message"))["text"] == "smells good"
    (hub,) = hubs.running()
    (session,) = (found for found in hub.sessions if found.terminal)
    assert list(session.seats) == ["kitchen"]


async def test_terminal_line_right_after_a_join_is_said_in_the_new_room(
    connect_terminal: ConnectTerminal,
) -> None:
    """As when lines are piped in: nobody waits for ``joined kitchen`` then."""
    await off_loop(Room.objects.create, slug="kitchen")
    terminal = await connect_terminal()
    await terminal.say("/join kitchen")
    await terminal.say("smells good")
    await terminal.until("joined kitchen")
    (hub,) = hubs.running()
    await terminal.say("/list")
    await terminal.until("kitchen")
    await hub.writer.settled()
    (message,) = await off_loop(lambda: list(Message.objects.select_related("room")))
    assert (message.text, message.room.slug) == ("smells good", "kitchen")


async def test_terminal_first_line_is_said_in_main(
    connections: list[Connection], connect: Connect
) -> None:
    listener = await connect()
    await listener.join()
    terminal = Connection()
    connections.append(terminal)
    await terminal.open()
    await terminal.send_text("hello")
    assert (await listener.event("message"))["text"] == "hello"
    assert (await terminal.receive()).endswith("hello")


async def test_terminal_lists_rooms_and_is_told_what_went_wrong(
    connect_terminal: ConnectTerminal,
) -> None:
    terminal = await connect_terminal()
    for line, answer in (
        ("/join", "!!! room name is required"),
        ("/name", "!!! name is required"),
        ("/x y", "!!! unknown command: /x y"),
        (" ", "!!! the message is empty"),
        ("/name Guest 7", "!!! that name looks like one the chat gives: choose another"),
        ("/list", "main"),
    ):
        await terminal.say(line)
        await terminal.until(answer)


async def test_named_terminal_speaks_under_its_name(connect_terminal: ConnectTerminal) -> None:
    bob, ann = await connect_terminal(), await connect_terminal()
    while not (await bob.line()).endswith("] joined"):
        pass
    await ann.say("/name ann")
    await ann.say("hello")
    await bob.until("ann: hello")
    (hub,) = hubs.running()
    await soon(lambda: not hub.presence.people._touched)
    await ann.say("/join kitchen")
    await bob.until("ann left")
    await ann.say("/join main")
    await bob.until("ann joined")


async def test_terminal_of_a_user_goes_by_number_until_it_is_named(
    connect_terminal: ConnectTerminal, connect: Connect
) -> None:
    account = await sign_up("ann")
    listener = await connect()
    await listener.join()
    terminal = await connect_terminal(cookies=account.cookies)
    await terminal.say("hello")
    await terminal.until(f"[UID: {account.user.pk}]: hello")
    await terminal.say("/name Annie")
    await terminal.say("hello")
    await terminal.until("Annie: hello")
    senders = [(await listener.event("message"))["sender"]["id"] for _ in range(2)]
    assert senders == [str(account.user.pk)] * 2


async def test_terminal_that_may_not_enter_main_is_told_so(
    connections: list[Connection],
) -> None:
    await off_loop(Room.objects.create, slug="main", guests=Room.Guests.NONE)
    terminal = Connection()
    connections.append(terminal)
    await terminal.open()
    assert await terminal.receive() == "!!! sign in to enter this room"


async def test_terminal_shows_who_changed_what(
    connect_terminal: ConnectTerminal, connect: Connect
) -> None:
    terminal, client = await connect_terminal(), await connect()
    await client.ask("rename", name="bob")
    await client.post("helo")
    await client.ask("edit", room="main", seq=1, text="hello\nthere")
    await client.ask("delete", room="main", seq=1)
    await terminal.until("bob: helo")
    assert await terminal.line() == "* bob edited: hello ⏎ there"
    assert await terminal.line() == "* bob deleted a message"


# Rights that change


async def test_who_loses_the_right_to_see_a_room_is_told_and_out(connect: Connect) -> None:
    guest, user = await connect(), await connect(cookies=(await sign_up("ann")).cookies)
    await guest.join()
    await user.join()
    await off_loop(Room.objects.filter(slug="main").update, guests=Room.Guests.NONE)
    (hub,) = hubs.running()
    hub.heart.look()
    assert (await guest.event("left"))["room"] == "main"
    await user.post("hi")
    await user.event("message")
    await guest.answered()
    assert guest.log() == []


async def test_who_loses_the_right_to_post_may_read_on(connect: Connect) -> None:
    guest = await connect()
    await guest.join()
    await off_loop(Room.objects.filter(slug="main").update, archived=True)
    (hub,) = hubs.running()
    hub.heart.look()
    await soon(lambda: hub.rooms["main"].record.archived)
    assert (await guest.post("hi"))["code"] == "forbidden"


async def test_catching_up_that_the_database_interrupts_goes_on_with_a_beat(
    connect: Connect, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHAT = {**OPEN_SITE, "TAIL": 2, "HEARTBEAT": 0.1}
    first = await connect()
    joined = await first.join()
    await first.talk(10)
    reads = 0
    original = store.read_after

    def fail_at_first(*args: Any) -> Any:
        nonlocal reads
        reads += 1
        if reads == 2:
            raise OperationalError("away")
        return original(*args)

    monkeypatch.setattr(store, "read_after", fail_at_first)
    (hub,) = hubs.running()
    second = await connect()
    live = hub.rooms["main"]
    live.backfill._pages.clear()
    asked = second.join(after={"epoch": joined["epoch"], "seq": 1})
    await asyncio.wait_for(asked, 10)
    await second.event("message", seq=10)
    assert second.seqs() == list(range(2, 11))
