"""The keyboard alone will do, and the focus is never lost."""

from __future__ import annotations

import json

import pytest

from tests.browser.conftest import STORED, Visits, field, live, say
from tests.browser.page import Page
from tests.browser.talk import drawn, focused, somebody, wait_for_focus
from tests.servers import SiteServer

SURE = "document.querySelector('dialog').open"
AT = "document.activeElement.querySelector?.('.text')?.textContent ?? ''"


@pytest.fixture
def page(visits: Visits, site: SiteServer, room: str) -> Page:
    """A room with two messages of one's own and one of another between them."""
    page = visits.enter(room, "Ann")
    with somebody(site, room) as other:
        for text in ("first", "second", "third"):
            if text == "second":
                other.post(text)
            else:
                say(page, text)
            page.wait_for_text(STORED, text)
    drawn(page)
    page.click(".post textarea")
    return page


def walk(page: Page, keys: str) -> list[str]:
    """Press keys; return the texts of the messages that have the focus on the way."""
    texts = []
    for key in keys.split():
        page.press(key)
        texts.append(str(page.evaluate(AT)))
    return texts


def test_tab_goes_through_the_room_in_its_order(page: Page) -> None:
    page.evaluate("document.querySelector('#chat-go').focus()")
    order = []
    for _ in range(12):
        page.tab()
        order.append(focused(page))
        if order[-1] == "text":
            break
    open_room, sign_in, save = "plain", "A", "plain"
    assert order == [open_room, sign_in, "name", save, "log", "text"]
    page.tab()
    assert page.evaluate("document.activeElement.innerText") == "Send"
    page.tab(shift=True, times=2)
    assert focused(page) == "log"


def test_arrows_walk_the_messages(page: Page) -> None:
    page.tab(shift=True)
    assert focused(page) == "log"
    assert walk(page, "ArrowUp ArrowUp ArrowUp ArrowUp") == ["third", "second", "first", "first"]
    assert walk(page, "ArrowDown End End Home") == ["second", "third", "third", "first"]
    visible = "document.activeElement.matches(':focus-visible')"
    assert page.evaluate(visible)


def test_message_is_edited_by_keyboard(page: Page) -> None:
    page.tab(shift=True)
    walk(page, "ArrowUp")
    page.tab()
    assert focused(page) == "copy"
    page.tab()
    assert focused(page) == "edit"
    page.enter()
    assert (focused(page), field(page)) == ("text", "third")
    page.type(" edited\n")
    page.wait_for_text(".text", "third edited")
    page.wait_until("document.querySelector('.post textarea').value === ''")
    assert focused(page) == "text"


def test_message_is_deleted_by_keyboard(page: Page) -> None:
    page.tab(shift=True)
    walk(page, "ArrowUp")
    page.tab(times=3)
    assert focused(page) == "delete"
    page.enter()
    page.wait_until(SURE)
    assert page.evaluate("document.activeElement.innerText") == "Cancel"
    page.press("Escape")
    page.wait_until(f"!{SURE}")
    page.wait_until(f"({AT}) === 'third'")
    page.tab(times=3)
    page.enter()
    page.wait_until(SURE)
    page.tab()
    page.enter()
    page.wait_for_text(".gone:not([hidden])", "deleted")
    assert page.evaluate("document.activeElement.matches('.line:last-child')")
    assert walk(page, "ArrowUp ArrowUp") == ["second", "first"]


def test_focus_of_a_message_that_others_change_stays(
    page: Page, site: SiteServer, room: str
) -> None:
    page.tab(shift=True)
    walk(page, "ArrowUp ArrowUp")
    with somebody(site, room) as other:
        other.post("fourth")
        page.wait_for_text(STORED, "fourth")
    drawn(page)
    assert page.evaluate(AT) == "second"
    page.tab()
    assert focused(page) == "copy"
    page.hover(".own .says")
    drawn(page)
    assert focused(page) == "copy", "the mouse takes nothing away from under the fingers"


def test_focus_stays_on_who_comes_to_another_place_in_the_list(
    page: Page, site: SiteServer, room: str
) -> None:
    first = "document.querySelector('.people li button')"
    hear = "document.querySelector('chat-room').room.hear({}); 0"
    with somebody(site, room, "Zoe"):
        page.wait_for_text(".people ul", "Zoe")
        rights = {"type": "rights", "room": "x", "may": ["post", "ban"]}
        page.evaluate(hear.format(json.dumps(rights)))
        page.evaluate(
            "window.used = [...document.querySelectorAll('.people li')]"
            ".find((item) => item.innerText.includes('Zoe')).querySelector('button'); used.focus()"
        )
        (zoe,) = page.evaluate(
            "[...document.querySelector('chat-room').room.people.values()]"
            ".filter(({ name }) => name === 'Zoe')"
        )
        joined = [{**zoe, "name": "Aba"}]
        presence = {"type": "presence", "room": "x", "online": 2, "joined": joined, "left": []}
        page.evaluate(hear.format(json.dumps(presence)))
        assert page.evaluate(f"{first} === used")
        assert page.evaluate("document.activeElement === used")


def test_frame_around_the_messages_is_for_those_who_go_about_by_keys(page: Page) -> None:
    event = {"type": "rights", "room": "x", "may": [], "code": "locked"}
    hear = "document.querySelector('chat-room').room.hear({})"
    locked = hear.format(json.dumps(event))
    unlocked = hear.format(json.dumps({**event, "may": ["post"]}))
    frame = "getComputedStyle(document.querySelector('.log')).outlineStyle"
    page.type("a draft")  # in the field that was clicked on
    page.evaluate(locked)
    wait_for_focus(page, "log")
    assert page.evaluate(frame) == "none"
    page.arrow("Up")
    page.evaluate("document.activeElement.parentElement.closest('.log').focus()")
    assert page.evaluate(frame) == "solid", "who goes on by keys sees where one is"
    page.evaluate(unlocked)
    page.tab()
    assert focused(page) == "text"
    page.evaluate(locked)
    wait_for_focus(page, "log")
    assert page.evaluate(frame) == "solid"


def test_focus_of_a_message_that_goes_out_of_the_window_stays_in_the_log(page: Page) -> None:
    page.tab(shift=True)
    walk(page, "ArrowUp")
    page.evaluate(
        "const { log } = document.querySelector('chat-room'); log.timeline.clear(); log.update()"
    )
    assert focused(page) == "log"


def test_people_are_opened_and_closed_by_keyboard(page: Page) -> None:
    page.resize(700, 700)
    opener = "[popovertarget^=chat-people]"
    page.evaluate(f"document.querySelector({json.dumps(opener)}).focus()")
    page.enter()
    page.wait_until("document.querySelector('.people').matches(':popover-open')")
    page.tab()
    assert focused(page) == "name"
    page.press("a", control=True)
    page.type("Anna\n")
    page.wait_for_text(".people ul", "Anna (you)")
    assert focused(page) == "name"
    page.press("Escape")
    page.wait_until("!document.querySelector('.people').matches(':popover-open')")
    assert page.evaluate(f"document.activeElement.matches({json.dumps(opener)})")


def test_message_after_message_is_written_without_leaving_the_field(
    visits: Visits, room: str
) -> None:
    page = live(visits.open(room))
    page.evaluate("document.querySelector('.post textarea').focus()")
    page.type("one\ntwo\nthree\n")
    page.wait_for_text(STORED, "three")
    assert page.texts(".line .text") == ["one", "two", "three"]
    assert focused(page) == "text"


def test_enter_that_chooses_a_word_of_an_input_method_sends_nothing(
    visits: Visits, room: str
) -> None:
    page = live(visits.open(room))
    page.click(".post textarea")
    page.compose("にほん")
    page.evaluate(
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown',"
        " { key: 'Enter', isComposing: true, bubbles: true, cancelable: true }))"
    )
    page.type("日本")
    assert field(page) == "日本"
    page.enter()
    page.wait_for_text(STORED, "日本")
    assert page.texts(".line .text") == ["日本"]


def test_way_to_the_field_is_there_as_long_as_the_field_is(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    shown = "document.querySelector('.skip').checkVisibility()"
    assert page.evaluate(shown)
    hear = "document.querySelector('chat-room').room.hear({{ type: 'rights', room: 'x', may: {} }})"
    page.evaluate(hear.format("[]"))
    page.wait_until(f"!{shown}")
    page.evaluate(hear.format("['post']"))
    page.wait_until(shown)
    page.evaluate("document.querySelector('chat-room').client.close()")
    page.wait_until(f"!{shown}")
    page.script(enabled=False)
    page.goto(room)
    assert not page.evaluate(shown)


def test_letters_go_to_no_field_that_something_is_open_over_or_that_does_not_want_them(
    visits: Visits, room: str
) -> None:
    page = visits.enter(room)
    page.resize(700, 700)
    page.click(".opens-people")
    page.wait_until("document.querySelector('.people').matches(':popover-open')")
    for part in (".opens-people", ".people form button"):
        page.evaluate(f"document.querySelector('{part}').focus()")
        page.type("x")
        assert page.evaluate(f"document.activeElement.matches('{part}')")
    page.press("Escape")
    page.wait_until("!document.querySelector('.people').matches(':popover-open')")
    page.evaluate("document.querySelector('chat-room').dataset.keys = 'off'")
    page.evaluate("document.querySelector('.log').focus()")
    page.type("x")
    assert (field(page), focused(page)) == ("", "log")
    page.evaluate("delete document.querySelector('chat-room').dataset.keys")
    page.type("x")
    assert (field(page), focused(page)) == ("x", "text")
