"""Who is banned, muted or signed out, over HTTP; and who moderates."""

from __future__ import annotations

from django.test import Client

from chat import identity
from chat.hub import hub as hubs
from chat.models import Ban, Membership, Message, Room
from tests.fakes import soon
from tests.fallback.asking import answered, error, refused, stream
from tests.hub.clients import off_loop, sign_up
from tests.hub.rooms import room


def restrain(kind: str, room: Room | None = None, **fields: str) -> None:
    """Ban or mute somebody."""
    Ban.objects.create(kind=kind, room=room, **fields)


async def test_who_is_banned_gets_neither_a_stream_nor_an_answer(guest: dict[str, str]) -> None:
    key = f"g:{identity.of_cookies(guest).sender.id}"
    await off_loop(restrain, "ban", sender_key=key)
    assert await error({"id": "1", "text": "x"}, cookies=guest) == (403, "forbidden")
    assert await refused(cookies=guest) == (403, "forbidden")
    assert not await off_loop(Message.objects.count)
    assert (await answered({"id": "1", "text": "x"}))[0] == 200


async def test_address_that_is_banned_gets_neither(guest: dict[str, str]) -> None:
    await off_loop(restrain, "ban", network="192.0.2.0/24")
    assert await error({"id": "1", "text": "x"}, cookies=guest) == (403, "forbidden")
    assert await refused(cookies=guest) == (403, "forbidden")


async def test_who_is_muted_listens_and_says_nothing(guest: dict[str, str]) -> None:
    main = await room("main")
    key = f"g:{identity.of_cookies(guest).sender.id}"
    assert (await answered({"id": "0", "text": "before"}, cookies=guest))[0] == 200
    await off_loop(restrain, "mute", main, sender_key=key)
    await soon(lambda: hubs.current().guard.restraints(key, "192.0.2.1") != ())
    exchange = await stream(cookies=guest)
    assert exchange.stream.told("joined")[0]["may"] == []
    edit = {"type": "edit", "seq": 1, "text": "still here"}
    for body in ({"id": "1", "text": "x"}, {"type": "typing"}, edit, {"type": "delete", "seq": 1}):
        assert await error(body, cookies=guest) == (403, "forbidden")
    await exchange.leave()


async def test_stream_ends_when_its_user_signs_out() -> None:
    account = await sign_up("ann")
    exchange = await stream(cookies=account.cookies)

    def sign_out() -> None:
        browser = Client()
        browser.cookies["sessionid"] = account.cookies["sessionid"]
        browser.logout()

    await off_loop(sign_out)
    await exchange.end()
    assert b'event: close\ndata: {"code": 4501}' in exchange.content


async def test_moderator_moderates_over_http_too() -> None:
    account = await sign_up("ann")
    main = await room("main")
    await off_loop(Membership.objects.create, room=main, user=account.user, role="owner")
    body = {"type": "moderate", "action": "mute", "target": "1073741831"}
    status, event = await answered(body, cookies=account.cookies)
    assert (status, event["type"]) == (200, "moderated")
    nobody = {**body, "target": str(account.user.pk + 1)}
    assert await error(nobody, cookies=account.cookies) == (404, "not_found")
