"""Who is typing."""

from __future__ import annotations

from tests.browser.conftest import Visits, live, say
from tests.browser.page import Page
from tests.browser.talk import somebody
from tests.servers import SiteServer

# The page's own clock, which a test may set forward.
CLOCK = """
  const later = [];
  const set = window.setTimeout.bind(window);
  window.setTimeout = (call, wait = 0, ...rest) => {
    if (wait !== 5000) return set(call, wait, ...rest);
    later.push(call);
    return 0;
  };
  window.fiveSecondsLater = () => later.splice(0).forEach((call) => call());
"""


def with_own_clock(visits: Visits, room: str) -> Page:
    """Return a room in which five seconds last as long as the test wants."""
    page = visits.open("about:blank")
    page.before_scripts(CLOCK)
    return live(page.goto(room))


def typing(page: Page) -> str:
    return page.text(".typing").replace("\u2068", "").replace("\u2069", "")


def wait_for(page: Page, sentence: str) -> None:
    shown = "document.querySelector('.typing').innerText.replace(/[\\u2068\\u2069]/g, '')"
    page.wait_until(f"{shown} === '{sentence}'")


def test_one_two_and_several_who_type_are_told(visits: Visits, site: SiteServer, room: str) -> None:
    page = with_own_clock(visits, room)
    with (
        somebody(site, room, "Bob") as bob,
        somebody(site, room, "Cleo") as cleo,
        somebody(site, room, "Dora") as dora,
    ):
        assert typing(page) == ""
        bob.tell("typing")
        wait_for(page, "Bob is typing…")
        cleo.tell("typing")
        wait_for(page, "Bob and Cleo are typing…")
        dora.tell("typing")
        wait_for(page, "Several people are typing…")
        bob.post("here it is")
        wait_for(page, "Cleo and Dora are typing…")


def test_who_goes_on_no_longer_is_forgotten_after_five_seconds(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page = with_own_clock(visits, room)
    with somebody(site, room, "Bob") as bob:
        page.wait_for_text(".people ul", "Bob")
        bob.tell("typing")
        wait_for(page, "Bob is typing…")
        page.evaluate("fiveSecondsLater()")
        wait_for(page, "")


def test_others_hear_of_it_and_oneself_does_not(visits: Visits, room: str) -> None:
    ann, bob = visits.enter(room, "Ann"), visits.enter(room, "Bob")
    ann.click(".post textarea")
    ann.type("I am")
    wait_for(bob, "Ann is typing…")
    assert typing(ann) == ""
    ann.enter()
    wait_for(bob, "")
    bob.wait_for_text(".text", "I am")


def test_name_is_put_as_it_is(visits: Visits, site: SiteServer, room: str) -> None:
    page = visits.enter(room)
    with somebody(site, room, "{two} $& <b>") as other:
        other.tell("typing")
        wait_for(page, "{two} $& <b> is typing…")
    say(page, "still works")
    page.wait_for_text(".own", "still works")
