"""A whole conversation where no WebSocket can be had: the page goes on over plain HTTP."""

from __future__ import annotations

import pytest

from tests.browser.conftest import STORED, Visits, field, say, shown
from tests.browser.page import Page
from tests.browser.talk import (
    drawn,
    forgive_losses,
    hurry,
    publish,
    sign_in,
    somebody,
)
from tests.servers import SiteServer

STATE = "document.querySelector('chat-room').dataset.state"


def enter(visits: Visits, address: str, name: str = "", *, like: Page | None = None) -> Page:
    """Enter a room from where WebSockets are blocked."""
    page = visits.open("about:blank", like=like)
    page.refuse_websockets()
    come_back(page.goto(address))
    if name:
        page.write(".people input", name)
        page.enter()
        page.wait_for_text(".people ul", name)
    return page


def come_back(page: Page) -> Page:
    """Wait until the page has found the other way, without the waits between its attempts."""
    state = f"({STATE} === 'waiting' && dispatchEvent(new Event('online')), {STATE})"
    page.wait_until(f"{state} === 'open'")
    return page


@pytest.fixture
def ann(visits: Visits, site: SiteServer, room: str) -> Page:
    """Somebody without WebSockets, in a room where something was said."""
    publish(site, room, 1)
    page = enter(visits, room, "Ann")
    page.wait_for_complaint("403")
    return page


def test_people_talk_with_and_without_websockets(visits: Visits, room: str, ann: Page) -> None:
    bob = visits.enter(room, "Bob")
    cleo = enter(visits, room, "Cleo")
    pages = (ann, bob, cleo)
    for page in pages:
        page.wait_for_text(".people ul", "Bob")
        page.wait_for_text(".people ul", "Cleo")
        page.wait_for_text("[data-part=online]", "3")
    for page, text in ((ann, "from Ann"), (bob, "from Bob"), (cleo, "from Cleo")):
        page.front()
        say(page, text)
        for other in pages:
            other.wait_for_text(STORED, text)
    for page in pages:
        drawn(page)
        assert shown(page) == ["message 0", "from Ann", "from Bob", "from Cleo"]
        assert page.texts(".line .name") == ["Robot", "Ann", "Bob", "Cleo"]
        assert len(page.texts(".own")) == 1
    cleo.type("I am")
    bob.wait_for_text(".typing", "Cleo")
    ann.wait_for_text(".typing", "Cleo")
    ann.goto("about:blank")
    bob.wait_until("!document.querySelector('.people').innerText.includes('Ann')")
    forgive_losses(*pages)


def test_message_is_edited_and_deleted(visits: Visits, ann: Page) -> None:
    say(ann, "as it was")
    ann.wait_for_text(STORED, "as it was")
    ann.arrow("Up")
    ann.write(".post textarea", "as it is")
    ann.enter()
    ann.wait_for_text(".edited:not([hidden])", "edited")
    assert shown(ann) == ["message 0", "as it is"]
    ann.wait_until("document.querySelector('.post textarea').value === ''")
    ann.hover(".own .says")
    ann.click(".acts [data-act=delete]")
    ann.click("dialog button[value=yes]")
    ann.wait_for_text(".gone:not([hidden])", "deleted")
    assert field(ann) == ""
    forgive_losses(ann)


def test_older_messages_are_loaded(visits: Visits, site: SiteServer, room: str) -> None:
    publish(site, room, 120)
    page = enter(visits, room)
    drawn(page)
    for text in ("message 20", "message 0"):
        page.evaluate("document.querySelector('.log').scrollTop = 0; 0")
        page.wait_for_text(".text", text)
        drawn(page)
    assert shown(page) == [f"message {number}" for number in range(120)]
    forgive_losses(page)


def test_reload_and_refusals(visits: Visits, site: SiteServer, room: str, ann: Page) -> None:
    say(ann, "one")
    ann.wait_for_text(STORED, "one")
    who = ann.evaluate("document.querySelector('chat-room').dataset.me")
    come_back(ann.reload())
    ann.wait_for_text(".people ul", "Ann (you)")
    assert ann.evaluate("document.querySelector('chat-room').dataset.me") == who
    ann.write(".people input", "Guest 5")
    ann.enter()
    ann.wait_for_text(".people .refusal", "That name cannot be used.")
    say(ann, "two")
    ann.wait_for_text(STORED, "two")
    assert ann.texts(".own .text") == ["one", "two"]
    assert ann.texts(".line:not(.follows) .name")[-1] == "Ann"
    ann.forgive("status of 400")  # of the name
    forgive_losses(ann)


def test_user_of_the_site_is_known(visits: Visits, site: SiteServer, room: str) -> None:
    page = visits.open("about:blank")
    sign_in(site, page, "without-websockets")
    second = enter(visits, room, like=page)
    second.wait_for_text(".people ul", "without-websockets (you)")
    say(second, "signed in")
    second.wait_for_text(STORED, "signed in")
    forgive_losses(second)


def test_nothing_is_lost_or_doubled_when_the_server_is_replaced(
    visits: Visits, own_site: SiteServer
) -> None:
    ann, bob = enter(visits, own_site.url, "Ann"), enter(visits, own_site.url, "Bob")
    ann.front()
    say(ann, "before")
    for page in (ann, bob):
        page.wait_for_text(STORED, "before")
    own_site.kill()
    for page in (ann, bob):
        page.wait_until(f"{STATE} !== 'open'")
    texts = [f"while away {number}" for number in range(4)]
    for text in texts:
        say(ann, text)
    ann.wait_for_text("[data-state=waiting] .text", texts[-1])
    own_site.start()
    with somebody(own_site, "main") as other:
        other.post("of another")
        hurry(ann, bob)
        for page in (ann, bob):
            page.wait_for_text(STORED, texts[-1])
            page.wait_for_text(STORED, "of another")
            drawn(page)
        log = [message["text"] for message in other.do("history", before=100)["messages"]]
    assert [text for text in log if text != "of another"] == ["before", *texts]
    for page in (ann, bob):
        assert shown(page) == log
        assert (page.text(".state"), page.text(".notice")) == ("", "")
        page.front()
        come_back(page.reload())
        drawn(page)
        assert shown(page) == log
        page.goto("about:blank")
    forgive_losses(ann, bob)
