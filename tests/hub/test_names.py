"""What guests and users are called."""

import pytest

from tests.hub.clients import Connect, sign_up


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


@pytest.mark.parametrize("name", ["System", "sYSTEM"])
async def test_guest_cannot_take_the_name_of_the_site(connect: Connect, name: str) -> None:
    guest = await connect()
    assert await guest.refusal("rename", name=name) == "bad_command"
    assert (await guest.ask("rename", name="bob"))["sender"]["name"] == "bob"
