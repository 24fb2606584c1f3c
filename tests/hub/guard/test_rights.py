"""What sessions may do changes with memberships and permissions, by word and without."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission

from chat.hub import hub as hubs
from chat.models import Membership, Room
from tests.fakes import soon
from tests.hub.clients import Account, Connect, off_loop, sign_up
from tests.hub.guard.conftest import Change, looked_at, member


async def test_who_is_no_longer_a_member_is_out_of_that_room_alone(
    connect: Connect, either: None
) -> None:
    account, client = await member(connect)
    await off_loop(Membership.objects.filter(user=account.user).delete)
    left = await client.event("left")
    assert (left["room"], "code" in left) == ("board", False)
    assert await client.refusal("join", room="board") == "unknown_room"
    assert (await client.post("still here"))["type"] == "ack"
    assert [event["type"] for event in client.events].count("joined") == 2


async def test_who_is_no_longer_a_moderator_is_told(connect: Connect, either: None) -> None:
    account, client = await member(connect)
    mine = Membership.objects.filter(user=account.user)
    await off_loop(mine.update, role="moderator")  # found when one joins
    joined = await client.join("board")
    assert joined["may"] == ["post", "moderate", "ban"]

    def demote() -> None:
        membership = mine.get()
        membership.role = "member"
        membership.save()

    await off_loop(demote)
    await client.event("rights", may=["post"])  # the other role may have been told of, too


def lose_permission(account: Account) -> None:
    account.user.user_permissions.clear()


def lose_group(account: Account) -> None:
    account.user.groups.clear()


def group_loses_permission(account: Account) -> None:
    Group.objects.get().permissions.clear()


def group_goes(account: Account) -> None:
    Group.objects.get().delete()


def group_loses_user(account: Account) -> None:
    Group.objects.get().user_set.remove(account.user)


@pytest.mark.parametrize(
    "change",
    [lose_permission, lose_group, group_loses_permission, group_goes, group_loses_user],
)
async def test_who_loses_a_permission_loses_its_rights_and_stays(
    connect: Connect, either: None, change: Change
) -> None:
    account = await sign_up("ann")

    def permit() -> None:
        permission = Permission.objects.get(codename="redact_message")
        if change is lose_permission:
            account.user.user_permissions.add(permission)
        else:
            group = Group.objects.create(name="helpers")
            group.permissions.add(permission)
            account.user.groups.add(group)

    await off_loop(permit)
    client, other = await connect(cookies=account.cookies), await connect()
    assert (await client.join())["may"] == ["post", "moderate"]
    await looked_at()
    await other.post("rude")
    await off_loop(change, account)
    assert (await client.event("rights"))["may"] == ["post"]
    assert await client.refusal("delete", room="main", seq=1) == "forbidden"
    assert [event["type"] for event in client.events].count("joined") == 1


async def test_who_loses_the_permission_to_watch_is_told_no_more(
    connect: Connect, either: None
) -> None:
    account = await sign_up("ann")
    permission = await off_loop(Permission.objects.get, codename="view_live")
    await off_loop(account.user.user_permissions.add, permission)
    client = await connect(cookies=account.cookies)
    assert (await client.ask("watch"))["type"] == "live"
    await looked_at()
    await off_loop(lose_permission, account)
    (hub,) = hubs.running()
    (session,) = hub.sessions
    await soon(lambda: not session.identity.watches)
    await hub.watchers.beat()
    assert (await client.event("error"))["code"] == "forbidden"
    assert await client.refusal("watch") == "forbidden"


async def test_who_gains_a_permission_may_use_it_at_once(connect: Connect, told_only: None) -> None:
    account, client = await member(connect)
    permission = await off_loop(Permission.objects.get, codename="ban")
    await off_loop(account.user.user_permissions.add, permission)
    told = [await client.event("rights"), await client.event("rights")]
    assert {event["room"] for event in told} == {"main", "board"}
    assert all(event["may"] == ["post", "ban"] for event in told)


async def test_join_that_is_under_way_when_a_membership_goes_does_not_win(
    connect: Connect, told_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await sign_up("ann")
    board = await off_loop(Room.objects.create, slug="board", kind="private")
    await off_loop(Membership.objects.create, room=board, user=account.user)
    client = await connect(cookies=account.cookies)
    await client.join()
    await looked_at()
    (hub,) = hubs.running()
    enter, session = hub.enter, next(iter(hub.sessions))

    async def slowly(*args: Any, **kwargs: Any) -> Any:
        found = await enter(*args, **kwargs)
        before = session.reviews
        await off_loop(Membership.objects.all().delete)
        await soon(lambda: session.reviews > before)
        monkeypatch.setattr(hub, "enter", enter)
        return found

    monkeypatch.setattr(hub, "enter", slowly)
    assert await client.refusal("join", room="board") == "unknown_room"


async def test_who_may_no_longer_ban_is_told(connect: Connect, either: None) -> None:
    account = await sign_up("ann")
    ban = await off_loop(Permission.objects.get, codename="ban")
    await off_loop(account.user.user_permissions.add, ban)
    client, other = await connect(cookies=account.cookies), await connect()
    assert (await client.join())["may"] == ["post", "ban"]
    await other.join()
    await looked_at()
    await off_loop(lose_permission, account)
    assert (await client.event("rights"))["may"] == ["post"]
    mute = {"room": "main", "action": "mute", "target": other.events[0]["sender"]["id"]}
    assert await client.refusal("moderate", **mute) == "forbidden"
