"""Posting and typing."""

import pytest
from django.contrib.auth.models import Permission
from pytest_django import Settings

from chat.hub import hub as hubs
from chat.models import Membership, Message, Room
from tests.hub.clients import OPEN_SITE, Connect, off_loop, sign_up
from tests.hub.rooms import room

# Posting


async def test_post_is_acknowledged_and_told_to_everybody_the_sender_too(connect: Connect) -> None:
    ann, bob = await connect(), await connect()
    await ann.join()
    await bob.join()
    ack = await ann.post("hello", id="a-1")
    assert ack == {
        "type": "ack",
        "ref": ack["ref"],
        "room": "main",
        "seq": 1,
        "id": "a-1",
        "duplicate": False,
    }
    for client in (ann, bob):
        message = await client.event("message")
        assert message == {
            "type": "message",
            "room": "main",
            "seq": 1,
            "id": "a-1",
            "sender": ann.events[0]["sender"],
            "text": "hello",
            "at": message["at"],
        }
        assert message["at"].endswith("Z")


async def test_acknowledged_post_is_in_the_database(connect: Connect) -> None:
    client = await connect()
    await client.post("hello", id="a-1")
    (message,) = await off_loop(lambda: list(Message.objects.values("seq", "text", "client_id")))
    assert message == {"seq": 1, "text": "hello", "client_id": "a-1"}


async def test_same_post_again_is_stored_and_told_once(connect: Connect) -> None:
    client = await connect()
    await client.join()
    first = await client.post("hello", id="a-1")
    again = await client.post("hello", id="a-1")
    other = await client.post("hello", id="a-2")
    assert (first["seq"], first["duplicate"]) == (1, False)
    assert (again["seq"], again["duplicate"]) == (1, True)
    assert (other["seq"], other["duplicate"]) == (2, False)
    await client.event("message", seq=2)
    assert client.seqs() == [1, 2]


async def test_same_post_twice_in_one_frame_is_stored_once(connect: Connect) -> None:
    client = await connect()
    post = {"type": "post", "room": "main", "text": "hello", "id": "a"}
    await client.send({**post, "ref": 1}, {**post, "ref": 2})
    first, second = await client.event("ack", ref=1), await client.event("ack", ref=2)
    assert (first["seq"], second["seq"]) == (1, 1)
    assert [first["duplicate"], second["duplicate"]] == [False, True]


async def test_posting_needs_no_joining(connect: Connect) -> None:
    listener, poster = await connect(), await connect()
    await listener.join()
    assert (await poster.post("hi"))["type"] == "ack"
    await listener.event("message", text="hi")
    await poster.answered()
    assert poster.log() == []


async def test_posting_to_main_before_anybody_joined_makes_it(connect: Connect) -> None:
    assert (await (await connect()).post("hi"))["seq"] == 1


async def test_posting_to_a_room_that_is_not_there_makes_none(connect: Connect) -> None:
    client = await connect()
    reply = await client.post("hi", "nope", id="p")
    assert (reply["code"], reply["id"]) == ("unknown_room", "p")
    assert not await off_loop(Room.objects.exists)


@pytest.mark.parametrize("text", ["", " ", "\n\t\u2003"])
async def test_post_without_text_is_empty(connect: Connect, text: str) -> None:
    reply = await (await connect()).post(text)
    assert reply["code"] == "empty"


async def test_post_of_the_most_characters_is_taken_and_one_more_is_too_long(
    connect: Connect, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "TEXT_LIMIT": 5}
    await room("short", max_length=3)
    await room("long", max_length=9)
    client = await connect()
    for slug, most in (("main", 5), ("short", 3), ("long", 9)):
        assert (await client.post("я" * most, slug))["type"] == "ack"
        assert (await client.post("я" * (most + 1), slug))["code"] == "too_long"


async def test_posts_of_many_sessions_are_one_gapless_sequence(connect: Connect) -> None:
    clients = [await connect() for _ in range(5)]
    for client in clients:
        await client.join()
    for number, client in enumerate(clients):
        await client.send(
            *(
                {"type": "post", "room": "main", "text": f"{number} {n}", "id": f"{number} {n}"}
                for n in range(20)
            )
        )
    for client in clients:
        await client.event("message", seq=100)
        assert client.seqs() == list(range(1, 101))
        own = [e["text"] for e in client.log() if e["text"].startswith("0 ")]
        assert own == [f"0 {n}" for n in range(20)]


async def test_post_to_an_archived_room_is_forbidden_though_one_may_join(connect: Connect) -> None:
    await room("old", archived=True)
    client = await connect()
    await client.join("old")
    reply = await client.post("hi", "old")
    assert reply["code"] == "forbidden"
    assert "archived" in reply["detail"]
    assert await client.refusal("typing", room="old") == "forbidden"


async def test_guest_who_may_read_may_not_post(connect: Connect, settings: Settings) -> None:
    settings.CHAT = {**OPEN_SITE, "GUESTS": "read"}
    client = await connect()
    await client.join()
    reply = await client.post("hi")
    assert reply["code"] == "forbidden"
    assert "sign in" in reply["detail"]
    assert await client.refusal("edit", room="main", seq=1, text="x") == "forbidden"
    user = await connect(cookies=(await sign_up("ann")).cookies)
    assert (await user.post("hi"))["type"] == "ack"


async def test_room_decides_for_itself_what_guests_may_do(
    connect: Connect, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "GUESTS": "read"}
    await room("open", guests=Room.Guests.POST)
    client = await connect()
    assert (await client.post("hi", "open"))["type"] == "ack"


# How often


async def test_posts_beyond_the_rate_are_refused_with_how_long_to_wait(
    connect: Connect, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "POSTS_PER_SECOND": 0.001}
    client = await connect()
    assert (await client.post("one"))["type"] == "ack"
    reply = await client.post("two", id="second")
    assert (reply["code"], reply["id"]) == ("rate_limited", "second")
    assert 900 < reply["retry_after"] <= 1000
    for kind in ("edit", "delete"):
        fields = {"room": "main", "seq": 1, "text": "x"}
        assert await client.refusal(kind, **fields) == "rate_limited"
    other = await connect()
    assert (await other.post("three"))["type"] == "ack"


async def test_room_in_slow_mode_lets_all_wait_but_those_who_look_after_it(
    connect: Connect,
) -> None:
    slow = await room("slow", slow_mode=600)
    ann = await sign_up("ann")
    await off_loop(
        Membership.objects.create, room=slow, user=ann.user, role=Membership.Role.MODERATOR
    )
    bob = await sign_up("bob")
    ban = await off_loop(Permission.objects.get, codename="ban")
    await off_loop(bob.user.user_permissions.add, ban)
    guest, other = await connect(), await connect()
    moderator, banner = await connect(cookies=ann.cookies), await connect(cookies=bob.cookies)
    for client in (guest, other, moderator, banner):
        await client.join("slow")
        assert (await client.post("one", "slow"))["type"] == "ack"
    reply = await guest.post("two", "slow")
    assert reply["code"] == "rate_limited"
    assert 500 < reply["retry_after"] <= 600
    assert "600" in reply["detail"]
    for client in (moderator, banner):
        assert (await client.post("two", "slow"))["type"] == "ack"
    assert (await guest.post("elsewhere", "main"))["type"] == "ack"


async def test_slow_mode_holds_for_those_who_have_not_joined(connect: Connect) -> None:
    await room("slow", slow_mode=600)
    client = await connect()
    assert (await client.post("one", "slow"))["type"] == "ack"
    assert (await client.post("two", "slow"))["code"] == "rate_limited"


async def test_retry_in_slow_mode_is_a_duplicate_and_no_new_message(connect: Connect) -> None:
    await room("slow", slow_mode=600)
    client = await connect()
    first = await client.ask("post", room="slow", text="one", id="1")
    again = await client.ask("post", room="slow", text="one", id="1")
    assert (again["seq"], again["duplicate"]) == (first["seq"], True)


async def test_retry_of_a_stored_post_is_a_duplicate_though_its_sender_may_post_no_more(
    connect: Connect,
) -> None:
    """Its acknowledgement may have been lost, and nothing else says that it is stored."""
    await room("hall")
    client = await connect()
    await client.join("hall")
    first = await client.ask("post", room="hall", text="one", id="1")
    await off_loop(Room.objects.filter(slug="hall").update, locked=True)
    hubs.running()[0].heart.look()
    assert (await client.event("rights"))["may"] == []
    again = await client.ask("post", room="hall", text="one", id="1")
    assert (again["type"], again["seq"], again["duplicate"]) == ("ack", first["seq"], True)
    assert await client.refusal("post", room="hall", text="two", id="2") == "forbidden"
    assert await off_loop(Message.objects.count) == 1


# Typing


async def test_typing_is_told_to_the_room_and_not_logged(connect: Connect) -> None:
    ann, bob = await connect(), await connect()
    await ann.join()
    await bob.join()
    await ann.send({"type": "typing", "room": "main"})
    typing = await bob.event("typing")
    assert typing == {"type": "typing", "room": "main", "sender": ann.events[0]["sender"]}
    assert (await ann.post("hi"))["seq"] == 1


async def test_typing_without_joining_is_refused(connect: Connect) -> None:
    assert await (await connect()).refusal("typing", room="main") == "not_joined"


async def test_typing_all_the_time_is_told_now_and_then(connect: Connect) -> None:
    ann, bob = await connect(), await connect()
    await ann.join()
    await bob.join()
    await ann.send(*[{"type": "typing", "room": "main"}] * 50)
    await ann.post("hi")
    await bob.event("message")
    assert 1 <= len([event for event in bob.events if event["type"] == "typing"]) <= 4
