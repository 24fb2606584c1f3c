"""Editing, deleting and copying messages."""

from __future__ import annotations

import pytest

from tests.browser.conftest import STORED, Visits, field, live, say, shown
from tests.browser.page import Page
from tests.browser.talk import drawn, focused, hold, sign_in, somebody
from tests.servers import SiteServer

EDITING = "document.querySelector('.editing').checkVisibility()"
# Answers to edits wait for `release()`.
HOLD_EDITS = """{
  const { room } = document.querySelector("chat-room");
  const edit = room.edit.bind(room);
  window.stored = false;
  room.edit = async (...what) => {
    const reply = await edit(...what);
    await new Promise((resolve) => (window.release = resolve));
    setTimeout(() => (window.stored = true));
    return reply;
  };
}"""
SURE = "document.querySelector('dialog').open"


def offered(page: Page, number: int = 0) -> list[str]:
    """Return what is offered at a message on the page that the mouse is on."""
    page.hover(f".line[data-number='{number}'] .says")
    page.wait_until(f"!!document.querySelector('.line[data-number=\"{number}\"] .acts')")
    acts = page.evaluate(
        "Array.from(document.querySelectorAll('.acts button'))"
        ".filter(e => e.checkVisibility()).map(e => e.dataset.act)"
    )
    return [str(act) for act in acts]


def number(page: Page) -> None:
    """Number the messages on the page, so that selectors can tell them."""
    drawn(page)
    page.evaluate("document.querySelectorAll('.line').forEach((e, n) => { e.dataset.number = n; })")


def do(page: Page, act: str, line: int = 0) -> None:
    """Choose what to do with a message, with the mouse."""
    number(page)
    assert act in offered(page, line)
    page.click(f".acts [data-act={act}]")


@pytest.fixture
def page(visits: Visits, room: str) -> Page:
    """A room with a message of one's own."""
    page = visits.enter(room, "Ann")
    say(page, "as it was")
    page.wait_for_text(STORED, "as it was")
    return page


def test_button_edits_and_the_draft_comes_back(page: Page) -> None:
    page.write(".post textarea", "a draft")
    do(page, "edit")
    assert (field(page), focused(page)) == ("as it was", "text")
    assert "Editing your message" in page.text(".editing")
    page.write(".post textarea", "as it is")
    page.enter()
    page.wait_for_text(".text", "as it is")
    page.wait_until("document.querySelector('.post textarea').value === 'a draft'")
    assert page.texts(".says") == ["as it is edited"]
    assert not page.evaluate(EDITING)
    assert focused(page) == "text"
    assert live(page.reload()).texts(".says") == ["as it is edited"]


def test_what_is_written_while_an_edit_is_being_stored_stays_in_the_field(page: Page) -> None:
    do(page, "edit")
    page.write(".post textarea", "as it is")
    page.evaluate(HOLD_EDITS)
    page.enter()
    page.wait_for_text(".text", "as it is")
    page.type(", or was")
    page.evaluate("release()")
    page.wait_until("stored")
    assert (field(page), page.evaluate(EDITING)) == ("as it is, or was", True)
    page.enter()
    page.wait_for_text(".text", "as it is, or was")
    page.evaluate("release()")
    page.wait_until(f"!{EDITING}")
    assert field(page) == ""


def test_arrow_up_in_an_empty_field_edits_the_last_one_of_ones_own(
    page: Page, site: SiteServer, room: str
) -> None:
    say(page, "the last")
    page.wait_for_text(STORED, "the last")
    with somebody(site, room) as other:
        other.post("not mine")
        page.wait_for_text(".text", "not mine")
        page.arrow("Up")
        assert field(page) == "the last"
        page.press("Escape")
        assert (field(page), page.evaluate(EDITING), focused(page)) == ("", False, "text")
        page.type("words")
        page.arrow("Up")
        assert field(page) == "words"


def test_edit_that_changes_nothing_is_none(page: Page) -> None:
    page.arrow("Up")
    page.enter()
    page.wait_until(f"!{EDITING}")
    page.arrow("Up")
    page.click("[data-part=cancel]")
    assert focused(page) == "text"
    say(page, "next")
    page.wait_for_text(STORED, "next")
    assert page.texts(".says") == ["as it was", "next"]


def test_edit_of_a_message_that_is_gone_is_kept_with_the_reason(page: Page, visits: Visits) -> None:
    page.arrow("Up")
    page.write(".post textarea", "too late")
    page.evaluate("document.querySelector('chat-room').room.delete(1).then(() => 0)")
    page.wait_for_text(".gone:not([hidden])", "deleted")
    page.enter()
    page.wait_for_text(".notice", "That message is no longer there.")
    assert field(page) == "too late"


def test_delete_asks_and_cancel_leaves_everything(page: Page) -> None:
    do(page, "delete")
    page.wait_until(SURE)
    page.press("Escape")
    page.wait_until(f"!{SURE}")
    page.wait_until("document.activeElement.matches('.line')")
    do(page, "delete")
    page.click("dialog button[value='']")
    page.wait_until(f"!{SURE}")
    # Which is a moment before the focus is back: it would be taken from the field again.
    page.wait_until("document.activeElement.matches('.line')")
    say(page, "next")
    page.wait_for_text(STORED, "next")
    assert shown(page) == ["as it was", "next"]


def test_yes_deletes_for_everybody(page: Page, visits: Visits, room: str) -> None:
    other = visits.enter(room, "Bob")
    do(page, "delete")
    page.click("dialog button[value=yes]")
    for tab in (page, other):
        tab.wait_for_text(".gone:not([hidden])", "This message was deleted.")
        drawn(tab)
        assert tab.texts(".line .text") == [""]
    page.wait_until("document.activeElement.matches('.line')")
    number(page)
    page.hover(".line .says")
    drawn(page)
    assert not page.evaluate("!!document.querySelector('.acts')?.checkVisibility()")


def test_messages_of_others_can_be_copied_only(visits: Visits, page: Page, room: str) -> None:
    other = visits.enter(room, "Bob")
    number(other)
    assert offered(other) == ["copy"]
    number(page)
    page.front()
    assert offered(page) == ["copy", "edit", "delete"]


def test_copying_copies_the_text_alone(page: Page) -> None:
    page.permit("clipboardReadWrite", "clipboardSanitizedWrite")
    do(page, "copy")
    page.wait_until("navigator.clipboard.readText().then((text) => text === 'as it was')")


def test_browser_that_lets_nothing_be_copied_is_no_trouble(page: Page) -> None:
    page.evaluate(
        "navigator.clipboard.writeText = async () => { throw new Error('not allowed'); };"
        " window.failed = 0; addEventListener('unhandledrejection', () => failed++)"
    )
    do(page, "copy")
    drawn(page)
    assert page.evaluate("failed") == 0
    assert page.text("[data-part=voice]") != "Copied"
    assert not page.evaluate("!!document.querySelector('.acts .done')")


def test_what_is_offered_follows_what_one_may_and_what_is_still_there(page: Page) -> None:
    number(page)
    assert offered(page) == ["copy", "edit", "delete"]
    room = "document.querySelector('chat-room').room"
    hear = f"(room => room.hear({{{{ room: room.slug, ...{{}} }}}}))({room})"
    page.evaluate("document.querySelector('.acts [data-act=edit]').focus()")
    page.evaluate(hear.format("{ type: 'rights', may: [] }"))
    buttons = "Array.from(document.querySelectorAll('.acts button'))"
    left = f"{buttons}.filter(e => !e.hidden).map(e => e.dataset.act)"
    assert page.evaluate(left) == ["copy"]
    assert page.evaluate("document.activeElement.matches('.line')"), "not lost with its button"
    page.evaluate(hear.format("{ type: 'rights', may: ['post'] }"))
    assert page.evaluate(left) == ["copy", "edit", "delete"]
    page.evaluate("document.querySelector('.acts [data-act=edit]').focus()")
    page.evaluate(hear.format("{ type: 'deleted', seq: room.seq + 1, target: room.seq, at: '' }"))
    page.evaluate("document.querySelector('chat-room').client.emit('settled')")
    drawn(page)
    assert page.text(".gone:not([hidden])") == "This message was deleted."
    assert not page.evaluate("!!document.querySelector('.acts')?.checkVisibility()")
    assert page.evaluate("document.activeElement.matches('.line')")


def test_moderator_may_delete_what_others_said(
    visits: Visits, page: Page, site: SiteServer, room: str
) -> None:
    moderator = visits.open("about:blank")
    sign_in(site, moderator, "moderator", "redact_message")
    live(moderator.goto(room))
    number(moderator)
    assert offered(moderator) == ["copy", "delete"]
    do(moderator, "delete")
    moderator.click("dialog button[value=yes]")
    page.wait_for_text(".gone:not([hidden])", "This message was deleted.")


def test_nothing_is_offered_that_an_archived_room_refuses(
    visits: Visits, own_site: SiteServer
) -> None:
    room = f"{own_site.url}/rooms/old/"
    page = visits.open("about:blank")
    sign_in(own_site, page, "writer")
    live(page.goto(room))
    say(page, "while it was open")
    page.wait_for_text(STORED, "while it was open")
    page.goto("about:blank")
    change = "Room.objects.filter(slug='old').update(archived=True)"
    own_site.restart().run(f"from chat.models import Room; {change}")
    live(page.goto(room))
    number(page)
    assert offered(page) == ["copy"]
    assert "archived" in page.text(".bottom")
    assert not page.evaluate("document.querySelector('.post').checkVisibility()")


def test_message_that_is_stored_under_the_mouse_can_be_edited_then(
    visits: Visits, room: str
) -> None:
    page = visits.enter(room)
    hold(page)
    say(page, "pending")
    page.wait_for_text(".line[data-state=waiting]", "pending")
    page.hover(".says")
    page.evaluate("release()")
    page.wait_for_text(STORED, "pending")
    page.hover(".text")
    page.hover(".says")
    page.wait_until("document.querySelector('.acts [data-act=edit]')?.checkVisibility()")
