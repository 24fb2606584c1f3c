"""The list of rooms: who is there, what is unread, and where one is."""

from __future__ import annotations

import json
import secrets

import pytest

from tests.browser.conftest import Visits, live
from tests.browser.page import Page
from tests.browser.talk import drawn, publish, sign_in, slug_of, somebody
from tests.servers import SiteServer

# The list is asked for every 15 s; here it is sooner.
OFTEN = """
  const set = window.setInterval.bind(window);
  window.setInterval = (call, wait) => set(call, wait === 15_000 ? 300 : wait);
"""


def enter(visits: Visits, room: str) -> Page:
    """Enter a room with a list that is always new."""
    page = visits.open("about:blank")
    page.before_scripts(OFTEN)
    return live(page.goto(room))


def read_elsewhere(visits: Visits, site: SiteServer, room: str, count: int = 1) -> tuple[Page, str]:
    """Read so many messages of another room, and go on to ``room``; the page, and the other."""
    elsewhere = f"{site.url}/rooms/{secrets.token_hex(4)}/"
    publish(site, elsewhere, count)
    page = enter(visits, elsewhere)
    drawn(page)
    return live(page.goto(room)), elsewhere


def link_to(room: str) -> str:
    return f"#chat-rooms a[href$='/rooms/{slug_of(room)}/']"


def shows(page: Page, room: str, part: str, text: str) -> None:
    """Wait until a room of the list shows a text."""
    place = f"document.querySelector({json.dumps(f'{link_to(room)} {part}')})"
    shown = f"{place}?.checkVisibility() ? {place}.innerText.replace(/[\\u2068\\u2069]/g, '') : ''"
    page.wait_until(f"({shown}) === {json.dumps(text)}")


def test_rooms_tell_what_is_unread_and_who_is_there(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page, elsewhere = read_elsewhere(visits, site, room, count=3)
    shows(page, elsewhere, ".unread", "")
    with somebody(site, elsewhere, "Bob") as other:
        other.post("news")
        shows(page, elsewhere, ".unread .number", "1")
        shows(page, elsewhere, ".count .number", "1")
        shows(page, elsewhere, ".members", "Bob")
        with somebody(site, elsewhere, "Cleo"):
            shows(page, elsewhere, ".members", "Bob, Cleo")
    shows(page, elsewhere, ".members", "")
    page.click(link_to(elsewhere))
    page.wait_until(f"location.pathname.includes('{slug_of(elsewhere)}')")
    drawn(live(page))
    live(page.goto(room))
    shows(page, elsewhere, ".unread", "")


def test_room_one_is_in_is_marked_and_counts_at_once(visits: Visits, room: str) -> None:
    page = enter(visits, room)
    assert page.texts("#chat-rooms [aria-current=page] .title") == [slug_of(room)]
    page.wait_for_text("#chat-rooms [aria-current] .count .number", "1")
    second = visits.enter(room)
    page.wait_for_text("#chat-rooms [aria-current] .count .number", "2")
    second.goto("about:blank")
    page.wait_for_text("#chat-rooms [aria-current] .count .number", "1")
    assert page.text("#chat-rooms [aria-current] .unread .number") in ("", "0")


def test_list_that_comes_anew_leaves_the_focus_where_it_is(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page = enter(visits, room)
    page.evaluate(f"document.querySelector({json.dumps(link_to(room))}).focus()")
    # One that comes before it and one after it.
    around = [f"{site.url}/rooms/{first}-{secrets.token_hex(4)}/" for first in ("0", "zz")]
    with somebody(site, around[0]), somebody(site, around[1]):
        for other in around:
            shows(page, other, ".title", slug_of(other))
        assert page.evaluate(f"document.activeElement.matches({json.dumps(link_to(room))})")
        titles = page.texts("#chat-rooms .title")
        order = "new Intl.Collator('en', { numeric: true }).compare"
        assert titles == page.evaluate(f"{json.dumps(titles)}.sort({order})")
        places = [titles.index(slug_of(one)) for one in (around[0], room, around[1])]
        assert places == sorted(places)
        assert len(set(titles)) == len(titles)
    shows(page, room, ".title", slug_of(room))
    page.wait_until(f"document.querySelector({json.dumps(link_to(around[0]))}) === null")


def test_who_is_on_a_room_that_goes_is_on_the_list_afterwards(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page = enter(visits, room)
    other = f"{site.url}/rooms/{secrets.token_hex(4)}/"
    with somebody(site, other):
        shows(page, other, ".title", slug_of(other))
        page.evaluate(f"document.querySelector({json.dumps(link_to(other))}).focus()")
    page.wait_until(f"document.querySelector({json.dumps(link_to(other))}) === null")
    assert page.evaluate("!!document.activeElement.closest('#chat-rooms')")


def test_archived_room_is_listed_on_its_own_page(
    visits: Visits, site: SiteServer, room: str
) -> None:
    create = f"Room.objects.create(slug={slug_of(room)!r}, archived=True)"
    site.run(f"from chat.models import Room; {create}")
    page = enter(visits, room)
    other = f"{site.url}/rooms/zz-{secrets.token_hex(4)}/"
    with somebody(site, other):
        shows(page, other, ".title", slug_of(other))
        assert page.texts("#chat-rooms [aria-current] .title") == [slug_of(room)]
        titles = page.texts("#chat-rooms .title")
        assert titles.index(slug_of(room)) < titles.index(slug_of(other)), "in its place"


def test_rooms_that_were_read_once_and_are_not_listed_are_not_asked_about(
    visits: Visits, site: SiteServer, room: str
) -> None:
    elsewhere = f"{site.url}/rooms/{secrets.token_hex(4)}/"
    publish(site, elsewhere, 1)
    page = enter(visits, elsewhere)
    drawn(page)
    page.evaluate(
        "for (let n = 0; n < 600; n++) localStorage.setItem("
        "`chat.read.old-${n}.${document.querySelector('chat-room').dataset.me}`, 'e:1')"
    )
    live(page.goto(room))
    with somebody(site, elsewhere) as other:
        other.post("news")
        shows(page, elsewhere, ".unread .number", "1")


def test_what_is_unread_is_so_for_whoever_reads(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page, elsewhere = read_elsewhere(visits, site, room)
    publish(site, elsewhere, 2, text="more {}", name="Another")
    shows(page, elsewhere, ".unread .number", "2")
    sign_in(site, page, "reader")
    live(page.goto(room))
    with somebody(site, elsewhere, "Bob"):
        shows(page, elsewhere, ".members", "Bob")  # the server was asked
        shows(page, elsewhere, ".unread", "")
    page.carry(site.url, sessionid="")
    live(page.goto(room))
    shows(page, elsewhere, ".unread .number", "2")


def test_history_that_is_another_one_now_is_unread_from_its_start(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page, elsewhere = read_elsewhere(visits, site, room, count=3)
    shows(page, elsewhere, ".unread", "")
    site.manage("chat_new_epoch", slug_of(elsewhere))
    shows(page, elsewhere, ".unread .number", "3")


ROOMS = 300

MAKE_ROOMS = f"""
from chat.models import Room
Room.objects.bulk_create(
    [Room(slug=f"room-{{n}}", title=f"Room {{n}}") for n in range({ROOMS})]
)
"""


@pytest.mark.parametrize("width", [1200, 360])
def test_long_list_scrolls_by_itself(visits: Visits, own_site: SiteServer, width: int) -> None:
    own_site.run(MAKE_ROOMS)
    page = visits.open("about:blank")
    page.before_scripts(OFTEN)
    page.resize(width, 700, phone=width < 500)
    live(page.goto(f"{own_site.url}/rooms/room-150/"))
    page.wait_for_text("#chat-rooms [aria-current] .count .number", "1")
    if width < 500:
        page.tap(".menu")
        page.wait_until("document.querySelector('.side').matches(':popover-open')")
    titles = "Array.from(document.querySelectorAll('#chat-rooms .title'), e => e.textContent)"
    assert page.evaluate(titles) == ["main", *(f"Room {number}" for number in range(ROOMS))]
    box = "document.querySelector('{}').getBoundingClientRect()"
    current, rooms = box.format("#chat-rooms [aria-current]"), box.format("#chat-rooms")
    assert page.evaluate(f"{current}.top >= {rooms}.top && {current}.bottom <= {rooms}.bottom")
    for part in ("#chat-rooms-head", "#chat-go", ".account a"):
        inside = f"{box.format(part)}.top >= 0 && {box.format(part)}.bottom <= innerHeight"
        assert page.evaluate(inside), part
    assert page.evaluate("document.documentElement.scrollHeight === innerHeight")
    page.resize(width, 330, phone=width < 500)
    page.wait_until("innerHeight === 330")
    drawn(page)
    page.wait_until(f"{current}.top >= {rooms}.top && {current}.bottom <= {rooms}.bottom")
    page.resize(width, 700, phone=width < 500)
    drawn(page)
    with somebody(own_site, "room-1", "Bob"):
        shows(page, "room-1", ".members", "Bob")
        page.evaluate("document.querySelector('#chat-rooms').scrollTop = 0")
    shows(page, "room-1", ".members", "")
    assert page.evaluate("document.querySelector('#chat-rooms').scrollTop") == 0


def test_phone_tells_beside_the_menu_what_is_unread_elsewhere(
    visits: Visits, site: SiteServer, room: str
) -> None:
    elsewhere = f"{site.url}/rooms/{secrets.token_hex(4)}/"
    publish(site, elsewhere, 1)
    page = enter(visits, elsewhere)
    page.resize(360, 700, phone=True)
    drawn(page)
    live(page.goto(room))
    with somebody(site, elsewhere) as other:
        other.post("one")
        other.post("two")
    page.wait_for_text(".menu .number", "2")
    name = next(name for name in page.controls() if name.startswith("Rooms"))
    assert name == "Rooms 2 unread"
    page.tap(".menu")
    drawn(page)  # as it opens, the list goes to where one is
    page.tap(link_to(elsewhere))
    page.wait_until(f"location.pathname.includes('{slug_of(elsewhere)}')")
    drawn(live(page))
    assert not page.evaluate("document.querySelector('.menu .number').checkVisibility()")


def test_what_is_unread_is_not_counted_beyond_ninety_nine(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page, elsewhere = read_elsewhere(visits, site, room)
    publish(site, elsewhere, 120, text="more {}", name="Another")
    shows(page, elsewhere, ".unread .number", "99+")
