"""What the page is like for eyes, fingers, keyboards and screen readers."""

from __future__ import annotations

import json
import re
from itertools import product

import pytest

from tests.browser.conftest import STORED, Visits, live, say
from tests.browser.talk import drawn, focused, somebody
from tests.programs import ROOT
from tests.servers import SiteServer

STYLE = "".join(
    (ROOT / "chat" / "static" / "chat" / name).read_text()
    for name in ("chat-room.css", "messages.css")
)
PAIR = r"light-dark\((#\w+), (#\w+)\)"
COLOURS = {
    name: (light, dark)
    for name, light, dark in re.findall(rf"--cr-([\w-]+): var\(--chat-[\w-]+, {PAIR}", STYLE)
}
COLOURS |= {
    f"hue-{number}": (light, dark)
    for number, light, dark in re.findall(rf'data-hue="(\d)"\] .name {{ color: {PAIR}', STYLE)
}

TEXTS = ["text", "quiet", "accent", *(f"hue-{number}" for number in range(8))]
READ_ON = [*product(TEXTS, ["surface", "ground"]), ("text", "own"), ("quiet", "own")]
READ_ON += [("on-accent", "accent"), ("warn", "ground"), ("warn", "surface"), ("news", "ground")]
READ_ON += [("accent", "own"), ("on-accent", "danger")]


def luminance(colour: str) -> float:
    """The relative luminance of #rgb or #rrggbb, by WCAG 2.2."""
    digits = colour.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_can_be_read_on_its_ground(scheme: int) -> None:
    for text, ground in READ_ON:
        lighter, darker = sorted(
            (luminance(COLOURS[text][scheme]), luminance(COLOURS[ground][scheme])), reverse=True
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


def test_colours_that_a_site_sets_are_those_of_the_whole_page(visits: Visits, room: str) -> None:
    page = live(visits.open(room))
    page.evaluate("document.documentElement.style.setProperty('--chat-surface', 'rgb(1, 2, 3)')")
    for part in (".side", ".bar", ".post textarea"):
        ground = f"getComputedStyle(document.querySelector('{part}')).backgroundColor"
        assert page.evaluate(ground) == "rgb(1, 2, 3)", part


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
    page.wait_for_text(".lines", "wwww")
    sees = "document.querySelector('.post > button').getBoundingClientRect()"
    for width in (320, 700, 1200):
        page.resize(width, 700, phone=width < 500)
        for box in ("document.documentElement", "document.querySelector('.log')"):
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
        if page.evaluate("document.activeElement.dataset.part") == "text":
            break
    page.evaluate("document.execCommand('insertText', false, 'typed')")
    page.enter()
    page.wait_for_text(".lines", "typed")
    assert page.evaluate("document.activeElement.dataset.part") == "text", "ready for the next one"


def test_right_to_left_mirrors_the_page_and_leaves_messages_their_own_way(
    visits: Visits, room: str
) -> None:
    page = live(visits.open(room, language="ar"))
    for text in ("left to right", "من اليمين"):
        say(page, text)
        page.wait_for_text(".lines", text)
    side = "document.querySelector('.side').getBoundingClientRect().left > innerWidth / 2"
    assert page.evaluate(side)
    directions = (
        "Array.from(document.querySelectorAll('.line .text'), e => getComputedStyle(e).direction)"
    )
    assert page.evaluate(directions) == ["ltr", "rtl"]
    gaps = (
        "Array.from(document.querySelectorAll('.rooms .title'), (title) => {"
        " const text = new Range(); text.selectNodeContents(title); const row = title.closest('a');"
        " return row.getBoundingClientRect().right - text.getBoundingClientRect().right; })"
    )
    assert max(page.evaluate(gaps)) < 20, "a Latin title, too, is at the right"
    direction = "getComputedStyle(document.querySelector('.post textarea')).direction"
    assert page.evaluate(direction) == "rtl", "for what one is asked to write"
    page.write(".post textarea", "left")
    assert page.evaluate(direction) == "ltr"


@pytest.mark.parametrize("language", ["ar", "de", "en"])
def test_phone_shows_the_title_beside_the_state_of_the_connection(
    visits: Visits, room: str, language: str
) -> None:
    page = live(visits.open(room, language=language))
    page.resize(360, 700, phone=True)
    width = "document.querySelector('.bar .title').getBoundingClientRect().width"
    before = page.evaluate(width)
    page.evaluate(
        "{ const state = document.querySelector('.state');"
        " state.textContent = state.dataset.waiting;"
        " document.querySelector('[data-part=retry]').hidden = false; }"
    )
    assert page.evaluate(width) == before


def test_column_of_messages_never_narrows_as_the_window_widens(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    inner = (
        "(e => { const { paddingLeft, paddingRight } = getComputedStyle(e);"
        " return e.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight); })"
        "(document.querySelector('.log'))"
    )
    widths = []
    for width in (1000, 1100, 1280, 1440, 1920):
        page.resize(width, 800)
        widths.append(page.evaluate(inner))
    assert widths == sorted(widths)
    assert widths[-1] == 800


def test_acts_cover_no_message(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    for text in ("one", "two", "w" * 400):
        say(page, text)
        page.wait_for_text(".lines .line:not([data-seq='0'])", text)
    for number in range(1, 4):
        page.evaluate("document.querySelector('.acts')?.remove()")
        row = f".line:nth-last-child({number})"
        page.hover(f"{row} .says")
        page.wait_until(f"!!document.querySelector('{row} .acts [data-act=copy]')")
        over = page.evaluate(
            """(acts => Array.from(document.querySelectorAll(".says"))
              .map((e) => e.getBoundingClientRect())
              .filter((box) => box.left < acts.right && acts.left < box.right
                && box.top < acts.bottom && acts.top < box.bottom).length)
            (document.querySelector(".acts > div").getBoundingClientRect())"""
        )
        assert over == 0, row
        inside = "(e => e.top >= 56 && e.left > 272 && e.right < innerWidth)"
        assert page.evaluate(
            f"{inside}(document.querySelector('.acts > div').getBoundingClientRect())"
        )


def test_conversation_does_not_jump_when_somebody_types(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page = visits.enter(room)
    with somebody(site, room) as other:
        other.post("hello")
        page.wait_for_text(".text", "hello")
        top = "document.querySelector('.line').getBoundingClientRect().top"
        before = page.evaluate(top)
        other.tell("typing")
        page.wait_for_text(".typing", "is typing")
        assert page.evaluate(top) == before


def test_text_twice_as_large_on_a_phone_leaves_everything_usable(visits: Visits, room: str) -> None:
    page = visits.enter(room, "Ann")
    say(page, "a message " * 20)
    page.wait_for_text(STORED, "a message")
    page.resize(360, 680, phone=True)
    page.evaluate("document.documentElement.style.fontSize = '200%'; 0")
    drawn(page)
    page.evaluate("document.querySelector('.log').scrollTop = 0; 0")
    page.wait_until("document.querySelector('.latest').checkVisibility()")
    width = "document.querySelector('.post textarea').offsetWidth"
    assert page.evaluate(f"{width} > 250 && document.querySelector('.log').clientHeight > 100")
    outside = page.evaluate(
        "Array.from(document.querySelectorAll('button, textarea, .title'))"
        ".filter(e => e.checkVisibility() && !e.closest('.log'))"
        ".filter((e) => { const { left, right, top, bottom } = e.getBoundingClientRect();"
        " return left < 0 || top < 0 || right > innerWidth || bottom > innerHeight; })"
        ".map(e => e.className || e.dataset.part)"
    )
    assert outside == []
    names = [name.strip() for name in page.controls()]
    assert "To the newest" in names, "though its arrow alone is to be seen"
    widths = "(e => e.offsetWidth)(document.querySelector('{}'))"
    latest, log = (page.evaluate(widths.replace("{}", part)) for part in (".latest", ".log"))
    assert latest < log / 3


def test_colours_of_the_visitors_own_leave_every_edge_to_be_seen(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    say(page, "mine")
    page.wait_for_text(STORED, "mine")
    page.force_colors()
    assert page.evaluate("matchMedia('(forced-colors: active)').matches")
    edges = (
        "(e => { const { borderTopWidth, borderTopStyle, borderTopColor, backgroundColor } ="
        " getComputedStyle(e); return parseFloat(borderTopWidth) > 0 && borderTopStyle === 'solid'"
        " && borderTopColor !== backgroundColor; })(document.querySelector('{}'))"
    )
    marked = ("#chat-rooms [aria-current]", ".own .says", "[data-part=send]", ".post textarea")
    for part in marked:
        assert page.evaluate(edges.replace("{}", part)), part
    other = edges.replace("{}", "#chat-rooms a:not([aria-current])")
    assert not page.evaluate(other), "only the room one is in has an edge"
    page.evaluate("document.querySelector('.log').focus()")
    page.tab(shift=True)
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"


def test_first_tab_is_a_way_past_the_rooms_to_the_field(visits: Visits, room: str) -> None:
    page = visits.open("about:blank")
    page.resize(360, 640, phone=True)  # where the field has the focus, there is nothing to skip
    live(page.goto(room))
    place = "document.querySelector('.skip').getBoundingClientRect()"
    assert page.evaluate(f"{place}.bottom") < 0
    page.tab()
    assert focused(page) == "skip"
    assert page.evaluate(f"{place}.top >= 0 && {place}.bottom < innerHeight")
    page.enter()
    assert focused(page) == "text"


def test_modules_come_without_waiting_for_one_another_and_once(visits: Visits, room: str) -> None:
    loaded = (
        "performance.getEntriesByType('resource').filter(e => e.name.endsWith('.js'))"
        ".map(e => e.name.split('/').at(-1)).filter(name => name !== 'rooms.js').sort()"
    )
    page = live(visits.open(room))
    wanted = page.evaluate(loaded)
    assert len(set(wanted)) == len(wanted) > 15
    page.block(["*/rooms.js"])  # which imports all the others
    page.goto(room)
    page.wait_until(f"({loaded}).join() === {json.dumps(','.join(wanted))}")
    page.forgive("rooms.js")
    page.forgive("net::ERR_")
    page.forgive("preloaded using link preload")
