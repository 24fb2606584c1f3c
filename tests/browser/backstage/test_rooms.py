"""Rooms are changed, announced to and emptied in the admin, and who is in them sees it at once."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Callable, Iterator

import pytest

from tests.browser.backstage.tab import Backstage
from tests.browser.conftest import STORED, Visits, live, say
from tests.browser.page import Page
from tests.browser.talk import slug_of, somebody
from tests.servers import SiteServer
from tests.talker import REPLY_SECONDS, Client

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


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until the hub has heard of what was just saved."""
    deadline = time.monotonic() + REPLY_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_guests_may_do_changes_on_their_pages_at_once(
    boss: Backstage, visits: Visits, visitor: Page, other: Client, room: str
) -> None:
    boss.find_room(room)
    boss.fill(guests="read")
    boss.submit(SAVE)
    visitor.wait_until(f"!{WRITES}")
    visitor.wait_for_text(".silence", "To write here you have to be signed in.")
    assert other.do("post", text="hello", id="1")["code"] == "forbidden"
    boss.find_room(room)
    boss.fill(guests="post")
    boss.submit(SAVE)
    visitor.wait_until(WRITES)
    assert other.do("post", text="hello", id="2")["type"] == "ack"
    boss.find_room(room)
    boss.fill(guests="none", reason="members only")
    boss.submit(SAVE)
    visitor.wait_for_text(".notice", "You are no longer in this room.")
    assert other.do("post", text="hello", id="3")["type"] == "error"
    later = visits.open(room)
    assert not later.evaluate("!!document.querySelector('.lines')")
    later.forgive("status of 403")
    boss.goto("act/?q=members+only")
    assert boss.page.texts("#result_list .field-why") == ["members only · guests=none"]


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
    boss: Backstage, site: SiteServer, other: Client, room: str
) -> None:
    boss.find_room(room)
    boss.fill(slow_mode="3600", max_length="5")
    boss.submit(SAVE)
    with somebody(site, room) as third:
        longer = {"text": "longer", "id": "1"}  # one message at most, however often it is said
        wait_for(lambda: third.do("post", **longer).get("code") == "too_long")
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
        title = boss.page.evaluate(f"{boxes.format('#content > h2, .titles > h2')}.at(-1).bottom")
        assert title < min(others) <= max(others) < min(acts)
    boss.goto("room/announce/")
    boss.page.resize(1200, 844, phone=False)
    lines = boxes.format("#id_logged label")
    assert boss.page.evaluate(f"{lines}.every(({{height}}) => height < 30)")


def test_trail_looks_on_our_pages_as_on_those_of_django(boss: Backstage) -> None:
    looks = {}
    for path in ("room/", "node/", "room/announce/"):
        boss.goto(path)
        looks[path] = boss.page.evaluate(
            "(({ backgroundColor, color, padding }) => [backgroundColor, color, padding])"
            "(getComputedStyle(document.querySelector('.breadcrumbs')))"
        )
        assert boss.page.text(".breadcrumbs").startswith("Home")
    assert looks["node/"] == looks["room/announce/"] == looks["room/"]


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
    wait_for(lambda: other.do("join")["epoch"] != epoch)
    place = "document.querySelector('chat-room').room"
    visitor.wait_until(f"{place}.joined && {place}.epoch !== {json.dumps(epoch)}")
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
    boss.fill(reason=f"the boiler of {slug_of(room)}")
    boss.submit()
    reached = "a message in 1 room" if logged else "shown to 1 session"
    assert reached in boss.page.text("#content")
    boss.submit()
    assert boss.said == "The announcement was made."
    visitor.wait_for_text(STORED if logged else ".announcement", "We <b>close</b> at six")
    assert "close" not in elsewhere.text("body")
    assert "boiler" not in visitor.text("body")
    boss.goto(f"act/?q=boiler+of+{slug_of(room)}")
    assert "announced" in boss.page.text("#result_list tbody")


@pytest.fixture
def three(visits: Visits, site: SiteServer) -> tuple[str, list[Page]]:
    """A name, and a page in each of the rooms ``name-1`` to ``name-3``, with a word said there."""
    name = secrets.token_hex(4)
    pages = [visits.enter(f"{site.url}/rooms/{name}-{number}/") for number in (1, 2, 3)]
    for page in pages:
        say(page, "hello")
        page.wait_for_text(STORED, "hello")
    return name, pages


def test_rooms_that_are_chosen_are_cleared_and_announced_to_together(
    boss: Backstage, three: tuple[str, list[Page]]
) -> None:
    name, pages = three
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


def test_rooms_that_are_chosen_begin_a_new_epoch_together(
    boss: Backstage, site: SiteServer, three: tuple[str, list[Page]]
) -> None:
    name, pages = three

    def epochs() -> list[str]:
        addresses = [f"{site.url}/rooms/{name}-{number}/" for number in (1, 2, 3)]
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(somebody(site, address)) for address in addresses]
            return [str(client.do("join")["epoch"]) for client in clients]

    before = epochs()
    boss.goto(f"room/?q={name}")
    boss.choose("begin_epoch", f"{name}-1", f"{name}-2")
    assert f"“{name}-1”, “{name}-2” starts over" in boss.page.text("#content")
    boss.fill(reason=f"restored {name}")
    boss.submit()
    assert boss.said == "A new epoch has begun."
    changed = [False, False, True]
    wait_for(lambda: [old == new for old, new in zip(before, epochs(), strict=True)] == changed)
    for page in pages:
        say(page, "still here")
        page.wait_for_text(STORED, "still here")
        assert page.texts(STORED) == ["hello", "still here"]
    boss.goto(f"act/?q=restored+{name}")
    assert sorted(boss.page.texts("#result_list .field-room")) == [f"{name}-1", f"{name}-2"]


def test_rooms_that_are_chosen_are_deleted_together(
    boss: Backstage, three: tuple[str, list[Page]]
) -> None:
    name, pages = three
    boss.goto(f"room/?q={name}")
    boss.choose("delete_selected", f"{name}-1", f"{name}-2")
    assert "Messages: 2" in boss.page.text("#content")
    boss.fill(reason=f"tidying {name}")
    boss.submit("[type=submit]")
    assert boss.said == "Successfully deleted 2 rooms."
    for page in pages[:2]:
        page.wait_for_text(".notice", "You are no longer in this room.")
    say(pages[2], "still here")
    pages[2].wait_for_text(STORED, "still here")
    boss.goto(f"room/?q={name}")
    assert boss.page.texts("#result_list .field-slug") == [f"{name}-3"]
    boss.goto(f"act/?q=tidying+{name}")
    assert boss.page.texts("#result_list .field-why") == [f"tidying {name} · deleted"] * 2
