import asyncio
from collections.abc import Collection

import pytest
from pytest_django import Settings

from chat import api, identity, store
from chat.hub import hub as hubs
from chat.hub import sending, session, visiting
from chat.models import Membership, Message, Room
from chat.protocol.errors import Unavailable
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
    wired.say({"type": "join", "room": "main"})
    wired.say(*[{"type": "pong"}] * 50)
    assert wired.session in wired.hub.sessions
    wired.say({"type": "pong"})
    assert wired.socket.code == 4500
    await soon(lambda: "main" in wired.hub.rooms)


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


async def test_client_that_answers_every_ping_is_served_everything(
    site: None, settings: Settings
) -> None:
    """What it reads of the log shares the bound with replies, but neither starves for the other."""
    settings.CHAT = {**OPEN_SITE, "WINDOW_BYTES": 65_536, "BATCH_BYTES": 8000}
    speaker, reader = Wired(), Wired()
    speaker.say(*(post(number, text="x" * 2000) for number in range(30)))
    await soon(lambda: len(speaker.told("ack")) == 30)
    await reader.join()
    await turns()
    assert 0 < len(reader.seqs) < 30
    answered = 0
    for number in range(60):
        # Replies, which come whatever is unread of the log.
        reader.say({"type": "nonsense", "ref": f"{number}" + "x" * 50, "other": "x"})
        reader.say({"type": "nonsense" + "x" * 50, "ref": "x" * 60})
        await turns(3)
    for _ in range(200):
        if len(reader.told("ping")) > answered:
            answered = len(reader.told("ping"))
            reader.say({"type": "pong", "seen": {"main": reader.seqs[-1]}})
        await asyncio.sleep(0.001)
    assert reader.socket.code is None
    assert reader.seqs == list(range(1, 31))


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


async def test_terminal_that_is_put_out_is_told_and_its_next_line_is_said_nowhere(
    connect_terminal: ConnectTerminal, connect: Connect
) -> None:
    listener, terminal = await connect(), await connect_terminal()
    await listener.join()
    board = await off_loop(Room.objects.create, slug="board")
    await terminal.say("/join board")
    await terminal.until("joined board")
    await off_loop(Room.objects.filter(pk=board.pk).update, kind=Room.Kind.PRIVATE)
    (hub,) = hubs.running()
    hub.heart.look()
    await terminal.until("!!! you are no longer in board: /join another room")
    await terminal.say("a secret")
    await terminal.until("!!! you are in no room: /join one first")
    await terminal.say("/join main")
    await terminal.until("joined main")
    await terminal.say("hello")
    assert (await listener.event("message"))["text"] == "hello"


# Rights that change


async def test_who_is_no_longer_a_member_is_out_as_soon_as_it_is_told(connect: Connect) -> None:
    ann, bob = await sign_up("ann"), await sign_up("bob")
    board = await off_loop(Room.objects.create, slug="board", kind=Room.Kind.PRIVATE)
    clients = [await connect(cookies=account.cookies) for account in (ann, bob)]
    for account, client in zip((ann, bob), clients, strict=True):
        await off_loop(Membership.objects.create, room=board, user=account.user)
        await client.join("board")
    await off_loop(Membership.objects.filter(user=bob.user).delete)
    await off_loop(api.room_changed, board)
    assert (await clients[1].event("left"))["room"] == "board"
    assert await clients[1].refusal("join", room="board") == "unknown_room"
    assert (await clients[0].post("psst", "board"))["type"] == "ack"
    await clients[1].answered()
    assert clients[1].log("board") == []


async def test_who_becomes_a_moderator_may_delete_at_once(connect: Connect) -> None:
    ann = await sign_up("ann")
    client, other = await connect(cookies=ann.cookies), await connect()
    await client.join()
    await other.post("rude")
    assert await client.refusal("delete", room="main", seq=1) == "forbidden"
    main = await off_loop(Room.objects.get, slug="main")
    role = Membership.Role.MODERATOR
    await off_loop(Membership.objects.create, room=main, user=ann.user, role=role)
    await off_loop(api.room_changed, main)
    (hub,) = hubs.running()
    await soon(lambda: all(seat.rights.moderate for seat in hub.rooms["main"].seats))
    assert (await client.ask("delete", room="main", seq=1))["type"] == "ack"


async def test_members_stay_when_a_room_becomes_private_and_others_are_out(
    connect: Connect,
) -> None:
    ann, bob = await sign_up("ann"), await sign_up("bob")
    member, other = await connect(cookies=ann.cookies), await connect(cookies=bob.cookies)
    kitchen = await off_loop(Room.objects.create, slug="kitchen")
    await off_loop(Membership.objects.create, room=kitchen, user=ann.user)
    await member.join("kitchen")
    await other.join("kitchen")
    await off_loop(Room.objects.filter(slug="kitchen").update, kind=Room.Kind.PRIVATE)
    (hub,) = hubs.running()
    hub.heart.look()
    assert (await other.event("left"))["room"] == "kitchen"
    await member.post("psst", "kitchen")
    await member.event("message")
    await other.answered()
    assert other.log("kitchen") == []


@pytest.mark.parametrize("gone", [False, True])
async def test_session_that_leaves_while_rights_are_looked_up_harms_no_other(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, gone: bool
) -> None:
    ann, bob = await sign_up("ann"), await sign_up("bob")
    clients = [await connect(cookies=account.cookies) for account in (ann, bob)]
    await off_loop(Room.objects.create, slug="kitchen")
    for client in clients:
        await client.join("kitchen")
    (hub,) = hubs.running()
    first = next(iter(hub.rooms["kitchen"].seats)).listener
    original = store.roles_in

    def leave() -> None:
        assert isinstance(first, session.Session)
        if gone:
            first.gone()
        elif "kitchen" in first.seats:
            first.receive('{"type":"leave","room":"kitchen"}')

    def roles_in(room: int, users: Collection[object]) -> dict[object, str]:
        hub.loop.call_soon_threadsafe(leave)
        return original(room, users)

    await off_loop(Room.objects.filter(slug="kitchen").update, kind=Room.Kind.PRIVATE)
    monkeypatch.setattr(store, "roles_in", roles_in)
    hub.heart.look()
    assert (await clients[1].event("left"))["room"] == "kitchen"
    await soon(lambda: not hub.rooms["kitchen"].seats)
    assert "failed" not in caplog.text
    assert hub.presence.online("kitchen") == 0


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
    site: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Wired(), Wired()
    joined = await first.join()
    first.say(*(post(number) for number in range(10)))
    await soon(lambda: len(first.seqs) == 10)
    room = first.hub.rooms["main"]
    span, asked = room.span, 0

    async def away_the_second_time(after: int, upto: int) -> list[store.Entry]:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise Unavailable
        return await span(after, upto)

    monkeypatch.setattr(room, "span", away_the_second_time)
    await second.join(after={"epoch": joined["epoch"], "seq": 1})
    await turns()
    assert (asked, second.seqs) == (2, [])
    first.hub.heart.look()
    await soon(lambda: second.seqs == list(range(2, 11)))
    assert second.session.seats["main"].live


async def test_session_that_ends_while_it_starts_over_is_in_no_room(
    site: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wired = Wired()
    await wired.join()
    hub = wired.hub
    ended = asyncio.Event()

    async def recovers(room: object, after: object) -> bool:
        wired.session.gone()
        ended.set()
        return False

    monkeypatch.setattr(hub, "recovers", recovers)
    await off_loop(store.renew_epochs, None)
    hub.heart.look()
    await ended.wait()
    await turns()
    assert wired.session.seats == {}
    assert not any(room.seats for room in hub.rooms.values())
    assert hub.presence.online("main") == 0


async def test_session_that_has_left_meanwhile_does_not_start_over(site: None) -> None:
    wired = Wired()
    await wired.join()
    wired.say({"type": "leave", "room": "main"})
    await visiting.start_over(wired.session, "main")
    assert wired.session.seats == {}
    assert len(wired.told("joined")) == 1


@pytest.mark.parametrize("name", ["System", "sYSTEM"])
async def test_guest_cannot_take_the_name_of_the_site(connect: Connect, name: str) -> None:
    guest = await connect()
    assert await guest.refusal("rename", name=name) == "bad_command"
    assert (await guest.ask("rename", name="bob"))["sender"]["name"] == "bob"
