"""A room in a page with a style and a policy of its own, of which neither spoils the other."""

from __future__ import annotations

import pytest

from tests.browser.conftest import STORED, Visits, live
from tests.browser.embedding.shop import box, live_in, of
from tests.browser.talk import drawn, somebody
from tests.servers import SiteServer


@pytest.mark.parametrize("width", [1200, 360])
def test_room_can_be_used_whatever_the_style_around_it(
    visits: Visits, shop: SiteServer, width: int
) -> None:
    page = visits.open(f"{shop.url}/page/tea", width=width)
    live_in(page, "tea")
    assert page.evaluate("scrollY") == 0, "the page does not jump to the room"
    page.click(".post textarea")
    page.type(f"from a shop of {width}\n")
    page.wait_for_text(STORED, f"from a shop of {width}")  # none of another visit's
    drawn(page)
    room = box(page, "chat-room")
    for part in (".bar", ".log", ".bottom", ".post textarea", ".post > button"):
        inner = box(page, part)
        assert room["left"] <= inner["left"] < inner["right"] <= room["right"], part
        assert room["top"] <= inner["top"] < inner["bottom"] <= room["bottom"], part
    assert box(page, ".log")["height"] > 200
    assert box(page, ".post textarea")["width"] > room["width"] / 2.5
    rows = "Array.from(document.querySelectorAll('.line'), e => e.getBoundingClientRect())"
    gaps = page.evaluate(f"{rows}.map((e, n, all) => e.top - (all[n - 1]?.bottom ?? e.top))")
    assert all(0 <= gap < 20 for gap in gaps), gaps
    assert box(page, ".post > button")["height"] > 24
    assert page.evaluate("getComputedStyle(document.querySelector('.post > button')).cursor") == (
        "pointer"
    )
    page.arrow("Up")
    page.wait_until("document.querySelector('[data-part=cancel]').checkVisibility()")
    assert box(page, "[data-part=cancel]")["height"] > 24
    page.press("Escape")
    page.hover(".own .says")
    page.wait_until("!!document.querySelector('.acts')?.checkVisibility()")
    assert box(page, ".acts button")["height"] > 24
    page.click(".acts [data-act=delete]")
    page.wait_until("document.querySelector('dialog').open")
    dialog = box(page, "dialog")
    assert abs(dialog["left"] + dialog["right"] - page.evaluate("innerWidth")) < 40, "in the middle"
    page.press("Escape")
    if width < 500:
        assert box(page, ".opens-people")["height"] < 44, "the number is beside the picture"
        page.click("[popovertarget^=chat-people]")
        page.wait_until("document.querySelector('.people').matches(':popover-open')")
    page.wait_for_text(".people li", "(you)")
    person = "document.querySelector('.people li')"
    assert page.evaluate(f"getComputedStyle({person}).display") == "flex"
    assert box(page, ".people input")["right"] <= page.evaluate("innerWidth")
    wide = "(e => e.scrollWidth - e.clientWidth)"
    for part in ("html", "chat-room", ".log", ".people"):
        assert page.evaluate(f"{wide}(document.querySelector('{part}'))") == 0, part


def test_room_ends_at_an_edge_that_nothing_goes_beyond(visits: Visits, shop: SiteServer) -> None:
    page = visits.open(f"{shop.url}/page/tea")
    live_in(page, "tea")
    style = "(e => getComputedStyle(e))(document.querySelector('chat-room'))"
    for side in ("top", "right", "bottom", "left"):
        edge = f"{style}.getPropertyValue('border-{side}-width')"
        assert page.evaluate(edge) == "1px"
    assert page.evaluate(f"parseFloat({style}.borderTopLeftRadius)") > 0
    assert page.evaluate(f"{style}.overflow") == "hidden", "nothing shows past its round corners"
    room, around = box(page, "chat-room"), box(page, "section")
    assert room["left"] >= around["left"]
    assert room["right"] <= around["right"]
    assert room["height"] == 36 * 16
    ours = visits.open(f"{shop.url}/rooms/tea/")
    live_in(ours, "tea")
    assert ours.evaluate(f"{style}.borderTopWidth") == "0px", (
        "a room that fills the window has none"
    )
    assert box(ours, "chat-room")["height"] == ours.evaluate("innerHeight")


def test_page_around_a_room_stays_as_it_was(visits: Visits, shop: SiteServer) -> None:
    page = visits.open("about:blank")
    page.block(["*/chat-room.css"])
    page.goto(f"{shop.url}/page/tea")
    look = (
        "Array.from(document.querySelectorAll('h1, main > p, main > p > button'), e =>"
        " Object.entries(Object.assign({}, getComputedStyle(e))).map(([, name]) =>"
        " [name, getComputedStyle(e).getPropertyValue(name)]).join())"
    )
    assert page.evaluate("getComputedStyle(document.querySelector('chat-room')).display") != "grid"
    plain = page.evaluate(look)
    page.block([])
    page.goto(f"{shop.url}/page/tea")
    assert page.evaluate("getComputedStyle(document.querySelector('chat-room')).display") == "grid"
    assert page.evaluate(look) == plain


def test_page_forbids_what_the_room_does_not_need(visits: Visits, shop: SiteServer) -> None:
    """The policy is real here, too: what breaks it is complained of."""
    page = live(visits.open(f"{shop.url}/page/tea"))
    assert page.complaints == []
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    page.wait_for_complaint("Content Security Policy")


def test_site_says_how_the_room_looks(visits: Visits, shop: SiteServer) -> None:
    page = visits.open(f"{shop.url}/page/tea")
    page.prefer(color_scheme="dark")
    live_in(page, "tea")
    ground = f"getComputedStyle(document.querySelector('{of('tea')}')).backgroundColor"
    light = page.evaluate(ground)
    assert light == "rgb(243, 245, 248)", "a page that is light alone has no dark box in it"
    page.evaluate("document.documentElement.style.colorScheme = 'dark'")
    assert page.evaluate(ground) != light
    page.evaluate("document.body.style.setProperty('--chat-ground', 'rgb(1, 2, 3)')")
    assert page.evaluate(ground) == "rgb(1, 2, 3)"


def test_title_stays_the_sites(visits: Visits, shop: SiteServer) -> None:
    page = live_in(visits.open(f"{shop.url}/page/tea"), "tea")
    page.evaluate("document.title = 'Sold out'")
    with somebody(shop, "tea", "Bob") as other:
        other.post("a word")
    page.wait_for_text(of("tea", ".text"), "a word")
    drawn(page)
    assert page.evaluate("document.title") == "Sold out"
