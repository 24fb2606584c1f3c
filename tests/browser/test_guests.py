"""How guests are shown who have chosen no name."""

from __future__ import annotations

import pytest

from tests.browser.conftest import STORED, Visits, live, say
from tests.browser.talk import drawn, publish, somebody
from tests.servers import SiteServer

GUEST = "Guest 1073741831"


def test_name_is_not_broken_where_there_is_little_room_for_it_and_a_time(
    visits: Visits, site: SiteServer, room: str
) -> None:
    publish(site, room, 1, name=GUEST)
    page = visits.open("about:blank")
    page.resize(360, 640, phone=True)
    page.script(enabled=False)
    page.goto(room)
    assert page.text(".name") == GUEST
    assert page.evaluate("document.querySelector('.name').getClientRects().length") == 1
    assert page.evaluate(
        "(({ height }) => height < 25)(document.querySelector('.name').getBoundingClientRect())"
    )


@pytest.mark.parametrize("width", [320, 1200])
@pytest.mark.parametrize(("language", "word"), [("en", "Guest"), ("de", "Gast")])
def test_name_is_to_be_read_in_the_field_for_another(
    visits: Visits, room: str, language: str, word: str, width: int
) -> None:
    page = visits.open("about:blank")
    page.speak(language)
    page.resize(width, 640)
    live(page.goto(room))
    page.evaluate("document.querySelector('.people').showPopover()")
    field = "document.querySelector('[data-part=name]')"
    page.wait_until(f"{field}.placeholder.startsWith('{word} ')")
    wide = f"(e => {{ e.value = e.placeholder; return e.scrollWidth - e.clientWidth; }})({field})"
    assert page.evaluate(wide) <= 0


@pytest.mark.parametrize(("language", "word"), [("en", "Guest"), ("de", "Gast"), ("ar", "ضيف")])
def test_name_is_in_the_language_of_the_page_wherever_it_stands(
    visits: Visits, site: SiteServer, room: str, language: str, word: str
) -> None:
    page = live(visits.open(room, language=language))
    me = page.evaluate("document.querySelector('chat-room').dataset.me")
    page.wait_for_text(".people ul", f"{word} {me} ")
    field = "document.querySelector('[data-part=name]')"
    assert page.evaluate(f"{field}.placeholder") == f"{word} {me}"
    assert page.evaluate(f"getComputedStyle({field}).direction === document.dir")
    for text in ("one", "two"):
        say(page, text)
        page.wait_for_text(STORED, text)
    with somebody(site, room) as other:
        other.post("of another")
        page.wait_for_text("[data-part=voice]", f"{word} ")
        (name,) = page.texts(".line:not(.own) .name")
        assert name.startswith(f"{word} ")
        other.tell("typing")
        page.wait_for_text(".typing", name)
    for _ in ("as they came", "as the server has them"):
        drawn(page)
        assert page.texts(".own:not(.follows) .name") == [f"{word} {me}"]
        assert page.texts(".own.follows .text") == ["two"], "of one and the same"
        live(page.reload())


def test_name_that_a_page_gives_cannot_be_chosen(visits: Visits, room: str) -> None:
    page = live(visits.open(room, language="de"))
    me = page.evaluate("document.querySelector('chat-room').dataset.me")
    page.write(".people input", f"Gast {me}")
    page.enter()
    page.wait_for_text(".people .refusal", "Dieser Name")
    page.write(".people input", "Ann")
    page.enter()
    page.wait_for_text(".people ul", "Ann (Sie)")
