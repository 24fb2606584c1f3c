"""People are banned, muted and let in again in the admin, and find that out at once."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.browser.backstage.tab import Backstage, sign_in
from tests.browser.conftest import STORED, Visits, live, say
from tests.browser.page import Page
from tests.browser.talk import somebody
from tests.servers import SiteServer
from tests.talker import Client


@pytest.fixture
def name() -> str:
    """A name that nobody else goes by."""
    return f"Zoe-{secrets.token_hex(4)}"


@pytest.fixture
def guest(site: SiteServer, room: str, name: str) -> Iterator[Client]:
    """A guest of that name, in the room."""
    with somebody(site, room, name) as client:
        yield client


def impose(boss: Backstage, name: str, **answers: str) -> None:
    """Ban or mute who is behind a session, from its page."""
    boss.find_session(name)
    boss.press_tool("Ban or mute")
    boss.fill(period="day", reason="too <b>loud</b>", **answers)
    boss.submit()


def lift(boss: Backstage, what: str) -> None:
    """Take back what is on the list of bans, where it says until when and why."""
    boss.goto("ban/")
    (row,) = [text for text in boss.page.texts("#result_list tbody tr") if what in text]
    assert "too <b>loud</b>" in row
    assert "for good" not in row
    boss.choose("delete_selected", what)
    boss.submit("[type=submit]")
    assert "Successfully deleted 1 ban" in boss.said


def answered(client: Client, kind: str, by: str, **fields: str) -> dict[str, Any]:
    """Ask, until that is answered as it should be: acts take a moment to arrive."""
    while (answer := client.do(kind, **fields))["type"] != by:
        time.sleep(0.1)  # who asks for what is refused, time and again, is put out
    return answer


@pytest.mark.parametrize("whom", ["sender", "address", "range"])
def test_guest_address_or_range_is_put_out_of_a_room_and_let_in_again(
    boss: Backstage, guest: Client, name: str, whom: str
) -> None:
    impose(boss, name, kind="ban", whom=whom, room=guest.room)
    if whom != "sender":
        assert "You yourself are among them." in boss.page.text(".errorlist")
        boss.fill(me_too="on")
        boss.submit()
    targets = {"sender": name, "address": "127.0.0.1", "range": "127.0.0.0/24"}
    assert boss.said == f"Banned: {targets[whom]}{'/32' if whom == 'address' else ''}"
    assert answered(guest, "join", "error")["code"] == "forbidden"
    lift(boss, guest.room)
    answered(guest, "join", "joined")


def test_guest_is_put_out_of_the_site_and_let_in_again(
    boss: Backstage, guest: Client, name: str
) -> None:
    impose(boss, name, kind="ban", whom="sender", room="")
    with pytest.raises(ConnectionClosed) as ended:
        answered(guest, "rooms", "error")
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 4503
    lift(boss, name)


def test_user_is_kept_out_of_the_site_until_then_and_sees_the_reason(
    boss: Backstage, visits: Visits, site: SiteServer, room: str
) -> None:
    ann = Backstage(visits, site, sign_in(site, "view_room")).page
    live(ann.goto(room))
    name = ann.text(".people li").split()[0]
    boss.goto(f"../auth/user/?q={name}")
    number = boss.page.evaluate(
        "document.querySelector('.field-username a').href.match(/user.(\\d+)/)[1]"
    )
    boss.goto(f"ban/add/?user={number}")
    boss.fill(kind="ban", reason="too <b>loud</b>", until_0="2199-12-31", until_1="23:59")
    boss.submit("[name=_save]")
    ann.wait_for_text("[data-part=notice]", "removed from this chat until \u2068Dec 31, 2199")
    ann.wait_for_text("[data-part=notice]", "Reason: \u2068too <b>loud</b>\u2069")
    assert not ann.text("[data-part=notices]")  # not once more, in the server's words
    ann.goto(room)
    assert not ann.text(".post")
    lift(boss, name)
    live(ann.goto(room))
    ann.forgive("403")
    ann.forgive("WebSocket")


def test_guest_is_muted_in_a_room_and_may_speak_again(
    boss: Backstage, guest: Client, name: str
) -> None:
    guest.post("before")
    impose(boss, name, kind="mute", whom="sender", room=guest.room)
    assert boss.said == f"Muted: {name}"
    assert answered(guest, "post", "error", text="hello", id="1")["code"] == "forbidden"
    lift(boss, guest.room)
    answered(guest, "post", "ack", text="hello", id="2")


def test_visitor_sees_that_they_are_put_out_and_why(
    boss: Backstage, visits: Visits, room: str, name: str
) -> None:
    visitor: Page = visits.enter(room, name)
    say(visitor, "hello")
    visitor.wait_for_text(STORED, "hello")
    boss.find_session(name)
    boss.press_tool("Disconnect")
    boss.fill(reason="maintenance")
    boss.submit()
    assert boss.said == "1 session was disconnected."
    visitor.wait_for_text(".state", "Disconnected")
