"""Times as the reader knows them: by the clock of where they are, in the page's language."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Visits, live
from tests.browser.page import Page
from tests.browser.talk import drawn, publish, slug_of
from tests.servers import SiteServer

# 22:05 and 22:06 in Berlin, and the next day in Tokyo: two messages, long ago, of one breath.
LONG_AGO = """
from datetime import UTC, datetime
from chat.models import Message
for message in Message.objects.filter(room__slug={slug!r}):
    message.at = datetime(2026, 3, 9, 21, 4 + message.seq, 7, tzinfo=UTC)
    message.save()
"""


@pytest.fixture
def old_room(site: SiteServer, room: str) -> str:
    """The address of a room with those two messages."""
    publish(site, room, 2)
    site.run(LONG_AGO.format(slug=slug_of(room)))
    return room


def enter(visits: Visits, room: str, zone: str, language: str) -> Page:
    """Enter a room as somebody who lives in a time zone."""
    page = visits.open("about:blank", language=language)
    page.live_in(zone)
    live(page.goto(room))
    drawn(page)
    return page


@pytest.mark.parametrize(
    ("zone", "language", "clock", "day", "exact"),
    [
        ("Europe/Berlin", "de", "22:05", "9. März", "Montag, 9. März 2026 um 22:05:07"),
        ("Asia/Tokyo", "en", "6:05 AM", "March 10", "Tuesday, March 10, 2026 at 6:05:07 AM"),
        ("Asia/Kathmandu", "de", "02:50", "10. März", "Dienstag, 10. März 2026 um 02:50:07"),
    ],
)
def test_message_is_of_the_time_and_day_where_its_reader_is(
    visits: Visits, old_room: str, zone: str, language: str, clock: str, day: str, exact: str
) -> None:
    page = enter(visits, old_room, zone, language)
    time = "document.querySelector('.line .who time')"
    assert page.evaluate(f"{time}.innerText.replaceAll('\u202f', ' ')") == clock
    title = page.evaluate(f"{time}.title.replaceAll('\u202f', ' ')")
    assert title == exact
    assert day in page.text(".day")


def test_message_that_is_not_named_again_has_its_time_beside_it(
    visits: Visits, old_room: str
) -> None:
    page = enter(visits, old_room, "Europe/Berlin", "de")
    assert page.evaluate("document.querySelectorAll('.line')[1].matches('.follows')")
    page.hover(".line.follows .says")
    page.wait_for_text(".line.follows .acts time", "22:06")


@pytest.mark.parametrize(("number", "clock"), [(0, "22:05"), (1, "22:06")])
def test_message_that_is_pointed_at_or_has_the_focus_has_its_exact_time(
    visits: Visits, old_room: str, number: int, clock: str
) -> None:
    page = enter(visits, old_room, "Europe/Berlin", "de")
    page.evaluate("document.querySelectorAll('.line').forEach((e, n) => { e.dataset.number = n; })")
    row = f".line[data-number='{number}']"
    time = f'document.querySelector("{row} .acts time")'
    seen = f"{time}?.checkVisibility({{ visibilityProperty: true }}) && {time}.innerText"
    exact = f"Montag, 9. März 2026 um {clock}:07"
    page.hover(f"{row} .says")
    page.wait_until(f"({seen}) === '{clock}'")
    assert page.evaluate(f"{time}.title") == exact
    page.hover(".bar .title")
    page.wait_until(f"!({seen})")
    page.evaluate("document.querySelector('.log').focus()")
    page.arrow("Up", times=2 - number)
    page.wait_until(f"document.activeElement.dataset.number === '{number}'")
    page.wait_until(f"({seen}) === '{clock}'")
    assert page.evaluate(f"{time}.title") == exact
    assert page.evaluate(f'document.querySelector("{row} .who time").title') == exact


def test_fresh_message_is_told_how_long_ago_it_was(
    visits: Visits, site: SiteServer, room: str
) -> None:
    publish(site, room, 1)
    page = enter(visits, room, "Europe/Berlin", "de")
    assert page.text(".line .who time") in ("jetzt", "vor 1 Min.")
    assert page.text(".day") == "Heute"


# A clock that can be put on, and times that are shown anew more often than every 30 s.
CLOCK = """
  const Real = Date, set = window.setInterval.bind(window);
  window.later = 0;
  window.Date = class extends Real {
    constructor(...given) { super(...(given.length ? given : [Real.now() + later])); }
    static now() { return Real.now() + later; }
  };
  window.setInterval = (call, wait) => set(call, wait === 30_000 ? 100 : wait);
"""


def test_day_is_told_anew_after_midnight_also_without_a_connection(
    visits: Visits, site: SiteServer, room: str
) -> None:
    publish(site, room, 1)
    page = visits.open("about:blank")
    page.before_scripts(CLOCK)
    live(page.goto(room))
    drawn(page)
    assert page.text(".day") == "Today"
    # While it is connected, each ping has the page drawn.
    page.evaluate("document.querySelector('chat-room').client.close()")
    drawn(page)
    page.evaluate("later = 86_400_000")
    page.wait_for_text(".day", "Yesterday")
