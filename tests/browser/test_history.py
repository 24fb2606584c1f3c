"""Long logs: older messages come as one scrolls up, and the page never holds them all."""

from __future__ import annotations

import json

import pytest

from tests.browser.conftest import STORED, Visits, live, say, shown
from tests.browser.page import Page
from tests.browser.talk import LOG, MOST, drawn, hurry, let_end, publish, rows, slug_of, somebody
from tests.servers import SiteServer

FAILED = ".line[data-state=failed]"

# What is asked of the history is answered when the test calls `release()`.
HOLD_HISTORY = """{
  const { room } = document.querySelector("chat-room");
  const history = room.history.bind(room);
  window.answered = false;
  room.history = async (before) => {
    const page = await history(before);
    await new Promise((resolve) => (window.release = resolve));
    setTimeout(() => (window.answered = true));
    return page;
  };
}"""
# Takes the element out, and puts it where it was in a moment.
PUT_BACK = """{
  const room = document.querySelector("chat-room");
  const { parentNode, nextSibling } = room;
  room.remove();
  setTimeout(() => parentNode.insertBefore(room, nextSibling));
}"""

# Notes how the first message that is in sight moves when the page draws older or newer ones: its
# place just after the drawing, less the one just before.
NOTE_JUMPS = f"""{{
  const box = {LOG};
  const list = document.querySelector(".lines");
  window.jumps = [];
  const place = (row) => row.getBoundingClientRect().bottom - box.getBoundingClientRect().top;
  const rows = () => Array.from(list.querySelectorAll(".line"));
  const places = () => new Map(rows().map((row) => [row, place(row)]));
  const log = document.querySelector("chat-room").log;
  const look = log.look.bind(log);
  const update = log.update.bind(log);
  const noting = (draw) => () => {{
    const before = places();
    draw();
    const after = places();
    const [row] = [...before.keys()].filter((row) => after.has(row) && before.get(row) > 0);
    if (row) jumps.push(after.get(row) - before.get(row));
  }};
  log.look = noting(look);
  log.update = noting(update);
}}"""


def row(text: str) -> str:
    """Return an expression for the message of that text."""
    rows = "Array.from(document.querySelectorAll('.line'))"
    return f"{rows}.find(e => e.querySelector('.text').textContent === {json.dumps(text)})"


def scroll_to(page: Page, text: str, way: str) -> int:
    """Scroll up or down, a window's height at a time, until a message is there.

    Returns the most rows there were on the way.
    """
    wanted = json.dumps(text)
    there = f"Array.from(document.querySelectorAll('.text')).some(e => e.textContent === {wanted})"
    most = 0
    for _ in range(400):
        if page.evaluate(there):
            return most
        page.evaluate(f"{LOG}.scrollBy(0, {way}{LOG}.clientHeight); 0")
        drawn(page)
        most = max(most, rows(page))
    raise AssertionError(f"never there: {text}: {shown(page)[:1]} to {shown(page)[-1:]}")


@pytest.fixture
def page(visits: Visits, site: SiteServer, room: str) -> Page:
    """A room in which a thousand messages were said."""
    publish(site, room, 1000)
    page = visits.enter(room)
    drawn(page)
    return page


def test_older_messages_come_as_one_scrolls_up_and_newer_ones_on_the_way_back(
    page: Page,
) -> None:
    assert shown(page)[0] == "message 950"
    page.evaluate(NOTE_JUMPS)
    most = scroll_to(page, "message 0", "-")
    texts = shown(page)
    assert texts == [f"message {number}" for number in range(len(texts))], "no hole, none twice"
    most = max(most, scroll_to(page, "message 999", "+"))
    texts = shown(page)
    assert texts == [f"message {number}" for number in range(1000 - len(texts), 1000)]
    assert most <= MOST
    jumps = page.evaluate("jumps")
    assert len(jumps) > 20
    assert max(map(abs, jumps)) <= 2


def test_who_is_at_the_very_top_gets_older_ones_without_scrolling_again(page: Page) -> None:
    page.evaluate(f"{LOG}.scrollTop = 0; 0")
    page.wait_for_text(".text", "message 900")
    drawn(page)
    place = f"{row('message 950')}.getBoundingClientRect().top - {LOG}.getBoundingClientRect().top"
    assert 0 <= page.evaluate(place) < 200, "what was at the top still is"


def test_log_that_does_not_fill_the_window_is_filled(
    visits: Visits, site: SiteServer, room: str
) -> None:
    publish(site, room, 70)
    page = visits.open("about:blank")
    page.resize(1200, 4000)
    live(page.goto(room)).wait_for_text(".text", "message 0")
    drawn(page)
    assert shown(page) == [f"message {number}" for number in range(70)]


def test_history_before_messages_that_are_on_their_way_is_not_asked_for(page: Page) -> None:
    """Of a log that has begun anew: nothing would be before it, and no scroll ask again."""
    page.evaluate(
        "window.asked = []; window.element = document.querySelector('chat-room');"
        " element.room.history = (before) => (asked.push(before), new Promise(() => {}));"
        " element.room.seq = undefined; element.log.timeline.clear();"
        " element.log.update(); element.log.look()"
    )
    assert page.evaluate("asked") == []
    page.evaluate("element.room.seq = 950; element.log.look()")
    assert page.evaluate("asked") == [951]


def test_history_that_fails_is_asked_for_again_by_the_next_scroll(page: Page) -> None:
    page.evaluate(
        "window.asked = 0; const { room } = document.querySelector('chat-room');"
        " const history = room.history.bind(room);"
        " room.history = async (before) => {"
        "   if (++asked > 1) return history(before); return { type: 'error' }; }; 0"
    )
    page.evaluate(f"{LOG}.scrollTop = 0; 0")
    page.wait_until("asked === 1")
    drawn(page)
    assert page.evaluate("asked") == 1
    page.evaluate(f"{LOG}.scrollTop = 5; 0")
    page.wait_for_text(".text", "message 900")


def test_who_went_to_the_top_while_the_connection_was_lost_gets_older_ones_afterwards(
    visits: Visits, site: SiteServer, room: str
) -> None:
    publish(site, room, 200)
    page = visits.open("about:blank")
    let_end(page)
    drawn(live(page.goto(room)))
    page.evaluate("lastSocket.end(1006)")
    page.wait_until("document.querySelector('chat-room').dataset.state === 'waiting'")
    page.evaluate(f"{LOG}.scrollTop = 0; 0")
    drawn(page)
    assert shown(page)[0] == "message 150"
    page.evaluate("window.closing = undefined")
    hurry(page)
    page.wait_for_text(".text", "message 100")


def test_history_that_cannot_be_had_just_now_comes_without_scrolling_again(page: Page) -> None:
    page.evaluate(
        "window.asked = 0; const { room } = document.querySelector('chat-room');"
        " const history = room.history.bind(room);"
        " room.history = async (before) => {"
        "   if (++asked > 1) return history(before); throw { code: 'unavailable', wait: 0.1 }; }; 0"
    )
    page.evaluate(f"{LOG}.scrollTop = 0; 0")
    page.wait_for_text(".text", "message 900")


def test_message_of_ones_own_that_is_found_far_up_waits_no_longer(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page = visits.enter(room)
    say(page, "long ago")
    page.wait_for_text(STORED, "long ago")
    me = page.evaluate("document.querySelector('chat-room').client.me.id")
    id = page.evaluate("document.querySelector('chat-room').log.timeline.lines[0].id")
    publish(site, room, 120)
    # The tab was closed before it knew, and nobody was here for long.
    post = {"id": id, "text": "long ago", "at": 1, "me": me, "state": "waiting"}
    key = f"chat.post.{slug_of(room)}.{id}"
    page.evaluate(f"localStorage.setItem({json.dumps(key)}, {json.dumps(json.dumps(post))})")
    live(page.reload()).wait_for_text(FAILED, "It has waited for more than a day.")
    scroll_to(page, "message 0", "-")
    page.wait_until("!document.querySelector('chat-room').room.outbox.posts.length")
    scroll_to(page, "long ago", "-")
    drawn(page)
    assert page.evaluate(f"({row('long ago')}).dataset.state ?? ''") != "failed"
    assert page.evaluate(f"localStorage.getItem({json.dumps(key)})") is None


def test_history_that_comes_after_the_element_was_put_elsewhere_is_not_shown_twice(
    page: Page,
) -> None:
    page.evaluate(HOLD_HISTORY)
    page.evaluate(f"{LOG}.scrollTo(0, 0); 0")
    page.wait_until("!!window.release")
    page.evaluate(PUT_BACK)
    page.wait_until("document.querySelector('chat-room')?.room.joined")
    page.evaluate("release()")
    page.wait_until("answered")
    drawn(page)
    texts = shown(page)
    assert len(texts) == len(set(texts))


def test_what_comes_and_what_grows_above_does_not_move_what_one_reads(
    visits: Visits, site: SiteServer, room: str
) -> None:
    with somebody(site, room) as other:
        above = other.post("above")
        for number in range(12):
            other.post(f"below {number}" + "\nand more" * 8)
        page = visits.enter(room)
        drawn(page)
        page.evaluate(f"{LOG}.scrollTop = 400; 0")
        drawn(page)
        assert page.evaluate(f"{row('above')}.getBoundingClientRect().bottom < 0")
        place = "document.querySelectorAll('.line')[6].getBoundingClientRect().bottom"
        before = page.evaluate(place)
        other.post("news")
        page.wait_for_text(".text", "news")
        assert abs(page.evaluate(place) - before) <= 2
        other.do("edit", seq=above, text="above\n" * 9)
        page.wait_for_text(".edited:not([hidden])", "edited")
        drawn(page)
        assert abs(page.evaluate(place) - before) <= 2


def test_who_scrolls_up_just_when_something_comes_is_not_brought_back(page: Page) -> None:
    page.evaluate(f"{LOG}.scrollTop = 700; document.querySelector('chat-room').log.update()")
    drawn(page)
    assert page.evaluate(f"{LOG}.scrollTop") == 700
    page.wait_until("document.querySelector('.latest').checkVisibility()")
