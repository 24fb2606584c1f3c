"""What people write to do harm: it stays text, in its own place."""

from __future__ import annotations

import json

import pytest

from tests.browser.conftest import STORED, Visits, live, say
from tests.browser.page import Page
from tests.browser.talk import drawn, publish, somebody
from tests.servers import SiteServer

MARKS = "\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u030a\u030b"
TOWER = "Z" + MARKS * 399


def boxes(page: Page, selector: str) -> list[dict[str, float]]:
    """Return where elements are."""
    every = f"Array.from(document.querySelectorAll({json.dumps(selector)}))"
    found = page.evaluate(f"{every}.map((e) => e.getBoundingClientRect().toJSON())")
    return [dict(box) for box in found]


def widths(page: Page) -> dict[str, float]:
    """Return by how many pixels the page, and the log in it, can be scrolled sideways."""
    return {
        box: page.evaluate(f"(e => e.scrollWidth - e.clientWidth)(document.querySelector('{box}'))")
        for box in ("html", "chat-room", ".log", ".people", ".side", ".bar")
    }


@pytest.fixture
def page(visits: Visits, room: str) -> Page:
    return visits.enter(room, "Ann")


def test_markup_is_shown_as_it_was_written(page: Page, site: SiteServer, room: str) -> None:
    with somebody(site, room, "<svg onload=harmed=1>") as other:
        texts = ["<script>harmed = 1</script>", "<a href='javascript:harmed=1'>x</a>", "</p><h1>"]
        for text in texts:
            other.post(text)
        page.wait_for_text(".text", texts[-1])
        assert page.texts(".line .text") == texts
        other.tell("typing")
        page.wait_for_text(".typing", "<svg onload=harmed=1>")
    live(page.reload())
    assert page.texts(".line .text") == texts
    assert page.text(".name") == "<svg onload=harmed=1>"
    inside = "document.querySelectorAll('.lines :is(script, a, h1, svg)').length"
    assert page.evaluate(f"[window.harmed ?? 0, {inside}]") == [0, 0]


def test_tower_of_combining_marks_stays_in_its_own_message(page: Page) -> None:
    for text in ("before", TOWER, "after"):
        say(page, text)
        page.wait_for_text(STORED, text)
    drawn(page)
    before, tower, after = boxes(page, ".line .says")
    assert tower["height"] < 60
    assert before["bottom"] <= tower["top"]
    assert tower["bottom"] <= after["top"]
    # What overflows is not painted, however high it is.
    clip = "getComputedStyle(document.querySelectorAll('.says')[1]).overflowY"
    assert page.evaluate(clip) == "hidden"


def test_name_of_combining_marks_stays_in_its_own_line(
    page: Page, site: SiteServer, room: str
) -> None:
    with somebody(site, room, "Z" + MARKS * 3) as other:
        other.post("my name is a tower")
        page.wait_for_text(".text", "a tower")
        for place in (".lines .name", ".people li > span"):
            (clip,) = page.wait_until(
                f"Array.from(document.querySelectorAll('{place}'))"
                ".filter(e => e.innerText.startsWith('Z')).map(e => getComputedStyle(e).overflowY)"
            )
            assert clip in ("hidden", "clip"), place


def test_giant_words_and_names_are_broken(
    visits: Visits, page: Page, site: SiteServer, room: str
) -> None:
    with somebody(site, room, "N" * 40) as other:
        for text in ("w" * 4000, "http://127.0.0.1/" + "u" * 2000, "\u00a0".join(["nbsp"] * 400)):
            other.post(text)
            page.wait_for_text(".text", text)
        other.tell("typing")
        page.wait_for_text(".typing", "NNN")
        for width in (320, 700, 1200):
            page.resize(width, 700, phone=width < 500)
            drawn(page)
            assert {box: wide for box, wide in widths(page).items() if wide} == {}, width


def test_overrides_of_direction_end_with_the_message(
    visits: Visits, site: SiteServer, room: str
) -> None:
    override = "\u202egnihtyna\u2066"
    # No guest may be called so, but a site may call its users and itself what it likes.
    publish(site, room, 1, text=f"{override} said", name=f"{override}Bob")
    page = visits.enter(room, "Ann")
    page.wait_for_text(".text", "said")
    event = {"type": "typing", "room": "x", "sender": {"id": "1", "name": f"{override}Bob"}}
    page.evaluate(f"document.querySelector('chat-room').room.hear({json.dumps(event)}); 0")
    page.wait_for_text(".typing", f"\u2068{override}Bob\u2069 is typing…")
    place = (
        "(e => { const range = document.createRange(); range.selectNodeContents(e);"
        " return range.getBoundingClientRect().toJSON(); })(document.querySelector('{}'))"
    )
    time = page.evaluate(place.replace("{}", ".line .who time"))
    name = page.evaluate(place.replace("{}", ".line .name"))
    assert name["right"] <= time["left"], "the time stays after the name"
    say(page, "left to right")
    page.wait_for_text(STORED, "left to right")
    directions = (
        "Array.from(document.querySelectorAll('.text'), e => getComputedStyle(e).unicodeBidi)"
    )
    assert set(page.evaluate(directions)) <= {"isolate", "plaintext"}


LINKS = {
    "see http://example.org/a?b=c#d.": ["http://example.org/a?b=c#d"],
    "https://example.org/wiki/A_(b)": ["https://example.org/wiki/A_(b)"],
    "(https://example.org/wiki)": ["https://example.org/wiki"],
    "https://example.org/ä and HTTPS://EXAMPLE.ORG": ["https://example.org/%C3%A4"],
    "javascript:alert(1) data:text/html,x vbscript:x file:///etc": [],
    "javascript:https://example.org/%0aalert(1)": ["https://example.org/%0aalert(1)"],
    "http://a.example/\u202egpj.exe": ["http://a.example/"],
    "https://": [],
    'https://example.org/"onmouseover="x': ["https://example.org/"],
}


def test_links_are_of_http_and_tell_nothing_of_where_one_came_from(
    page: Page, site: SiteServer, room: str
) -> None:
    with somebody(site, room) as other:
        for text in LINKS:
            other.post(text)
        page.wait_for_text(".text", "onmouseover")
    drawn(page)
    found = page.evaluate(
        "Array.from(document.querySelectorAll('.line .text'), e => [e.textContent,"
        " Array.from(e.querySelectorAll('a'), a => a.href)])"
    )
    assert dict(found) == LINKS
    rest = page.evaluate(
        "Array.from(document.querySelectorAll('.line a'), a => [a.protocol, a.rel, a.target])"
    )
    assert {tuple(one) for one in rest} <= {
        (protocol, "noopener noreferrer nofollow ugc", "_blank") for protocol in ("http:", "https:")
    }


def test_sender_cannot_put_on_another_ones_message(
    visits: Visits, page: Page, site: SiteServer, room: str
) -> None:
    say(page, "mine")
    page.wait_for_text(STORED, "mine")
    taken = page.evaluate("document.querySelector('chat-room').log.timeline.lines[0].id")
    with somebody(site, room, "Bob") as other:
        other.do("post", text="not mine", id=taken)
        page.wait_for_text(STORED, "not mine")
    drawn(page)
    assert page.texts(".line .text") == ["mine", "not mine"]
    assert page.texts(".own .text") == ["mine"]


def test_what_is_in_the_log_already_is_no_less_harmless(
    visits: Visits, site: SiteServer, room: str
) -> None:
    publish(site, room, 3, text="<b>bold</b> http://example.org/ {}", name="<i>Robot</i>")
    page = visits.enter(room)
    drawn(page)
    assert page.texts(".line .text")[0] == "<b>bold</b> http://example.org/ 0"
    assert page.text(".name") == "<i>Robot</i>"
    assert page.evaluate("document.querySelectorAll('.line a').length") == 3
