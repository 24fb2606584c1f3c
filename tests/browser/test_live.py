"""The admin's live view in a browser: it goes on by itself, and under the strictest policy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.axe import violations
from tests.browser.conftest import Visits
from tests.browser.page import Page
from tests.browser.talk import drawn, forgive_losses, slug_of, somebody
from tests.servers import SiteServer
from tests.staff import fetch, sign_in_staff
from tests.talker import Client

LIVE = "/admin/chat/node/"
POSTS = "[data-total] [data-figure=posts]"

TOLD, FETCHED, STILL = "Updated by itself", "fetched every few seconds", "when the page was loaded"
ITSELF = "Fetched anew by itself"
REFUSED, GONE = "You may no longer see this", "no longer there"
LATE = "Nothing newer can be had"

CUT_AT_WILL = """
  const [often, fetched] = [window.setInterval, window.fetch];
  window.setInterval = (act, every) => often(act, every / 10);
  window.fetch = (...of) => window.cut ? Promise.reject(new TypeError("cut")) : fetched(...of);
"""
"""Has parts fetched often; where ``window.cut`` is set, there is a WebSocket and nothing else."""


@pytest.fixture(scope="module")
def session(site: SiteServer) -> str:
    """The session of somebody who may see what goes on."""
    return sign_in_staff(site, "watcher", "view_live", "view_room")


@pytest.fixture
def page(visits: Visits, site: SiteServer, session: str) -> Iterator[Page]:
    """A tab of theirs."""
    page = visits.open("about:blank")
    page.carry(site.url, sessionid=session)
    yield page
    page.forgive("404 (Not Found)")  # the admin's pages have no icon, and browsers look for one


def look(page: Page, site: SiteServer, says: str, address: str = LIVE) -> None:
    """Load a page of the live view, and wait until it says how it is kept up to date."""
    page.goto(site.url + address)
    page.wait_for_text("[data-state]", says)


def goes_on(page: Page, other: Client) -> None:
    """Hold that what is posted now is told of, on the same page."""
    page.evaluate("window.sameAsBefore = true")
    before, at = page.text(POSTS), page.text("time")
    for number in range(10):  # no more than one may post at once
        other.post(f"{before} {number}")
    page.wait_until(f"document.querySelector('{POSTS}').innerText !== '{before}'")
    page.wait_until(f"document.querySelector('time').innerText !== '{at}'")
    assert page.evaluate("window.sameAsBefore") is True


def process_address(page: Page) -> str:
    """Return where the first process of the list has its page."""
    return str(page.evaluate("document.querySelector('[data-figure=name]').getAttribute('href')"))


def test_figures_change_by_themselves(page: Page, site: SiteServer, room: str) -> None:
    look(page, site, TOLD)
    with somebody(site, room) as other:
        goes_on(page, other)
        look(page, site, TOLD, process_address(page))
        assert page.text("[data-figure=sessions]") != "0"


def test_process_that_comes_is_shown_without_a_reload(
    page: Page, own_site: SiteServer, visits: Visits
) -> None:
    page.carry(own_site.url, sessionid=sign_in_staff(own_site, "watcher", "view_live"))
    look(page, own_site, TOLD)
    page.wait_until("document.querySelectorAll('[data-node]').length === 1")
    own_site.run("from chat import store; store.beat(store.enroll('late'), store.Report())")
    page.wait_for_text("[data-figure=name]", "late")


def test_figures_change_without_a_websocket_as_well(
    page: Page, site: SiteServer, room: str
) -> None:
    page.refuse_websockets()
    look(page, site, FETCHED)
    with somebody(site, room) as other:
        goes_on(page, other)
    forgive_losses(page)
    page.forgive("WebSocket")


def test_page_is_whole_without_a_script(page: Page, site: SiteServer, room: str) -> None:
    page.script(enabled=False)
    with somebody(site, room):
        page.goto(site.url + LIVE)
        assert STILL in page.text("[data-state]")
        assert page.text("[data-figure=name]")
        assert page.text("[data-total] [data-figure=sessions]") != ""


def test_whoever_scrolls_or_has_the_focus_in_a_part_goes_on_there(
    page: Page, site: SiteServer
) -> None:
    page.refuse_websockets()
    page.resize(360, 640, phone=True)
    look(page, site, FETCHED)
    page.evaluate(
        "document.querySelector('[data-part=processes] .scroll').scrollLeft = 80;"
        "document.querySelector('[href=\"#about-rooms\"]').focus({preventScroll: true});"
        "document.querySelector('[data-part=processes] table').old = true"
    )
    page.wait_until("!document.querySelector('[data-part=processes] table').old")
    assert page.evaluate("document.querySelector('[data-part=processes] .scroll').scrollLeft") == 80
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#about-rooms"
    forgive_losses(page)
    page.forgive("WebSocket")


def part(name: str, inner: str = "") -> str:
    """Return how a part of a page is found, or what is in it."""
    return f"[data-part={name}] {inner}".strip()


TIME = "document.querySelector('[data-part={}] time').dateTime"
"""Of which moment a part is, as text by which moments are ordered, over midnight too."""


def told_at(page: Page, name: str) -> str:
    """Return of which moment a part of the page is."""
    return str(page.evaluate(TIME.format(name)))


def hear(page: Page) -> None:
    """Wait until the page has been told what is going on once more."""
    before = told_at(page, "processes")
    page.wait_until(f"{TIME.format('processes')} > '{before}'")


def test_each_part_says_how_old_it_is_and_what_cannot_be_had(page: Page, site: SiteServer) -> None:
    page.before_scripts(CUT_AT_WILL)
    look(page, site, TOLD)
    page.evaluate("window.cut = true")
    for late in ("rooms", "plots"):
        page.wait_for_text(part(late), LATE)
    before = told_at(page, "rooms")
    hear(page)
    hear(page)
    assert TOLD in page.text("[data-state]")
    assert LATE not in page.text(part("processes"))
    assert LATE in page.text(part("rooms"))
    assert told_at(page, "rooms") == before < told_at(page, "processes")
    page.evaluate("window.cut = false")
    page.wait_until(f"{TIME.format('rooms')} > '{before}'")
    assert LATE not in page.text(part("rooms"))


def test_times_are_of_one_zone_wherever_the_reader_is(page: Page, site: SiteServer) -> None:
    page.live_in("Asia/Tokyo")
    look(page, site, TOLD)
    hear(page)
    times = "[...document.querySelectorAll('#chat-live time')]"
    of_the_site = "each.dateTime.endsWith('+00:00') && each.dateTime.includes(`T${each.innerText}`)"
    assert page.evaluate(f"{times}.length") == 3
    assert page.evaluate(f"{times}.every((each) => {of_the_site})")


def test_page_of_what_is_gone_says_so_once_and_asks_no_more(
    page: Page, own_site: SiteServer, visits: Visits
) -> None:
    page.carry(own_site.url, sessionid=sign_in_staff(own_site, "watcher", "view_live"))
    made = "from chat import store; print(store.enroll('late'))"
    number = own_site.run(made).split()[-1]
    look(page, own_site, TOLD, f"{LIVE}{number}/change/")
    page.evaluate(
        "window.said = []; new MutationObserver(() => said.push(document.querySelector("
        "'[data-state]').innerText)).observe(document.querySelector('[data-state]'),"
        " {childList: true})"
    )
    gone = f"from chat.models import Node; Node.objects.filter(pk={number}).delete()"
    own_site.run(gone)
    page.wait_for_text("[data-state]", GONE)
    other = visits.open(f"{own_site.url}{LIVE}", like=page)
    other.wait_for_text("[data-state]", TOLD)
    hear(other)
    hear(other)
    asked = "performance.getEntriesByType('resource').filter(({name}) => name.includes('part='))"
    assert page.evaluate(f"{asked}.length") == 1
    assert len(page.evaluate("window.said")) == 1
    page.forgive("404 (Not Found)")
    other.forgive("404 (Not Found)")


def test_whoever_is_signed_out_is_told_that_they_may_not_see_it(
    page: Page, site: SiteServer
) -> None:
    key = sign_in_staff(site, "leaver", "view_live")
    page.carry(site.url, sessionid=key)
    page.refuse_websockets()
    look(page, site, FETCHED)
    away = "from django.contrib.sessions.models import Session; Session.objects.filter"
    site.run(f"{away}(pk={key!r}).delete()")
    page.wait_for_text("[data-state]", REFUSED)
    forgive_losses(page)
    page.forgive("WebSocket")


def judged(page: Page) -> list[str]:
    """Return what is wrong with a page by day and by night, but for Django's own breadcrumbs."""
    drawn(page)
    found = []
    for scheme in ("light", "dark"):
        page.prefer(color_scheme=scheme)
        drawn(page)
        # Links of the admin change their colour slowly.
        page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")
        found += [f"{scheme}: {line}" for line in violations(page) if ".breadcrumbs" not in line]
    return found


def test_nothing_is_wrong_for_those_who_see_or_use_it_otherwise(
    page: Page, site: SiteServer, session: str, room: str
) -> None:
    with somebody(site, room, "Ann") as other:
        other.post("hello")
        look(page, site, TOLD)
        red = "c => { c.classList.add('red'); c.title = c.dataset.red ?? ''; }"
        page.evaluate(f"document.querySelectorAll('[data-write]').forEach({red})")
        assert judged(page) == []
        look(page, site, TOLD, process_address(page))
        assert judged(page) == []
        show = f"from chat.models import Room; print(Room.objects.get(slug={slug_of(room)!r}).pk)"
        number = site.run(show).split()[-1]
        address = f"{LIVE}room/{number}/"
        page.goto(site.url + address)
        page.wait_for_text("[data-part=people]", "Ann")
        page.wait_for_text("[data-state]", ITSELF)
        assert judged(page) == []
        page.resize(360, 640, phone=True)
        look(page, site, TOLD)
        assert judged(page) == []
        assert "Ann" in fetch(site, f"{address}?part=people", session)
