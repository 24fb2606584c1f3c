"""Coming into rooms, and leaving them."""

import pytest
from pytest_django import Settings

from chat.hub import hub as hubs
from chat.hub.room import Room as LiveRoom
from chat.models import Room
from chat.protocol.commands import Position
from tests.fakes import soon
from tests.hub.clients import OPEN_SITE, Connect, off_loop, sign_up
from tests.hub.rooms import idle, room, texts

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
        "may": ["post"],
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
    original = LiveRoom.recovers
    closed: list[LiveRoom] = []

    async def recovers(live: LiveRoom, after: Position) -> bool:
        if not closed:
            closed.append(live)
            await hub.rooms.close(live)
        return await original(live, after)

    monkeypatch.setattr(LiveRoom, "recovers", recovers)
    await client.join(after={"epoch": "other", "seq": 0})
    (session,) = (found for found in hub.sessions if not found.identity.is_guest)
    assert session.seats["main"].room is hub.rooms["main"] is not closed[0]
    await first.post("ho")
    await client.event("message", text="ho")


async def test_room_closed_to_guests_asks_them_to_sign_in(connect: Connect) -> None:
    await room("users", guests=Room.Guests.NONE)
    guest = await connect()
    assert await guest.refusal("join", room="users") == "forbidden"


async def test_rights_that_change_during_a_join_are_those_one_sits_down_with(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room becomes private between the look at its row and the sitting down."""
    client, other = await connect(), await connect()
    board = await off_loop(Room.objects.create, slug="board")
    await other.join("board")
    (hub,) = hubs.running()
    original = hub.start_of_history
    # Not by its name: it may have been closed, as nobody is in it any more.
    joined = hub.rooms["board"]

    async def slowly(live: LiveRoom, messages: int) -> int:
        if joined.record.kind == Room.Kind.PUBLIC:
            await off_loop(Room.objects.filter(pk=board.pk).update, kind=Room.Kind.PRIVATE)
            hub.heart.look()
            await soon(lambda: joined.record.kind == Room.Kind.PRIVATE)
        return await original(live, messages)

    monkeypatch.setattr(hub, "start_of_history", slowly)
    assert await client.refusal("join", room="board") == "unknown_room"
    assert not joined.seats


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
