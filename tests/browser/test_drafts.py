"""What one has begun to write is kept: for who began it, in all their tabs, until it is sent."""

from __future__ import annotations

from tests.browser.conftest import STORED, Visits, field, live
from tests.browser.talk import focused, sign_in
from tests.servers import SiteServer


def test_draft_survives_a_reload_and_is_gone_once_sent(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    page.write(".post textarea", "half a though")
    live(page.reload())
    assert field(page) == "half a though"
    page.type("t\n")
    page.wait_for_text(STORED, "half a thought")
    live(page.reload())
    assert field(page) == ""
    assert focused(page) == "text", "one can write at once"


def test_draft_waits_for_who_began_it(visits: Visits, site: SiteServer, room: str) -> None:
    page = visits.enter(room)
    page.write(".post textarea", "a guest's")
    sign_in(site, page, "drafter")
    live(page.reload())
    assert field(page) == ""
    page.write(".post textarea", "a user's")
    live(page.reload())
    assert field(page) == "a user's"
    page.carry(site.url, sessionid="signed-out")
    live(page.reload())
    assert field(page) == "a guest's"


def test_draft_is_the_same_in_all_tabs_and_gone_from_all_once_sent(
    visits: Visits, room: str
) -> None:
    first = visits.enter(room)
    second = visits.enter(room, like=first)
    say_half = "document.querySelector('.post textarea').value === {}"
    second.write(".post textarea", "half a though")
    first.wait_until(say_half.format("'half a though'"))
    first.front()
    first.click(".post textarea")
    first.press("End")
    first.type("t\n")
    first.wait_for_text(STORED, "half a thought")
    second.wait_until(say_half.format("''"))
    second.wait_for_text(STORED, "half a thought")
