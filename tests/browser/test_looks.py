"""What the page is like for eyes, fingers, keyboards and screen readers."""

from __future__ import annotations

import re
from itertools import product

import pytest

from tests.browser.conftest import Visits, live, say
from tests.programs import ROOT

CSS = (ROOT / "chat" / "static" / "chat" / "chat.css").read_text()
LIGHT, DARK = re.findall(r":root \{(.*?)\}", CSS, flags=re.DOTALL)[:2]

TEXTS = ["text", "quiet", "accent", *(f"hue-{number}" for number in range(8))]
READ_ON = [*product(TEXTS, ["surface", "ground"]), ("text", "own"), ("quiet", "own")]
READ_ON += [("on-accent", "accent"), ("warn", "ground"), ("good", "surface")]


def luminance(colour: str) -> float:
    """The relative luminance of #rgb or #rrggbb, by WCAG 2.2."""
    digits = colour.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_can_be_read_on_its_ground(scheme: str) -> None:
    colours = dict(re.findall(r"--([\w-]+): (#\w+);", scheme))
    for text, ground in READ_ON:
        lighter, darker = sorted(
            (luminance(colours[text]), luminance(colours[ground])), reverse=True
        )
        contrast = (lighter + 0.05) / (darker + 0.05)
        assert contrast >= 4.5, f"{text} on {ground}: {contrast:.2f}"


def test_page_follows_the_visitors_colours(visits: Visits, room: str) -> None:
    page = visits.open(room)
    ground = "getComputedStyle(document.body).backgroundColor"
    page.prefer(color_scheme="light")
    light = page.evaluate(ground)
    page.prefer(color_scheme="dark")
    assert page.evaluate(ground) != light


def test_everything_one_can_use_has_a_name(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    controls = page.controls()
    assert "" not in controls
    wanted = {"Messages": "log", "Message": "textbox", "Send": "button", "Rooms": "navigation"}
    assert wanted.items() <= controls.items()
    assert {"Your name", "Name of a room"} <= controls.keys()


def test_nothing_is_wider_than_the_window(visits: Visits, room: str) -> None:
    page = visits.enter(room, "N" * 40)
    say(page, "w" * 500)
    page.wait_for_text("#chat-lines", "wwww")
    sees = "document.getElementById('chat-send').getBoundingClientRect()"
    for width in (320, 700, 1200):
        page.resize(width, 700, phone=width < 500)
        for box in ("document.documentElement", "document.getElementById('chat-log')"):
            assert page.evaluate(f"{box}.scrollWidth - {box}.clientWidth") == 0, (box, width)
        assert page.evaluate(f"{sees}.right <= innerWidth && {sees}.bottom <= innerHeight"), width


def test_phone_shows_rooms_and_people_when_asked(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    page.resize(360, 700, phone=True)
    sees = "document.getElementById('chat-rooms').checkVisibility()"
    assert not page.evaluate(sees)
    page.click(".menu")
    page.wait_until(sees)
    page.press("Escape", code=27)
    page.wait_until(f"!{sees}")
    assert page.evaluate("document.activeElement.className").endswith("menu")
    page.resize(1200, 700)
    assert page.evaluate(sees)


def test_keyboard_alone_will_do(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    page.evaluate("document.body.focus()")
    for _ in range(200):  # there may be many rooms on the way
        page.press("Tab", code=9)
        if page.evaluate("document.activeElement.id") == "chat-text":
            break
    page.evaluate("document.execCommand('insertText', false, 'typed')")
    page.enter()
    page.wait_for_text("#chat-lines", "typed")
    assert page.evaluate("document.activeElement.id") == "chat-text", "ready for the next one"


def test_right_to_left_mirrors_the_page_and_leaves_messages_their_own_way(
    visits: Visits, room: str
) -> None:
    page = live(visits.open(room, language="ar"))
    for text in ("left to right", "من اليمين"):
        say(page, text)
        page.wait_for_text("#chat-lines", text)
    side = "document.querySelector('.side').getBoundingClientRect().left > innerWidth / 2"
    assert page.evaluate(side)
    directions = (
        "Array.from(document.querySelectorAll('.line .text'), e => getComputedStyle(e).direction)"
    )
    assert page.evaluate(directions) == ["ltr", "rtl"]
