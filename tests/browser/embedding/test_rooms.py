"""``{% chat_room "main" %}`` in a page of another site's: one room or more, and who is in them."""

from __future__ import annotations

import time

from tests.browser.backstage.tab import Backstage, sign_in
from tests.browser.conftest import STORED, Visits, field
from tests.browser.devtools import PATIENCE
from tests.browser.embedding.shop import live_in, of
from tests.browser.talk import drawn, somebody, wait_for_focus
from tests.servers import SiteServer
from tests.talker import Client

COUNT_SOCKETS = """
  window.sockets = 0;
  window.WebSocket = class extends WebSocket {
    constructor(...all) { super(...all); window.sockets++; }
  };
"""


def test_two_rooms_share_a_connection_and_nothing_else(visits: Visits, shop: SiteServer) -> None:
    page = visits.open("about:blank")
    page.before_scripts(COUNT_SOCKETS)
    live_in(page.goto(f"{shop.url}/page/tea,coffee"), "tea", "coffee")
    assert page.evaluate("sockets") == 1
    page.click(of("coffee", ".post textarea"))
    page.type("black\n")
    page.wait_for_text(of("coffee", STORED), "black")
    drawn(page)
    assert page.texts(of("coffee", ".own .text")) == ["black"]
    assert page.texts(of("tea", ".own .text")) == []
    page.click(of("tea", ".post textarea"))
    page.type("green\n")
    page.wait_for_text(of("tea", STORED), "green")
    assert page.texts(of("tea", ".own .text")) == ["green"]
    with somebody(shop, "tea", "Bob") as other:
        other.tell("typing")
        page.wait_for_text(of("tea", ".typing"), "Bob")
        assert page.text(of("coffee", ".typing")) == ""
        page.wait_for_text(of("tea", ".people"), "Bob")
        assert "Bob" not in page.text(of("coffee", ".people"))


def test_announcements_are_shown_in_their_room_or_once_on_the_page(
    visits: Visits, shop: SiteServer
) -> None:
    page = live_in(visits.open(f"{shop.url}/page/tea,coffee"), "tea", "coffee")
    boss = Backstage(visits, shop, sign_in(shop))

    def announce(text: str) -> None:
        boss.fill(text=text)
        boss.submit()
        boss.submit()

    def words(room: str) -> list[str]:
        return page.texts(of(room, ".announcement .words"))

    boss.find_room("coffee")
    boss.press_tool("Announce")
    announce("The kettle is on")
    page.wait_for_text(".announcement", "The kettle is on")
    boss.goto("room/announce/")
    announce("We close at six")
    page.wait_for_text(".announcement", "We close at six")
    assert [words("tea"), words("coffee")] == [["We close at six"], ["The kettle is on"]]
    page.evaluate(f"document.querySelector('{of('tea')}').parentElement.hidden = true")
    boss.goto("room/announce/")
    announce("We have closed")
    page.wait_for_text(of("coffee", ".announcement"), "We have closed")
    boss.leave()


def test_room_that_is_not_for_one_is_a_sentence(visits: Visits, shop: SiteServer) -> None:
    page = visits.open(f"{shop.url}/page/nowhere,members,tea")
    live_in(page, "tea")
    unknown, members = page.texts(".chat-closed")
    assert unknown == "There is no such room."
    assert members.startswith("This room is for people who are signed in.")
    way = page.evaluate("document.querySelector('.chat-closed a').getAttribute('href')")
    assert way.startswith("/accounts/login/?next=/page/")


def test_guest_without_a_cookie_is_made_one_who_stays(visits: Visits, shop: SiteServer) -> None:
    page = live_in(visits.open(f"{shop.url}/page/tea"), "tea")
    me = "document.querySelector('chat-room').client.me.id"
    first = page.evaluate(me)
    read = "Object.keys(localStorage).filter((key) => key.startsWith('chat.read.'))"
    assert page.evaluate(read) == [f"chat.read.tea.{first}"], "what was read is theirs alone"
    page.evaluate("document.querySelector('.post textarea').focus()")
    page.type("who am I?\n")
    page.wait_for_text(STORED, "who am I?")
    live_in(page.reload(), "tea")
    assert page.evaluate(me) == first
    assert page.texts(".own .text")[-1] == "who am I?"


# A visit on which nothing connects, until the page is loaded again.
NO_SOCKET_YET = """
  if (!sessionStorage.again) window.WebSocket = class {
    constructor() { window.tried = true; }
    close() {}
  };
"""


def test_what_a_guest_wrote_before_being_known_is_there_after_a_reload(
    visits: Visits, shop: SiteServer
) -> None:
    page = visits.open("about:blank")
    page.before_scripts(NO_SOCKET_YET)
    page.goto(f"{shop.url}/page/tea")
    page.wait_until("window.tried")  # it has a cookie now
    page.click(".post textarea")
    page.type("early bird\nand a wor")
    page.wait_for_text(".own .text", "early bird")
    assert page.evaluate("document.querySelector('chat-room').dataset.me") == ""
    page.evaluate("sessionStorage.again = 'yes'")
    live_in(page.reload(), "tea")
    page.wait_for_text(STORED, "early bird")
    assert field(page) == "and a wor"


def wait_until_alone(somebody: Client) -> None:
    """Wait until nobody else is in the room."""
    deadline = time.monotonic() + PATIENCE
    while somebody.do("join")["online"] > 1:
        assert time.monotonic() < deadline, "somebody is still there"
        time.sleep(0.1)


def test_room_taken_out_of_the_page_is_left(visits: Visits, shop: SiteServer) -> None:
    page = visits.open(f"{shop.url}/page/tea,coffee")
    live_in(page, "tea", "coffee")
    with somebody(shop, "tea", "Bob") as other:
        page.wait_for_text(of("tea", ".people"), "Bob")
        for number in range(6):
            other.post("\n".join([f"part {number}", *["of a long story"] * 12]))
        page.wait_for_text(of("tea", ".text"), "part 5")
        drawn(page)
        # Moved, it stays, and goes on at its end.
        page.evaluate(
            f"document.querySelector('main').append(document.querySelector('{of('tea')}')); 0"
        )
        other.post("still there?")
        page.wait_for_text(of("tea", ".text"), "still there?")
        drawn(page)
        page.evaluate(f"window.log = document.querySelector('{of('tea', '.log')}'); 0")
        assert page.evaluate("log.scrollTop") > 0
        assert page.evaluate("log.scrollHeight - log.scrollTop - log.clientHeight") < 40
        before = page.evaluate("document.title")
        page.evaluate(f"(window.tea = document.querySelector('{of('tea')}')).remove()")
        wait_until_alone(other)
        other.post("too late")
        page.click(of("coffee", ".post textarea"))
        page.type("and here it goes on\n")
        page.wait_for_text(of("coffee", STORED), "and here it goes on")
        assert "too late" not in page.evaluate("tea.innerText")
        assert page.evaluate("document.title") == before
    wait_for_focus(page, "text")
    assert field(page) == ""


def test_what_comes_to_a_room_that_is_not_displayed_is_unread(
    visits: Visits, shop: SiteServer
) -> None:
    page = live_in(visits.open(f"{shop.url}/page/tea,coffee"), "tea", "coffee")
    tea = f"document.querySelector('{of('tea')}')"
    page.evaluate(f"{tea}.style.display = 'none'; 0")
    drawn(page)
    with somebody(shop, "tea", "Bob") as other:
        other.post("behind the curtain")
    page.wait_until(f"{tea}.textContent.includes('behind the curtain')")
    page.evaluate(f"{tea}.style.display = ''; 0")
    page.wait_until(f"!!document.querySelector('{of('tea', '.news')}')?.checkVisibility()")
    live_in(page, "tea")


def test_without_script_the_room_can_be_read(visits: Visits, shop: SiteServer) -> None:
    page = visits.open("about:blank")
    page.script(enabled=False)
    page.goto(f"{shop.url}/page/coffee")
    assert page.texts(".line .text")[0] == "coffee 0"
    assert "switch on JavaScript" in page.text("noscript")
    assert not page.evaluate("document.querySelector('.post').checkVisibility()")
    for useless in ("[data-part=retry]", ".latest", "dialog"):
        assert not page.evaluate(f"document.querySelector('{useless}').checkVisibility()"), useless


def test_room_that_is_put_back_goes_on(visits: Visits, shop: SiteServer) -> None:
    page = live_in(visits.open(f"{shop.url}/page/tea"), "tea")
    before = page.texts(of("tea", ".line .text"))
    page.evaluate("window.room = document.querySelector('chat-room'); room.remove()")
    page.wait_until("!room.room")
    with somebody(shop, "tea", "Bob") as other:
        other.post("while it was away")
    page.evaluate("document.querySelector('section').append(room)")
    live_in(page, "tea")
    page.wait_for_text(of("tea", ".text"), "while it was away")
    page.write(of("tea", "textarea"), "once and for all")
    page.enter()
    page.wait_for_text(of("tea", STORED), "once and for all")
    drawn(page)
    now = page.texts(of("tea", ".line .text"))
    assert now == [*before, "while it was away", "once and for all"]


def test_room_that_is_put_back_lists_people_once_and_edits_nothing(
    visits: Visits, shop: SiteServer
) -> None:
    page = live_in(visits.open(f"{shop.url}/page/tea"), "tea")
    page.write(of("tea", "textarea"), "as it was")
    page.enter()
    page.wait_for_text(of("tea", STORED), "as it was")
    page.type("a draft")
    page.hover(".line.own:last-child .says")
    page.click(".acts [data-act=edit]")
    page.wait_until("document.querySelector('.editing').checkVisibility()")
    assert field(page) == "as it was"
    page.evaluate("window.room = document.querySelector('chat-room'); room.remove()")
    page.wait_until("!room.room")
    page.evaluate("document.querySelector('section').append(room)")
    live_in(page, "tea")
    page.wait_for_text(of("tea", ".people li"), "(you)")
    # Others may be there still: the page of the test before was closed a moment ago.
    assert len([each for each in page.texts(of("tea", ".people li")) if "(you)" in each]) == 1
    assert field(page) == "a draft"
    assert not page.evaluate("document.querySelector('.editing').checkVisibility()")
    assert page.text(".post > button") == "Send"
