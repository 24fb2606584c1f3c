"""Editing and deleting messages."""

import pytest

from chat.hub import hub as hubs
from chat.models import Membership, Message, Room
from tests.fakes import soon
from tests.hub.clients import Connect, off_loop, sign_up
from tests.hub.rooms import room


async def test_edit_of_ones_own_is_acknowledged_and_told(connect: Connect) -> None:
    ann, bob = await connect(), await connect()
    await ann.join()
    await bob.join()
    await ann.post("helo")
    ack = await ann.ask("edit", room="main", seq=1, text="hello")
    assert ack == {"type": "ack", "ref": ack["ref"], "room": "main", "seq": 2, "target": 1}
    edited = await bob.event("edited")
    assert edited == {
        "type": "edited",
        "room": "main",
        "seq": 2,
        "target": 1,
        "text": "hello",
        "at": edited["at"],
    }


async def test_delete_of_ones_own_is_acknowledged_and_told(connect: Connect) -> None:
    ann, bob = await connect(), await connect()
    await ann.join()
    await bob.join()
    await ann.post("oops")
    ack = await ann.ask("delete", room="main", seq=1)
    assert ack == {"type": "ack", "ref": ack["ref"], "room": "main", "seq": 2, "target": 1}
    deleted = await bob.event("deleted")
    assert deleted == {
        "type": "deleted",
        "room": "main",
        "seq": 2,
        "target": 1,
        "at": deleted["at"],
    }
    assert "oops" not in str(await off_loop(lambda: list(Message.objects.values())))


async def test_message_of_somebody_else_may_not_be_changed(connect: Connect) -> None:
    ann, bob = await connect(), await connect()
    await ann.post("hi")
    assert await bob.refusal("edit", room="main", seq=1, text="ho") == "forbidden"
    assert await bob.refusal("delete", room="main", seq=1) == "forbidden"


async def test_moderator_may_delete_but_not_put_words_into_mouths(connect: Connect) -> None:
    main = await room()
    mod = await sign_up("mod")
    await off_loop(
        Membership.objects.create, room=main, user=mod.user, role=Membership.Role.MODERATOR
    )
    guest, moderator = await connect(), await connect(cookies=mod.cookies)
    await guest.post("hi")
    assert await moderator.refusal("edit", room="main", seq=1, text="ho") == "forbidden"
    assert (await moderator.ask("delete", room="main", seq=1))["type"] == "ack"


async def test_moderator_may_delete_in_an_archived_room(connect: Connect) -> None:
    old = await room("old")
    mod = await sign_up("mod")
    await off_loop(Membership.objects.create, room=old, user=mod.user, role=Membership.Role.OWNER)
    guest = await connect()
    await guest.post("hi", "old")
    await off_loop(Room.objects.filter(slug="old").update, archived=True)
    moderator = await connect(cookies=mod.cookies)
    (hub,) = hubs.running()
    assert "old" not in hub.rooms
    assert await guest.refusal("delete", room="old", seq=1) == "forbidden"
    assert (await moderator.ask("delete", room="old", seq=1))["type"] == "ack"


async def test_message_that_is_not_there_cannot_be_changed(connect: Connect) -> None:
    client = await connect()
    await client.post("hi")
    await client.ask("delete", room="main", seq=1)
    for seq in (1, 2, 9, 0):
        assert await client.refusal("edit", room="main", seq=seq, text="x") == "not_found"
        assert await client.refusal("delete", room="main", seq=seq) == "not_found"


@pytest.mark.parametrize(("text", "code"), [(" ", "empty"), ("x" * 4001, "too_long")])
async def test_edit_has_the_bounds_of_a_post(connect: Connect, text: str, code: str) -> None:
    client = await connect()
    await client.post("hi")
    assert await client.refusal("edit", room="main", seq=1, text=text) == code


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
