"""Small windows, fingers, dark rooms and languages that run the other way."""

from __future__ import annotations

import pytest

from tests.browser.conftest import STORED, Visits, field, live, say
from tests.browser.page import Page
from tests.browser.talk import drawn, focused
from tests.servers import SiteServer

WIDTHS = [320, 360, 390]


def too_wide(page: Page) -> list[str]:
    """Return what sticks out of the window at its sides."""
    return [
        str(name)
        for name in page.evaluate(
            """Array.from(document.querySelectorAll("body *")).filter((e) => {
              const { left, right, width } = e.getBoundingClientRect();
              const seen = e.checkVisibility() && !e.matches(".unseen, .unseen *, .follows .who *");
              return seen && width > 1 && (left < -0.5 || right > innerWidth + 0.5);
            }).map((e) => `${e.tagName} ${e.className}`)"""
        )
    ]


@pytest.fixture
def phone(visits: Visits, room: str) -> Page:
    """A room on a phone, with a message of one's own."""
    page = visits.open("about:blank")
    page.resize(360, 640, phone=True)
    live(page.goto(room))
    page.tap(".post textarea")
    page.type("from my phone")
    page.tap("[data-part=send]")
    page.wait_for_text(STORED, "from my phone")
    drawn(page)
    return page


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out_of_a_phones_window(visits: Visits, room: str, width: int) -> None:
    page = visits.enter(room, "W" * 40)
    for text in ("w" * 300, "\n".join("short lines"), "http://127.0.0.1/" + "x" * 200):
        say(page, text)
        page.wait_for_text(STORED, text)
    page.resize(width, 640, phone=True)
    page.arrow("Up")
    drawn(page)
    assert too_wide(page) == []
    page.tap("[data-part=cancel]")
    for opener, popover in ((".menu", ".side"), ("[popovertarget^=chat-people]", ".people")):
        page.tap(opener)
        page.wait_until(f"document.querySelector('{popover}').matches(':popover-open')")
        assert too_wide(page) == []
        page.press("Escape")
    page.tap(".own .says")
    page.wait_until("!!document.querySelector('.acts')?.checkVisibility()")
    assert too_wide(page) == []
    page.tap(".acts [data-act=delete]")
    page.wait_until("document.querySelector('dialog').open")
    assert too_wide(page) == []


def test_tap_on_a_message_offers_what_can_be_done_with_it(phone: Page) -> None:
    assert not phone.evaluate("!!document.querySelector('.acts')?.checkVisibility()")
    phone.tap(".own .says")
    phone.wait_until("!!document.querySelector('.acts')?.checkVisibility()")
    # What came under the finger as the messages made room was not meant.
    drawn(phone)
    assert not phone.evaluate("document.querySelector('dialog').open")
    phone.tap(".acts [data-act=edit]")
    phone.wait_until("document.querySelector('.post textarea').value === 'from my phone'")
    assert focused(phone) == "text"
    assert field(phone) == "from my phone"


def test_people_are_seen_and_the_name_is_changed_on_a_phone(phone: Page) -> None:
    phone.tap("[popovertarget^=chat-people]")
    phone.wait_until("document.querySelector('.people').matches(':popover-open')")
    phone.tap(".people input")
    phone.type("Ann")
    phone.tap(".people form button")
    phone.wait_for_text(".people ul", "Ann (you)")
    # A tap beside it closes it.
    phone.evaluate("document.querySelector('.title').scrollIntoView()")
    phone.tap(".menu")
    phone.wait_until("!document.querySelector('.people').matches(':popover-open')")


def test_name_that_is_refused_is_said_at_its_field_which_is_over_all_else(phone: Page) -> None:
    phone.tap("[popovertarget^=chat-people]")
    phone.wait_until("document.querySelector('.people').matches(':popover-open')")
    phone.tap(".people input")
    phone.type("Guest 5\n")
    phone.wait_for_text(".people .refusal", "That name cannot be used.")
    assert phone.evaluate(
        """(() => {
          const why = document.querySelector(".people .refusal");
          const { x, y, width, height } = why.getBoundingClientRect();
          return document.elementFromPoint(x + width / 2, y + height / 2) === why;
        })()"""
    )
    name = "document.querySelector('.people input')"
    assert phone.evaluate(f"{name}.ariaInvalid") == "true"
    assert phone.evaluate(
        f"document.getElementById({name}.getAttribute('aria-describedby')).textContent"
    ).startswith("That name")
    assert phone.evaluate(f"{name}.value") == "Guest 5", "to be put right"
    assert focused(phone) == "name"
    phone.write(".people input", "Ann")
    phone.enter()
    phone.wait_for_text(".people ul", "Ann (you)")
    phone.wait_until(f"{name}.ariaInvalid === null")
    assert phone.text(".people .refusal") == ""


@pytest.mark.parametrize("width", WIDTHS)
def test_what_a_finger_is_to_hit_is_big_enough(phone: Page, width: int) -> None:
    phone.resize(width, 640, phone=True)
    phone.tap(".own .says")
    phone.wait_until("!!document.querySelector('.acts')?.checkVisibility()")
    small = phone.evaluate(
        "Array.from(document.querySelectorAll('button, input, textarea, select'))"
        ".filter(e => e.checkVisibility())"
        ".map(e => [e.innerText || e.className || e.id, e.getBoundingClientRect()])"
        ".filter(([, box]) => box.width < 24 || box.height < 24).map(([name]) => name)"
    )
    assert small == []


def test_room_fills_the_window_and_the_field_stays_in_it(phone: Page) -> None:
    bottom = "document.querySelector('.post').getBoundingClientRect().bottom"
    assert phone.evaluate(f"{bottom} <= innerHeight && {bottom} > innerHeight - 40")
    # As when the keyboard comes up.
    phone.resize(360, 330, phone=True)
    drawn(phone)
    assert phone.evaluate(f"{bottom} <= innerHeight")
    last = "document.querySelector('.line:last-child').getBoundingClientRect().bottom"
    assert phone.evaluate(
        f"{last} <= document.querySelector('.bottom').getBoundingClientRect().top"
    )


# A browser that does not know how to let fields grow.
OLDER = """
  CSS.supports = () => false;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("textarea { field-sizing: fixed !important }");
  document.adoptedStyleSheets = [sheet];
"""


@pytest.mark.parametrize("older", [False, True])
def test_field_grows_with_its_text_but_leaves_room_for_the_messages(
    phone: Page, older: bool
) -> None:
    if older:
        phone.before_scripts(OLDER)
        live(phone.reload())
    height = "document.querySelector('.post textarea').offsetHeight"
    one = phone.evaluate(height)
    phone.write(".post textarea", "line\n" * 4)
    assert phone.evaluate(height) > one
    phone.write(".post textarea", "line\n" * 100)
    assert phone.evaluate(f"{height} < innerHeight / 2")
    assert phone.evaluate("document.querySelector('.log').clientHeight") > 100
    phone.write(".post textarea", "")
    assert phone.evaluate(height) == one


def test_dark_room_is_dark_all_over(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    say(page, "in the dark")
    page.wait_for_text(STORED, "in the dark")
    page.prefer(color_scheme="dark")
    bright = page.evaluate(
        """Array.from(document.querySelectorAll("body, body *")).filter((e) => {
          const [red, green, blue, alpha = 1] =
            getComputedStyle(e).backgroundColor.match(/[\\d.]+/g).map(Number);
          return e.checkVisibility() && !e.matches("button, .unread") && alpha > 0.5
            && red + green + blue > 384;
        }).map((e) => `${e.tagName} ${e.className}`)"""
    )
    assert bright == []


@pytest.mark.parametrize("width", [360, 1200])
def test_right_to_left_is_mirrored(visits: Visits, site: SiteServer, room: str, width: int) -> None:
    page = visits.open("about:blank", language="ar")
    page.resize(width, 700, phone=width < 500)
    live(page.goto(room))
    page.click(".post textarea")
    page.type("mine")
    page.click("[data-part=send]")
    page.wait_for_text(STORED, "mine")
    drawn(page)
    box = "document.querySelector('{}').getBoundingClientRect()"
    own, send = box.format(".own .says"), box.format(".post > button")
    log, field_box = box.format(".log"), box.format(".post textarea")
    assert page.evaluate(f"{own}.left - {log}.left < {log}.right - {own}.right")
    assert page.evaluate(f"{send}.right <= {field_box}.left")
    assert too_wide(page) == []
    if width < 500:
        page.tap("[popovertarget^=chat-people]")
        page.wait_until("document.querySelector('.people').matches(':popover-open')")
        assert page.evaluate(f"{box.format('.people')}.left") == 0
