"""What sessions may do once a room has changed."""

from collections.abc import Collection

import pytest

from chat import api, store
from chat.hub import hub as hubs
from chat.hub import session
from chat.models import Ban, Membership, Room
from tests.fakes import soon
from tests.hub.clients import Connect, off_loop, sign_up


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


async def test_room_that_is_archived_takes_no_more(connect: Connect) -> None:
    guest = await connect()
    await guest.join()
    await off_loop(Room.objects.filter(slug="main").update, archived=True)
    (hub,) = hubs.running()
    hub.heart.look()
    await soon(lambda: hub.rooms["main"].record.archived)
    assert (await guest.post("hi"))["code"] == "forbidden"


async def test_who_loses_the_right_to_post_may_read_on(connect: Connect) -> None:
    guest, user = await connect(), await connect(cookies=(await sign_up("ann")).cookies)
    await guest.join()
    await user.join()
    await off_loop(Room.objects.filter(slug="main").update, guests=Room.Guests.READ)
    (hub,) = hubs.running()
    hub.heart.look()
    await soon(lambda: hub.rooms["main"].record.guests == Room.Guests.READ)
    assert (await guest.post("hi"))["code"] == "forbidden"
    await user.post("read this")
    assert (await guest.event("message"))["text"] == "read this"


async def test_who_comes_while_a_change_is_seen_to_goes_by_it_too(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = await sign_up("ann"), await sign_up("bob")
    here, newcomer = await connect(cookies=ann.cookies), await connect(cookies=bob.cookies)
    await here.join()
    (hub,) = hubs.running()
    look = hub.guard.look_at_bans

    async def meanwhile() -> None:
        await look()
        if all(event["type"] != "joined" for event in newcomer.events):
            await newcomer.join()

    monkeypatch.setattr(hub.guard, "look_at_bans", meanwhile)
    await off_loop(Room.objects.filter(slug="main").update, archived=True)
    hub.heart.look()
    for client in (here, newcomer):
        assert (await client.event("rights"))["may"] == []


async def test_role_that_was_read_counts_though_a_ban_came_meanwhile(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await sign_up("ann")
    main = await off_loop(Room.objects.create, slug="main")
    await off_loop(Membership.objects.create, room=main, user=ann.user, role="moderator")
    client = await connect(cookies=ann.cookies)
    await client.join()
    (hub,) = hubs.running()
    (seat,) = hub.rooms["main"].seats
    look = hub.guard.look_at_bans

    async def mute() -> None:
        await off_loop(Ban.objects.create, kind="mute", sender_key=f"u:{ann.user.pk}")
        await look()

    monkeypatch.setattr(hub.guard, "look_at_bans", mute)
    await off_loop(Membership.objects.update, role="member")
    await hub.rooms.alter(hub.rooms["main"], main)
    assert (seat.rights.role, seat.rights.post) == ("member", False)


async def test_who_is_muted_is_not_removed_when_the_room_goes(connect: Connect) -> None:
    await off_loop(Room.objects.create, slug="side")
    client = await connect()
    await client.join("side")
    key = f"g:{client.events[0]['sender']['id']}"
    await off_loop(Ban.objects.create, kind="mute", sender_key=key, reason="loud")
    (hub,) = hubs.running()
    await hub.guard.look_at_bans()
    assert (await client.event("rights"))["reason"] == "loud"
    await off_loop(Room.objects.filter(slug="side").delete)
    hub.heart.look()
    left = await client.event("left")
    assert ("code" in left, "reason" in left) == (False, False)
