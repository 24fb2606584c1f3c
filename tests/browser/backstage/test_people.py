"""People are banned, muted and let in again in the admin, and find that out at once."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.browser.backstage.tab import Backstage, sign_in
from tests.browser.conftest import STORED, Visits, live, say
from tests.browser.page import Page
from tests.browser.talk import let_in, slug_of, somebody
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
    let_in(ann, room)
    ann.forgive("403")
    ann.forgive("WebSocket")


def number_of(guest: Page) -> str:
    """Return the number of a guest who has chosen no name, as the page shows it."""
    name, number = guest.text(".people li").split()[:2]
    assert name == "Guest"
    return number


@pytest.mark.parametrize("whom", ["guest", "network"])
def test_ban_that_is_made_by_its_form_puts_a_guest_or_a_range_out_and_keeps_them_out(
    boss: Backstage, visits: Visits, room: str, whom: str
) -> None:
    guest = visits.enter(room)
    target = {"guest": number_of(guest), "network": "127.0.0.77/24"}[whom]
    boss.goto("ban/add/")
    boss.find(slug_of(room), "room")
    boss.fill(**{whom: target}, kind="ban", reason="too <b>loud</b>")
    boss.fill(until_0="2199-12-31", until_1="23:59")
    boss.submit("[name=_save]")
    guest.wait_for_text("[data-part=notice]", "You have been removed from this room.")
    guest.wait_for_text("[data-part=notice]", "too <b>loud</b>")
    guest.goto(room)
    assert not guest.text(".post")
    if whom == "network":
        boss.goto(f"ban/?q={slug_of(room)}")
        assert boss.page.texts("#result_list .field-who") == ["127.0.0.0/24"]
    else:
        live(visits.open(room))  # another guest, from the same place
    lift(boss, slug_of(room))
    let_in(guest, room)
    guest.forgive("status of 403")


def test_ban_of_nobody_of_two_at_once_or_of_no_address_is_refused(boss: Backstage) -> None:
    for fields, sentence in (
        ({}, "Choose a user, a guest or a range of addresses."),
        (
            {"guest": "1073741831", "network": "203.0.113.7"},
            "Choose a user, a guest or a range of addresses.",
        ),
        ({"guest": "7"}, "Enter a guest's number"),
        ({"network": "203.0.113.0/33"}, "Enter an address, or a range"),
        ({"network": "0.0.0.0/0"}, "Enter an address, or a range"),
    ):
        boss.goto("ban/add/")
        boss.fill(kind="ban", **fields)
        boss.submit("[name=_save]")
        assert sentence in boss.page.text("#content .errorlist")


def test_those_who_are_chosen_on_the_list_of_connections_are_put_out_together(
    boss: Backstage, site: SiteServer, room: str, name: str
) -> None:
    with contextlib.ExitStack() as stack:
        guests = [
            stack.enter_context(somebody(site, room, f"{name}-{number}")) for number in (1, 2, 3)
        ]
        while len(boss.goto(f"connection/?q={name}").texts("#result_list .field-who")) < 3:
            pass  # sessions are written down in a moment
        boss.choose("ban_selected", f"{name}-1", f"{name}-2")
        assert f"{name}-3" not in boss.page.text("#content")
        boss.fill(kind="ban", whom="sender", room=slug_of(room), period="day")
        boss.fill(reason="too <b>loud</b>")
        boss.submit()
        assert boss.said in (f"Banned: {name}-1, {name}-2", f"Banned: {name}-2, {name}-1")
        for guest in guests[:2]:
            assert answered(guest, "join", "error")["code"] == "forbidden"
        assert guests[2].do("join")["type"] == "joined"
        boss.goto(f"ban/?q={name}")
        boss.choose("delete_selected", f"{name}-1", f"{name}-2")
        boss.submit("[type=submit]")
        for guest in guests[:2]:
            answered(guest, "join", "joined")


def test_guest_is_muted_in_a_room_and_may_speak_again(
    boss: Backstage, guest: Client, name: str
) -> None:
    guest.post("before")
    impose(boss, name, kind="mute", whom="sender", room=guest.room)
    assert boss.said == f"Muted: {name}"
    assert answered(guest, "post", "error", text="hello", id="1")["code"] == "forbidden"
    lift(boss, guest.room)
    answered(guest, "post", "ack", text="hello", id="2")


def test_visitor_sees_that_they_are_put_out(
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
