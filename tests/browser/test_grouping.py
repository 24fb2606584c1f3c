"""Messages are grouped: by the day on which they were said, and by who said them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from tests.browser.conftest import STORED, Visits, live, say
from tests.browser.page import Page
from tests.browser.talk import drawn, slug_of, somebody
from tests.servers import SiteServer

# What one sees: a line before each day, and each message, with its sender where that is named.
SEEN = """Array.from(document.querySelectorAll(".lines > *"), (row) => {
  if (!row.matches(".line")) return `== ${row.innerText}`;
  const [who, name, text] = [".who", ".name", ".text"].map((part) => row.querySelector(part));
  const named = who.getBoundingClientRect().height > 1;
  return (named ? `${name.innerText}: ` : "") + text.innerText;
})"""

MIDNIGHT = datetime(2020, 3, 9, 23, 0, tzinfo=UTC)
"""In Berlin, where the reader is."""

_STORE = """
from datetime import datetime
from chat import store
from chat.models import Message
store.create_room({room!r})
for number, (name, text, at) in enumerate({said!r}):
    store.append([
        store.PostDraft(
            room={room!r}, sender_key="s:" + name, sender_name=name, id=str(number), text=text
        )
    ])
    message = Message.objects.get(room__slug={room!r}, seq=number + 1)
    message.at = datetime.fromisoformat(at)
    message.save()
"""


class Said(NamedTuple):
    """A message of long ago."""

    name: str
    text: str
    minutes: float
    """After midnight; before it where negative."""


def enter(visits: Visits, site: SiteServer, room: str, *messages: Said) -> Page:
    """Enter a room of such messages as somebody who lives in Berlin."""
    said = [
        (name, text, (MIDNIGHT + timedelta(minutes=minutes)).isoformat())
        for name, text, minutes in messages
    ]
    site.run(_STORE.format(room=slug_of(room), said=said))
    page = visits.open("about:blank")
    page.live_in("Europe/Berlin")
    live(page.goto(room))
    drawn(page)
    return page


def test_line_stands_between_the_messages_of_two_days(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page = enter(
        visits,
        site,
        room,
        Said("Ann", "before midnight", -2),
        Said("Ann", "just before", -1),
        Said("Ann", "after midnight", 1),
        Said("Ann", "a week later", 7 * 24 * 60),
    )
    old = [
        "== March 9, 2020",
        "Ann: before midnight",
        "just before",
        "== March 10, 2020",
        "Ann: after midnight",
        "== March 17, 2020",
        "Ann: a week later",
    ]
    assert page.evaluate(SEEN) == old
    with somebody(site, room, "Bob") as other:
        for text in ("today", "still today"):
            other.post(text)
            page.wait_for_text(STORED, text)
        drawn(page)
        assert page.evaluate(SEEN) == [*old, "== Today", "Bob: today", "still today"]


def test_who_goes_on_is_named_again_after_somebody_else_a_while_or_a_new_name(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page = enter(
        visits,
        site,
        room,
        Said("Ann", "one", 1),
        Said("Ann", "two", 2),
        Said("Bob", "three", 3),
        Said("Ann", "four", 4),
        Said("Ann", "five", 8.9),
        Said("Ann", "six", 9),
    )
    old = ["Ann: one", "two", "Bob: three", "Ann: four", "five", "Ann: six"]
    assert page.evaluate(SEEN) == ["== March 10, 2020", *old]
    with somebody(site, room, "Cleo") as other:
        other.post("seven")
        other.post("eight")
        other.do("rename", name="Dora")
        other.post("nine")
        page.wait_for_text(STORED, "nine")
        say(page, "ten")
        page.wait_for_text(STORED, "ten")
        other.post("eleven")
        page.wait_for_text(STORED, "eleven")
    drawn(page)
    *_, seven, eight, nine, ten, eleven = page.evaluate(SEEN)
    assert [seven, eight, nine, eleven] == ["Cleo: seven", "eight", "Dora: nine", "Dora: eleven"]
    assert ten.startswith("Guest ")


def test_newer_day_is_told_once_however_far_one_scrolls_back(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page = enter(
        visits, site, room, *(Said("Ann", f"m{number}", number - 60) for number in range(120))
    )
    page.wait_until(
        "(document.querySelector('.log').scrollTop = 0,"
        " document.querySelector('.line .text').innerText === 'm0')"
    )
    drawn(page)
    days = [row for row in page.evaluate(SEEN) if row.startswith("==")]
    assert days == ["== March 9, 2020", "== March 10, 2020"]
    assert page.evaluate(SEEN).index("== March 10, 2020") == 61
