"""Rooms are changed, announced to and emptied in the admin, and who is in them sees it at once."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.browser.backstage.tab import Backstage
from tests.browser.conftest import STORED, Visits, live, say
from tests.browser.page import Page
from tests.browser.talk import slug_of, somebody
from tests.servers import SiteServer
from tests.talker import Client

SAVE = "[name=_save]"
WRITES = "document.querySelector('.post').checkVisibility()"


@pytest.fixture
def visitor(visits: Visits, room: str) -> Page:
    """A guest who has said something in the room, and sees it there."""
    page = visits.enter(room, "Ann")
    say(page, "hello")
    page.wait_for_text(STORED, "hello")
    return page


@pytest.fixture
def other(site: SiteServer, room: str, visitor: Page) -> Iterator[Client]:
    """Somebody else who is there."""
    with somebody(site, room) as client:
        yield client


@pytest.mark.parametrize("setting", ["locked", "archived"])
def test_room_is_closed_and_opened_again(
    boss: Backstage, visitor: Page, other: Client, room: str, setting: str
) -> None:
    boss.find_room(room)
    boss.fill(**{setting: "on"})
    boss.submit(SAVE)
    assert "was changed successfully" in boss.said
    visitor.wait_until(f"!{WRITES}")
    visitor.wait_for_text(".silence", f"This room is {setting}")
    assert other.do("post", text="hello", id="1")["type"] == "error"
    boss.find_room(room)
    boss.fill(**{setting: "off"})
    boss.submit(SAVE)
    visitor.wait_until(WRITES)
    assert other.do("post", text="hello", id="2")["type"] == "ack"


def test_slow_mode_and_the_longest_message_hold_at_once(
    boss: Backstage, other: Client, room: str
) -> None:
    boss.find_room(room)
    boss.fill(slow_mode="3600", max_length="5")
    boss.submit(SAVE)
    assert other.do("post", text="longer", id="1")["type"] == "error"
    assert other.do("post", text="short", id="2")["type"] == "ack"
    again = other.do("post", text="again", id="3")
    assert (again["type"], again["code"]) == ("error", "rate_limited")


@pytest.mark.usefixtures("visitor")
def test_buttons_of_a_room_and_choices_fit_on_every_screen(boss: Backstage, room: str) -> None:
    boss.find_room(room)
    boxes = "[...document.querySelectorAll('{}')].map((each) => each.getBoundingClientRect())"
    tools = boxes.format(".object-tools li")
    for width, phone in ((1200, False), (390, True)):
        boss.page.resize(width, 844, phone=phone)
        assert boss.page.evaluate(f"{tools}.length") == 8
        assert boss.page.evaluate(
            f"{tools}.every(({{left, right}}) => left >= 0 && right <= {width})"
        )
        others, acts = (
            boss.page.evaluate(f"{boxes.format(f'.object-tools li{which}')}.map(({{top}}) => top)")
            for which in (":not(.chat-act)", ".chat-act")
        )
        title = boss.page.evaluate(f"{boxes.format('#content > h2')}.at(-1).bottom")
        assert title < min(others) <= max(others) < min(acts)
    boss.goto("room/announce/")
    boss.page.resize(1200, 844, phone=False)
    lines = boxes.format("#id_logged label")
    assert boss.page.evaluate(f"{lines}.every(({{height}}) => height < 30)")


def test_history_is_cleared_on_every_screen(boss: Backstage, visitor: Page, room: str) -> None:
    boss.find_room(room)
    boss.press_tool("Clear the history")
    assert "1 entry of the log goes." in boss.page.text("#content")
    boss.fill(reason="fresh start")
    boss.submit()
    assert boss.said == "The history was cleared."
    visitor.wait_until(f"!document.querySelector({STORED!r})")
    boss.goto("act/?q=fresh+start")
    assert slug_of(room) in boss.page.text("#result_list tbody")


def test_new_epoch_lets_everybody_start_over_and_deletes_nothing(
    boss: Backstage, visitor: Page, other: Client, room: str
) -> None:
    epoch = other.do("join")["epoch"]
    boss.find_room(room)
    boss.press_tool("New epoch")
    boss.submit()
    assert boss.said == "A new epoch has begun."
    other.do("leave")
    assert other.do("join")["epoch"] != epoch
    visitor.wait_for_text(STORED, "hello")
    live(visitor.reload()).wait_for_text(STORED, "hello")


@pytest.mark.parametrize("logged", [False, True])
def test_announcement_to_a_room_is_seen_there_and_nowhere_else(
    boss: Backstage, visits: Visits, visitor: Page, site: SiteServer, room: str, logged: bool
) -> None:
    elsewhere = visits.enter(f"{site.url}/rooms/{secrets.token_hex(4)}/")
    boss.find_room(room)
    boss.press_tool("Announce")
    boss.fill(text="We <b>close</b> at six", level="warning", logged="yes" if logged else "")
    boss.submit()
    reached = "a message in 1 room" if logged else "shown to 1 session"
    assert reached in boss.page.text("#content")
    boss.submit()
    assert boss.said == "The announcement was made."
    visitor.wait_for_text(STORED if logged else ".announcement", "We <b>close</b> at six")
    assert "close" not in elsewhere.text("body")


def test_rooms_that_are_chosen_are_cleared_and_announced_to_together(
    boss: Backstage, visits: Visits, site: SiteServer
) -> None:
    name = secrets.token_hex(4)
    pages = [visits.enter(f"{site.url}/rooms/{name}-{number}/") for number in (1, 2, 3)]
    for page in pages:
        say(page, "hello")
        page.wait_for_text(STORED, "hello")
    boss.goto(f"room/?q={name}")
    boss.choose("announce", f"{name}-1", f"{name}-2")
    boss.fill(text="Two of three", logged="")
    boss.submit()
    boss.submit()
    for page in pages[:2]:
        page.wait_for_text(".announcement", "Two of three")
    boss.goto(f"room/?q={name}")
    boss.choose("clear_history", f"{name}-1", f"{name}-2")
    boss.submit()
    for page in pages[:2]:
        page.wait_until(f"!document.querySelector({STORED!r})")
    assert pages[2].texts(STORED) == ["hello"]
    assert pages[2].texts(".announcement") == []
