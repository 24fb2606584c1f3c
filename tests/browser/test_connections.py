"""Who is connected, in the admin: found and disconnected by keyboard, under a strict policy."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed

from tests.browser.axe import violations
from tests.browser.conftest import Visits
from tests.browser.page import Page
from tests.browser.talk import somebody
from tests.servers import SiteServer
from tests.talker import Client

LIST = "/admin/chat/connection/"

BOSS = """
from django.contrib.auth.models import User
from django.test import Client
client = Client()
client.force_login(User.objects.create_superuser({name!r}))
print("session:", client.cookies["sessionid"].value)
"""


@pytest.fixture
def page(visits: Visits, site: SiteServer) -> Iterator[Page]:
    """A tab of somebody who may do everything."""
    page = visits.open("about:blank")
    name = f"boss-{secrets.token_hex(4)}"
    printed = site.run(BOSS.format(name=name))
    page.carry(site.url, sessionid=printed.rpartition("session: ")[2].strip())
    yield page
    # The admin's pages name no icon, so that browsers ask for the site's, which has none.
    page.forgive("status of 404")


@pytest.fixture
def guest(site: SiteServer, room: str) -> Iterator[tuple[str, Client]]:
    """A guest who is connected, and the name by which nobody else goes."""
    name = f"Zoe {secrets.token_hex(4)}"
    with somebody(site, room, name) as client:
        yield name, client


def find(page: Page, site: SiteServer, name: str) -> None:
    """Search until a session of that name is on the list."""
    address = f"{site.url}{LIST}?q={name.partition(' ')[2]}"
    page.goto(address)
    while name not in page.text("#changelist"):
        page.goto(address)


def tab_to(page: Page, selector: str) -> None:
    """Go on by Tab until that has the focus."""
    for _ in range(80):
        if page.evaluate(f"document.activeElement.matches({json.dumps(selector)})"):
            return
        page.tab()
    raise AssertionError(f"no way to {selector} by Tab")


def ask_on(client: Client) -> None:
    """Ask something again and again."""
    while True:
        client.do("rooms")


def test_session_is_found_and_disconnected_by_keyboard(
    page: Page, site: SiteServer, guest: tuple[str, Client]
) -> None:
    name, client = guest
    find(page, site, name)
    tab_to(page, ".action-select")
    page.press(" ")
    page.evaluate("document.querySelector('[name=action]').focus()")
    page.type("Disc")
    tab_to(page, "[name=index]")
    page.enter()
    page.wait_for_text("h1", "Disconnect?")
    page.wait_for_text("#content table", name)
    tab_to(page, "[name=reason]")
    page.type("maintenance")
    tab_to(page, "[type=submit].default")
    page.enter()
    page.wait_for_text(".messagelist", "1 session was disconnected.")
    with pytest.raises(ConnectionClosed) as ended:
        ask_on(client)
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 4503


def test_guest_is_muted_from_the_page_of_the_session_by_keyboard(
    page: Page, site: SiteServer, guest: tuple[str, Client]
) -> None:
    name, client = guest
    find(page, site, name)
    tab_to(page, ".field-connected a")
    page.enter()
    page.wait_for_text("h1", "View connection")
    tab_to(page, ".object-tools a[href$='/ban/']")
    page.enter()
    page.wait_for_text("h1", "Ban or mute?")
    tab_to(page, "[name=kind]")
    page.type("mute")
    tab_to(page, "[name=period]")
    page.type("for 1 w")
    tab_to(page, "[type=submit].default")
    page.enter()
    page.wait_for_text(".messagelist", f"Muted: {name}")
    while client.do("post", text="hello", id="1").get("code") != "forbidden":
        time.sleep(0.1)  # acts take a moment to arrive, and the same one again counts as a post


def rules(page: Page) -> set[str]:
    """Return which rules a page breaks by day and by night."""
    found: set[str] = set()
    for scheme in ("light", "dark"):
        page.prefer(color_scheme=scheme)
        found |= {line.split()[0] for line in violations(page)}
    # To look at the styles, axe would put some of its own into the page.
    for complaint in ("preload assets", "Applying inline style"):
        page.forgive(complaint)
    return found


def test_pages_break_no_rules_but_those_that_the_admin_itself_breaks(
    page: Page, site: SiteServer, guest: tuple[str, Client]
) -> None:
    stock: set[str] = set()
    for address in ("auth/user/", "chat/room/", "auth/user/add/"):
        stock |= rules(page.goto(f"{site.url}/admin/{address}"))
    find(page, site, guest[0])
    assert rules(page) <= stock
    one = page.evaluate("document.querySelector('.field-connected a').href")
    for address in (one, one.replace("change", "ban"), one.replace("change", "disconnect")):
        assert rules(page.goto(address)) <= stock


def test_page_can_be_used_on_a_phone(
    page: Page, site: SiteServer, guest: tuple[str, Client]
) -> None:
    page.resize(390, 800, phone=True)
    find(page, site, guest[0])
    one = page.evaluate("document.querySelector('.field-connected a').href")
    for address in (page.evaluate("location.href"), one, one.replace("change", "ban")):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
