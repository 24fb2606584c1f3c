"""Moderators at work in the chat: who may do what to whom, and what it brings about."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from chat import store
from chat.models import Act, Ban, Membership, Room
from chat.protocol.events import timestamp
from tests.hub.clients import Account, Connect, ConnectTerminal, JsonClient, off_loop, sign_up


async def user(
    connect: Connect, name: str, role: str = "", *permissions: str
) -> tuple[Account, JsonClient]:
    """A user in ``main``, with a role there and permissions of the site."""
    account = await sign_up(name)

    def prepare() -> None:
        main, _ = Room.objects.get_or_create(slug="main")
        if role:
            Membership.objects.create(room=main, user=account.user, role=role)
        account.user.user_permissions.set(Permission.objects.filter(codename__in=permissions))

    await off_loop(prepare)
    client = await connect(cookies=account.cookies)
    await client.join()
    return account, client


def id_of(client: JsonClient) -> str:
    """What the wire calls a client's sender."""
    return str(client.events[0]["sender"]["id"])


async def moderate(client: JsonClient, action: str, target: Any, **fields: Any) -> dict[str, Any]:
    """Send one act; what it was answered."""
    return await client.ask("moderate", room="main", action=action, target=target, **fields)


async def refused(client: JsonClient, action: str, target: Any, **fields: Any) -> str:
    """Send one act that is refused; with which code."""
    reply = await moderate(client, action, target, **fields)
    assert reply["type"] == "error", reply
    return str(reply["code"])


async def acts() -> list[tuple[str, ...]]:
    """What the record has: act, by which way, who, whom, where, why."""
    fields = ("kind", "via", "actor_key", "target_key", "room", "reason")
    return await off_loop(lambda: list(Act.objects.order_by("pk").values_list(*fields)))


# Messages


@pytest.mark.parametrize(
    ("role", "permissions"),
    [("moderator", ()), ("owner", ()), ("", ("redact_message",)), ("member", ("redact_message",))],
)
async def test_moderator_takes_a_message_away(
    connect: Connect, role: str, permissions: tuple[str, ...]
) -> None:
    account, mod = await user(connect, "mod", role, *permissions)
    guest = await connect()
    await guest.join()
    await guest.post("rude")
    answer = await moderate(mod, "delete", 1, reason="rude")
    expected = {"type": "moderated", "room": "main", "action": "delete", "target": 1}
    assert answer.items() >= {**expected, "reason": "rude"}.items()
    assert (await guest.event("deleted"))["target"] == 1
    key, target = f"u:{account.user.pk}", f"g:{id_of(guest)}"
    assert await acts() == [("redact", "chat", key, target, "main", "rude")]


async def test_plain_delete_of_a_moderator_is_recorded_and_that_of_ones_own_is_not(
    connect: Connect,
) -> None:
    account, mod = await user(connect, "mod", "moderator")
    guest = await connect()
    await guest.post("rude")
    await guest.post("oops")
    await mod.ask("delete", room="main", seq=1)
    await guest.ask("delete", room="main", seq=2)
    key, target = f"u:{account.user.pk}", f"g:{id_of(guest)}"
    assert await acts() == [("redact", "chat", key, target, "main", "")]


async def test_message_of_ones_own_that_one_takes_away_as_a_moderator_is_recorded(
    connect: Connect,
) -> None:
    account, mod = await user(connect, "mod", "moderator")
    await mod.post("oops")
    assert (await moderate(mod, "delete", 1, reason="wrong room"))["type"] == "moderated"
    key = f"u:{account.user.pk}"
    assert await acts() == [("redact", "chat", key, key, "main", "wrong room")]


async def test_nobody_else_takes_messages_away(connect: Connect) -> None:
    _, member = await user(connect, "ann", "member", "ban")
    guest = await connect()
    await guest.post("hi")
    for somebody in (member, guest):
        assert await refused(somebody, "delete", 1) == "forbidden"
    assert await acts() == []


async def test_message_that_is_not_there_cannot_be_taken_away(connect: Connect) -> None:
    _, mod = await user(connect, "mod", "moderator")
    assert await refused(mod, "delete", 7) == "not_found"


# People


async def test_mute_is_until_then_and_its_target_is_told_at_once(connect: Connect) -> None:
    account, mod = await user(connect, "mod", "moderator")
    guest = await connect()
    await guest.join()
    await guest.join("side")
    until = timezone.now() + timedelta(hours=1)
    answer = await moderate(mod, "mute", id_of(guest), until=until.isoformat(), reason="loud")
    assert (answer["type"], answer["until"]) == ("moderated", timestamp(until))
    told = await guest.event("rights")
    assert (told["room"], told["may"], told["until"]) == ("main", [], timestamp(until))
    assert (told["code"], told["reason"]) == ("muted", "loud")
    assert "loud" in (await guest.event("notice", level="warning", code="rights"))["text"]
    again = await guest.join()
    assert [again[name] for name in ("may", "code", "until", "reason")] == [
        [],
        "muted",
        timestamp(until),
        "loud",
    ]
    assert await guest.refusal("post", room="main", text="x", id="1") == "forbidden"
    assert (await guest.post("fine", "side"))["type"] == "ack"
    await moderate(mod, "unmute", id_of(guest))
    assert (await guest.event("rights"))["may"] == ["post"]
    assert (await guest.post("again"))["type"] == "ack"
    key, target = f"u:{account.user.pk}", f"g:{id_of(guest)}"
    assert await acts() == [
        ("mute", "chat", key, target, "main", "loud"),
        ("unmute", "chat", key, target, "main", ""),
    ]
    assert not await off_loop(Ban.objects.count)


async def test_who_is_removed_is_out_of_the_room_until_restored(connect: Connect) -> None:
    account, mod = await user(connect, "mod", "owner")
    other, ann = await user(connect, "ann", "member")
    await ann.join("side")
    await moderate(mod, "remove", id_of(ann), reason="rude")
    left = await ann.event("left")
    assert (left["room"], left["code"], left["reason"]) == ("main", "removed", "rude")
    assert await ann.refusal("join", room="main") == "forbidden"
    assert (await ann.post("fine", "side"))["type"] == "ack"
    assert not await off_loop(Membership.objects.filter(user=other.user).exists)
    await moderate(mod, "restore", id_of(ann))
    while (await ann.ask("join", room="main"))["type"] != "joined":
        pass  # its process is told a moment later
    key, target = f"u:{account.user.pk}", f"u:{other.user.pk}"
    assert await acts() == [
        ("remove", "chat", key, target, "main", "rude"),
        ("unban", "chat", key, target, "main", ""),
    ]


@pytest.mark.parametrize("action", ["unmute", "restore"])
async def test_what_was_not_done_cannot_be_taken_back(connect: Connect, action: str) -> None:
    _, mod = await user(connect, "mod", "moderator")
    guest = await connect()
    assert await refused(mod, action, id_of(guest)) == "not_found"


@pytest.mark.parametrize("action", ["mute", "remove"])
@pytest.mark.parametrize(
    ("actor", "target", "done"),
    [
        ("member", "member", False),
        ("moderator", "member", True),
        ("moderator", "moderator", False),
        ("moderator", "owner", False),
        ("owner", "moderator", True),
        ("owner", "owner", False),
    ],
)
async def test_one_acts_on_those_with_less_to_say(
    connect: Connect, action: str, actor: str, target: str, done: bool
) -> None:
    _, mod = await user(connect, "mod", actor)
    _, ann = await user(connect, "ann", target)
    answer = await moderate(mod, action, id_of(ann))
    assert answer["type"] == ("moderated" if done else "error")
    assert done or answer["code"] == "forbidden"
    assert await off_loop(Ban.objects.count) == done


async def test_permission_of_the_site_counts_for_more_than_any_role(connect: Connect) -> None:
    _, staff = await user(connect, "staff", "", "ban")
    _, owner = await user(connect, "owner", "owner")
    assert await refused(owner, "mute", id_of(staff)) == "forbidden"
    assert (await moderate(staff, "mute", id_of(owner)))["type"] == "moderated"


async def test_nobody_acts_on_themselves(connect: Connect) -> None:
    _, staff = await user(connect, "staff", "owner", "ban")
    assert await refused(staff, "mute", id_of(staff)) == "forbidden"


@pytest.mark.parametrize("target", ["999999", "nobody", "System", "01073741831", "-1", "9" * 64])
async def test_target_that_is_nobody_is_not_found(connect: Connect, target: str) -> None:
    _, mod = await user(connect, "mod", "moderator")
    assert await refused(mod, "mute", target) == "not_found"


async def test_moderator_of_one_room_is_none_in_another(connect: Connect) -> None:
    _, mod = await user(connect, "mod", "owner")
    guest = await connect()
    await guest.join("side")
    answer = await mod.ask("moderate", room="side", action="remove", target=id_of(guest))
    assert answer["code"] == "forbidden"


async def test_private_room_is_unknown_to_those_who_would_moderate_it(connect: Connect) -> None:
    _, staff = await user(connect, "staff", "", "ban", "redact_message")
    await off_loop(Room.objects.create, slug="board", kind="private")
    for action, target in (("delete", 1), ("remove", "7")):
        answer = await staff.ask("moderate", room="board", action=action, target=target)
        assert answer["code"] == "unknown_room"


async def test_end_that_has_passed_is_refused(connect: Connect) -> None:
    _, mod = await user(connect, "mod", "moderator")
    guest = await connect()
    code = await refused(mod, "mute", id_of(guest), until="2001-01-01T00:00:00Z")
    assert code == "bad_command"


async def test_end_that_is_too_far_off_is_refused_with_what_would_be_right(
    connect: Connect,
) -> None:
    _, mod = await user(connect, "mod", "moderator")
    guest = await connect()
    answer = await moderate(mod, "mute", id_of(guest), until="9999-12-31T23:59:59-05:00")
    assert answer["code"] == "bad_command"
    assert "before the year 9000" in answer["detail"]
    assert await acts() == []


async def test_acts_are_limited_like_posts(connect: Connect, settings: Any) -> None:
    settings.CHAT = {**settings.CHAT, "POSTS_PER_SECOND": 0.01}
    _, mod = await user(connect, "mod", "moderator")
    guest = await connect()
    codes = [(await moderate(mod, "unmute", id_of(guest)))["code"] for _ in range(2)]
    assert codes == ["not_found", "rate_limited"]


async def test_muted_moderator_still_looks_after_the_room(connect: Connect) -> None:
    account, mod = await user(connect, "mod", "moderator")
    guest = await connect()
    await guest.post("rude")
    key = f"u:{account.user.pk}"
    main = await off_loop(Room.objects.get, slug="main")
    by = store.Actor(key="s:Site", name="Site", via=Act.Via.CODE)
    await off_loop(store.impose, Ban.Kind.MUTE, by, key=key, room=main)
    assert (await mod.event("rights"))["may"] == ["moderate", "ban"]
    assert (await moderate(mod, "delete", 1))["type"] == "moderated"


async def test_terminal_that_is_removed_is_told_why(
    connect: Connect, connect_terminal: ConnectTerminal
) -> None:
    account = await sign_up("ann")
    terminal = await connect_terminal(cookies=account.cookies)
    _, mod = await user(connect, "mod", "moderator")
    await moderate(mod, "remove", str(account.user.pk), reason="rude")
    await terminal.until("!!! you were removed from main: rude")
    await terminal.say("/join side")
    await terminal.until("joined side")
