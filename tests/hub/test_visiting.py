import asyncio

import pytest
from pytest_django import Settings

from chat import store
from chat.hub import hub as hubs
from chat.hub.room import Room as LiveRoom
from chat.hub.session import Session
from chat.models import Membership, Message, Room
from chat.protocol.commands import Position
from tests.fakes import soon
from tests.hub.clients import (
    OPEN_SITE,
    Connect,
    ConnectTerminal,
    JsonClient,
    off_loop,
    sign_up,
)


async def room(slug: str, **fields: object) -> Room:
    """Make a room."""
    return await off_loop(Room.objects.create, slug=slug, **fields)


def texts(client: JsonClient, slug: str = "main") -> list[str]:
    """Return what a client was told was said, in order."""
    return [event["text"] for event in client.log(slug) if event["type"] == "message"]


async def idle() -> None:
    """Wait until all that was said is sent."""
    (hub,) = hubs.running()
    await hub.writer.settled()
    for live in hub.rooms.values():
        await live.fanout.settled()


# Joining


async def test_first_join_of_main_makes_it(connect: Connect) -> None:
    client = await connect()
    joined = await client.join()
    assert joined == {
        "type": "joined",
        "ref": joined["ref"],
        "room": "main",
        "title": "main",
        "epoch": joined["epoch"],
        "head": 0,
        "recovered": None,
        "online": 1,
        "members": [client.events[0]["sender"]],
    }
    assert joined["epoch"]


async def test_join_tells_the_title_where_there_is_one(connect: Connect) -> None:
    await room("kitchen", title="The Kitchen")
    assert (await (await connect()).join("kitchen"))["title"] == "The Kitchen"


async def test_fresh_join_is_followed_by_the_last_messages(connect: Connect) -> None:
    first = await connect()
    await first.talk(10)
    second = await connect()
    joined = await second.join(history=3)
    await second.answered()
    assert (joined["head"], joined["recovered"]) == (10, None)
    assert texts(second) == ["m8", "m9", "m10"]
    assert second.events.index(joined) < second.events.index(second.log()[0])


async def test_fresh_join_counts_messages_and_shows_changes_between_them(connect: Connect) -> None:
    first = await connect()
    await first.talk(3)
    await first.ask("edit", room="main", seq=3, text="new")
    await first.ask("delete", room="main", seq=2)
    second = await connect()
    await second.join(history=2)
    await second.answered()
    assert [(event["type"], event["seq"]) for event in second.log()] == [
        ("message", 2),
        ("message", 3),
        ("edited", 4),
        ("deleted", 5),
    ]
    assert second.log()[0]["deleted"] is True
    assert [event["text"] for event in second.log()[:3]] == ["", "new", "new"]


@pytest.mark.parametrize(("asked", "count"), [(None, 50), (1000, 200)])
async def test_fresh_join_shows_at_most_what_the_wire_says(
    connect: Connect, asked: int | None, count: int
) -> None:
    first = await connect()
    await first.talk(205)
    second = await connect()
    wanted = {} if asked is None else {"history": asked}
    await second.join("main", **wanted)
    await second.answered()
    assert second.seqs() == list(range(206 - count, 206))


async def test_join_without_history_shows_what_is_said_from_then_on(connect: Connect) -> None:
    first = await connect()
    await first.talk(3)
    second = await connect()
    await second.join(history=0)
    await first.post("m4")
    await second.event("message")
    assert texts(second) == ["m4"]


async def test_join_of_a_room_one_is_in_starts_anew(connect: Connect) -> None:
    first, second = await connect(), await connect()
    await first.talk(2)
    await second.join()
    again = await second.join(history=1)
    assert again["online"] == 1
    await first.post("m3")
    await second.event("message", seq=3)
    await idle()
    await second.answered()
    assert second.seqs() == [1, 2, 2, 3]
    assert (await second.ask("leave", room="main"))["type"] == "left"
    assert await second.refusal("leave", room="main") == "not_joined"


async def test_session_in_as_many_rooms_as_it_may_be_is_refused_another(
    connect: Connect, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "ROOMS_PER_SESSION": 2}
    client = await connect()
    await client.join("a")
    await client.join("b")
    assert await client.refusal("join", room="c") == "too_many_rooms"
    await client.join("a")
    await client.ask("leave", room="b")
    await client.join("c")


async def test_join_of_a_room_that_is_closed_meanwhile_enters_the_one_after_it(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect(cookies=(await sign_up("ann")).cookies)
    first = await connect()
    await first.post("hi")
    (hub,) = hubs.running()
    original = hub.recovers
    closed: list[LiveRoom] = []

    async def recovers(live: LiveRoom, after: Position) -> bool:
        if not closed:
            closed.append(live)
            await hub.close_room(live)
        return await original(live, after)

    monkeypatch.setattr(hub, "recovers", recovers)
    await client.join(after={"epoch": "other", "seq": 0})
    (session,) = (found for found in hub.sessions if not found.identity.is_guest)
    assert session.seats["main"].room is hub.rooms["main"] is not closed[0]
    await first.post("ho")
    await client.event("message", text="ho")


async def test_join_during_a_start_over_leaves_one_seat(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heart lets sessions start over whatever they are just doing."""
    client, other = await connect(), await connect()
    await client.join()
    await client.post("hi")
    (hub,) = hubs.running()
    session = next(iter(hub.rooms["main"].seats)).listener
    assert isinstance(session, Session)
    original = hub.recovers
    met, waiting = asyncio.Event(), 0

    async def recovers(live: LiveRoom, after: Position) -> bool:
        nonlocal waiting
        waiting += 1
        if waiting == 2:
            met.set()
        await met.wait()
        return await original(live, after)

    monkeypatch.setattr(hub, "recovers", recovers)
    await client.send({"type": "join", "room": "main", "after": {"epoch": "other", "seq": 0}})
    await off_loop(store.renew_epochs, None)
    hub.heart.look()
    for _ in range(2):
        await client.event("joined", recovered=False)
    assert list(hub.rooms["main"].seats) == [session.seats["main"]]
    await client.ask("leave", room="main")
    assert hub.presence.online("main") == 0
    await other.post("ho")
    await idle()
    await client.answered()
    assert "ho" not in texts(client)


# Which rooms there are


@pytest.mark.parametrize(
    ("creation", "who", "made"),
    [
        ("anyone", "guest", True),
        ("anyone", "user", True),
        ("users", "guest", False),
        ("users", "user", True),
        ("staff", "guest", False),
        ("staff", "user", False),
        ("staff", "staff", True),
    ],
)
async def test_room_that_is_not_there_is_made_by_those_who_may(
    connect: Connect, settings: Settings, creation: str, who: str, made: bool
) -> None:
    settings.CHAT = {**OPEN_SITE, "ROOM_CREATION": creation}
    cookies = None
    if who != "guest":
        cookies = (await sign_up("ann", is_staff=who == "staff")).cookies
    client = await connect(cookies=cookies)
    reply = await client.ask("join", room="new")
    assert (reply["type"], reply.get("code")) == (
        ("joined", None) if made else ("error", "unknown_room")
    )
    assert await off_loop(Room.objects.filter(slug="new").exists) == made


async def test_main_is_there_for_those_who_may_make_no_room(
    connect: Connect, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "ROOM_CREATION": "staff"}
    await (await connect()).join("main")


async def test_room_made_by_joining_goes_with_its_last_session_if_nothing_was_said(
    connect: Connect,
) -> None:
    first, second = await connect(), await connect()
    await first.join("brief")
    await second.join("brief")
    await first.ask("leave", room="brief")
    (hub,) = hubs.running()
    assert await off_loop(Room.objects.filter(slug="brief").exists)
    await second.close()
    await soon(lambda: "brief" not in hub.rooms)
    assert not await off_loop(Room.objects.filter(slug="brief").exists)


async def test_room_made_by_joining_stays_where_something_was_said(connect: Connect) -> None:
    client = await connect()
    await client.join("lasting")
    await client.post("hi", "lasting")
    await client.ask("leave", room="lasting")
    await client.answered()
    assert await off_loop(Room.objects.filter(slug="lasting").exists)
    assert (await client.join("lasting"))["head"] == 1


async def test_room_that_was_made_on_purpose_stays_though_nothing_was_said(
    connect: Connect,
) -> None:
    await room("kitchen")
    client = await connect()
    await client.join("kitchen")
    await client.ask("leave", room="kitchen")
    await client.join("brief")
    await client.ask("leave", room="brief")
    (hub,) = hubs.running()
    await soon(lambda: "brief" not in hub.rooms)
    assert await off_loop(Room.objects.filter(slug="kitchen").exists)


async def test_room_can_be_made_again_after_it_went(connect: Connect) -> None:
    client = await connect()
    first = await client.join("brief")
    await client.ask("leave", room="brief")
    (hub,) = hubs.running()
    await soon(lambda: "brief" not in hub.rooms)
    second = await client.join("brief")
    assert first["epoch"] != second["epoch"]
    assert (await client.post("hi", "brief"))["seq"] == 1


async def test_many_who_join_a_room_at_once_share_it(connect: Connect) -> None:
    clients = [await connect() for _ in range(10)]
    for client in clients:
        await client.send({"type": "join", "room": "busy"})
    epochs = {(await client.event("joined"))["epoch"] for client in clients}
    assert len(epochs) == 1
    await clients[0].post("hi", "busy")
    for client in clients:
        await client.event("message", text="hi")


async def test_private_room_is_unknown_to_those_who_are_not_members(connect: Connect) -> None:
    private = await room("secret", kind=Room.Kind.PRIVATE)
    ann, bob = await sign_up("ann"), await sign_up("bob", is_staff=True)
    await off_loop(Membership.objects.create, room=private, user=ann.user)
    member = await connect(cookies=ann.cookies)
    await member.join("secret")
    await member.post("psst", "secret")
    for client in (await connect(cookies=bob.cookies), await connect()):
        assert await client.refusal("join", room="secret") == "unknown_room"
        assert await client.refusal("history", room="secret", before=9) == "unknown_room"
        assert await client.refusal("post", room="secret", text="x", id="x") == "unknown_room"
        assert await client.refusal("edit", room="secret", seq=1, text="x") == "unknown_room"
        assert await client.refusal("delete", room="secret", seq=1) == "unknown_room"
        assert [line["room"] for line in (await client.ask("rooms"))["rooms"]] == ["main"]


async def test_rooms_lists_what_one_may_see_by_name_and_who_is_there(connect: Connect) -> None:
    private = await room("secret", kind=Room.Kind.PRIVATE, title="Secret")
    await room("b-room", title="The B")
    await room("a-room")
    await room("old", archived=True)
    await room("users", guests=Room.Guests.NONE)
    ann = await sign_up("ann")
    await off_loop(Membership.objects.create, room=private, user=ann.user)
    client = await connect(cookies=ann.cookies)
    await client.join("a-room")
    assert (await client.ask("rooms"))["rooms"] == [
        {"room": "a-room", "title": "a-room", "online": 1},
        {"room": "b-room", "title": "The B", "online": 0},
        {"room": "main", "title": "main", "online": 0},
        {"room": "secret", "title": "Secret", "online": 0},
        {"room": "users", "title": "users", "online": 0},
    ]
    guest = await connect()
    rooms = [line["room"] for line in (await guest.ask("rooms"))["rooms"]]
    assert rooms == ["a-room", "b-room", "main"]


async def test_room_closed_to_guests_asks_them_to_sign_in(connect: Connect) -> None:
    await room("users", guests=Room.Guests.NONE)
    guest = await connect()
    assert await guest.refusal("join", room="users") == "forbidden"


# Leaving


async def test_who_left_a_room_is_told_nothing_more_of_it(connect: Connect) -> None:
    first, second = await connect(), await connect()
    await first.join()
    await second.join()
    left = await second.ask("leave", room="main")
    assert left == {"type": "left", "ref": left["ref"], "room": "main"}
    await first.post("hi")
    await idle()
    await second.answered()
    assert second.log() == []


async def test_leaving_a_room_one_is_not_in_is_refused(connect: Connect) -> None:
    assert await (await connect()).refusal("leave", room="main") == "not_joined"


# Resuming


async def test_resume_is_served_what_was_missed_and_recovered(connect: Connect) -> None:
    first = await connect()
    joined = await first.join()
    await first.talk(5)
    second = await connect()
    resumed = await second.join(after={"epoch": joined["epoch"], "seq": 2})
    await second.answered()
    assert (resumed["recovered"], resumed["head"]) == (True, 5)
    assert second.seqs() == [3, 4, 5]


async def test_resume_from_the_head_misses_nothing(connect: Connect) -> None:
    first = await connect()
    joined = await first.join()
    await first.talk(3)
    second = await connect()
    resumed = await second.join(after={"epoch": joined["epoch"], "seq": 3})
    await second.answered()
    assert resumed["recovered"] is True
    assert second.seqs() == []


async def test_resume_further_back_than_memory_is_served_from_the_log(
    connect: Connect, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "TAIL": 2}
    first = await connect()
    joined = await first.join()
    await first.talk(10)
    second = await connect()
    resumed = await second.join(after={"epoch": joined["epoch"], "seq": 1})
    await second.answered()
    assert resumed["recovered"] is True
    assert second.seqs() == list(range(2, 11))


async def test_resume_of_another_epoch_starts_over_and_says_so(connect: Connect) -> None:
    first = await connect()
    await first.talk(3)
    second = await connect()
    resumed = await second.join(after={"epoch": "other", "seq": 3}, history=2)
    await second.answered()
    assert resumed["recovered"] is False
    assert second.seqs() == [2, 3]


async def test_resume_beyond_the_log_starts_over_and_says_so(connect: Connect) -> None:
    first = await connect()
    joined = await first.join()
    await first.talk(3)
    second = await connect()
    resumed = await second.join(after={"epoch": joined["epoch"], "seq": 9}, history=1)
    await second.answered()
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


# Older messages


async def test_history_is_paged_backwards_in_ascending_pages(connect: Connect) -> None:
    client = await connect()
    await client.talk(7)
    newest = await client.ask("history", room="main", before=8, limit=3)
    middle = await client.ask("history", room="main", before=5, limit=3)
    oldest = await client.ask("history", room="main", before=2, limit=3)
    for page, seqs, more in ((newest, [5, 6, 7], True), (middle, [2, 3, 4], True)):
        assert [message["seq"] for message in page["messages"]] == seqs
        assert page["more"] is more
    assert ([message["seq"] for message in oldest["messages"]], oldest["more"]) == ([1], False)
    assert (newest["type"], newest["room"]) == ("history", "main")


async def test_history_shows_messages_as_they_now_are_and_no_changes(connect: Connect) -> None:
    client = await connect()
    await client.talk(3)
    await client.ask("edit", room="main", seq=1, text="new")
    await client.ask("delete", room="main", seq=2)
    page = await client.ask("history", room="main", before=99)
    assert [message["seq"] for message in page["messages"]] == [1, 2, 3]
    edited, deleted, plain = page["messages"]
    assert (edited["text"], "edited_at" in edited) == ("new", True)
    assert (deleted["text"], deleted["deleted"]) == ("", True)
    assert not plain.keys() & {"edited_at", "deleted"}
    assert {message["type"] for message in page["messages"]} == {"message"}


@pytest.mark.parametrize(
    ("limit", "count", "more"), [(0, 0, True), (200, 200, True), (10**12, 200, True)]
)
async def test_history_is_no_longer_than_the_wire_says(
    connect: Connect, limit: int, count: int, more: bool
) -> None:
    client = await connect()
    await client.talk(201)
    page = await client.ask("history", room="main", before=2**53 - 1, limit=limit)
    assert (len(page["messages"]), page["more"]) == (count, more)


async def test_history_of_long_messages_fits_a_frame_and_says_that_there_is_more(
    connect: Connect,
) -> None:
    client = await connect()
    post = {"type": "post", "room": "main", "text": "x" * 4000}
    for first in range(0, 60, 15):
        await client.send(*({**post, "id": f"{n}"} for n in range(first, first + 15)))
    for number in range(60):
        await client.event("ack", id=f"{number}")
    page = await client.ask("history", room="main", before=61, limit=60)
    seqs = [message["seq"] for message in page["messages"]]
    assert seqs == list(range(seqs[0], 61))
    assert 1 < seqs[0] < 61
    assert page["more"] is True
    rest = await client.ask("history", room="main", before=seqs[0], limit=60)
    assert [message["seq"] for message in rest["messages"]] == list(range(1, seqs[0]))
    assert rest["more"] is False


async def test_history_of_a_room_that_is_not_there_is_unknown(connect: Connect) -> None:
    assert await (await connect()).refusal("history", room="nope", before=1) == "unknown_room"


async def test_history_of_main_is_empty_before_anything_was_said(connect: Connect) -> None:
    page = await (await connect()).ask("history", room="main", before=1)
    assert (page["messages"], page["more"]) == ([], False)


# What was seen


async def test_pong_counts_no_further_than_what_was_sent_and_never_back(connect: Connect) -> None:
    client = await connect()
    await client.join()
    await client.talk(3)
    await client.event("message", seq=3)
    (hub,) = hubs.running()
    (session,) = hub.sessions
    seat = session.seats["main"]
    for seen, expected in ((2, 2), (99, 3), (1, 3)):
        await client.send({"type": "pong", "seen": {"main": seen, "nowhere": 7}})
        await client.answered()
        assert seat.seen == expected


async def test_rights_that_change_during_a_join_are_those_one_sits_down_with(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room becomes private between the look at its row and the sitting down."""
    client, other = await connect(), await connect()
    board = await off_loop(Room.objects.create, slug="board")
    await other.join("board")
    (hub,) = hubs.running()
    original = hub.start_of_history

    async def slowly(live: LiveRoom, messages: int) -> int:
        if hub.rooms["board"].record.kind == Room.Kind.PUBLIC:
            await off_loop(Room.objects.filter(pk=board.pk).update, kind=Room.Kind.PRIVATE)
            hub.heart.look()
            await soon(lambda: hub.rooms["board"].record.kind == Room.Kind.PRIVATE)
        return await original(live, messages)

    monkeypatch.setattr(hub, "start_of_history", slowly)
    assert await client.refusal("join", room="board") == "unknown_room"
    assert not hub.rooms["board"].seats


async def test_rooms_are_made_only_so_fast(connect: Connect, settings: Settings) -> None:
    settings.CHAT = {**OPEN_SITE, "POSTS_PER_SECOND": 10}
    client = await connect()
    for number in range(10):
        await client.join(f"room-{number}")
        await client.ask("leave", room=f"room-{number}")
    reply = await client.ask("join", room="one-more")
    assert (reply["code"], reply["retry_after"] > 0) == ("rate_limited", True)
    await client.join("main")
    await off_loop(Room.objects.create, slug="there")
    await client.join("there")


async def test_terminal_moves_though_it_may_be_in_one_room_only(
    connect_terminal: ConnectTerminal, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "ROOMS_PER_SESSION": 1}
    terminal = await connect_terminal()
    await terminal.say("/join kitchen")
    await terminal.until("joined kitchen")


async def test_room_that_was_deleted_is_not_made_again_by_those_who_were_in_it(
    connect: Connect,
) -> None:
    """It would have the old epoch, and numbers that all who were there have seen."""
    client, other = await connect(), await connect()
    for each in (client, other):
        await each.join("brief")
    await client.post("one", "brief")
    await client.post("two", "brief")
    await off_loop(Room.objects.filter(slug="brief").delete)
    assert (await client.post("three", "brief"))["code"] == "unknown_room"
    (hub,) = hubs.running()
    hub.heart.look()
    for each in (client, other):
        assert (await each.event("left"))["room"] == "brief"


async def test_room_that_was_deleted_and_made_again_begins_anew(connect: Connect) -> None:
    """Even should it have the same epoch: its numbers mean something else."""
    client = await connect()
    await client.join("brief")
    await client.post("one", "brief")
    epoch = (await off_loop(Room.objects.get, slug="brief")).epoch
    await off_loop(Room.objects.filter(slug="brief").delete)
    await off_loop(Room.objects.create, slug="brief", epoch=epoch)
    (hub,) = hubs.running()
    hub.heart.look()
    assert (await client.event("joined", recovered=False))["head"] == 0
    await client.post("first", "brief")
    assert (await client.event("message", text="first"))["seq"] == 1


async def test_moderators_may_delete_in_an_archived_room_and_edit_nothing(
    connect: Connect,
) -> None:
    ann = await sign_up("ann")
    client = await connect(cookies=ann.cookies)
    await client.post("one")
    main = await off_loop(Room.objects.get, slug="main")
    role = Membership.Role.MODERATOR
    await off_loop(Membership.objects.create, room=main, user=ann.user, role=role)
    await client.join()
    await off_loop(Room.objects.filter(pk=main.pk).update, archived=True)
    (hub,) = hubs.running()
    hub.heart.look()
    await soon(lambda: hub.rooms["main"].record.archived)
    assert await client.refusal("edit", room="main", seq=1, text="won") == "forbidden"
    assert (await client.ask("delete", room="main", seq=1))["type"] == "ack"


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
