"""The page's modules by themselves: coming back after a loss, and what a room remembers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.chromium import Chromium, Page
from tests.servers import SiteServer

STAGE = """(async () => {
  class FakeSocket {
    static OPEN = 1;
    readyState = 0;
    sent = [];
    constructor(address, protocol) {
      Object.assign(this, { address: `${address}`, protocol });
      sockets.push(this);
    }
    send(text) { this.sent.push(JSON.parse(text)); }
    close() { this.readyState = 3; }
    hear(...events) { this.readyState = 1; this.onmessage({ data: JSON.stringify(events) }); }
  }
  Object.assign(window, { WebSocket: FakeSocket, sockets: [], states: [], heard: [] });
  window.timers = new Map();
  let number = 0;
  window.setTimeout = (call, wait) => { timers.set(++number, { call, wait }); return number; };
  window.clearTimeout = (which) => timers.delete(which);
  Math.random = () => 1;
  const { Connection } = await import("/static/chat/connection.js");
  window.connection = new Connection("/ws", {
    events: (events) => heard.push(...events),
    state: (...state) => states.push(state),
    seen: () => ({ main: 7 }),
  });
  window.last = () => sockets.at(-1);
  window.waits = () => Array.from(timers.values(), (timer) => timer.wait);
  window.ring = () => { const [[which, { call }]] = timers; timers.delete(which); call(); };
  connection.open();
})()"""

WELCOME = '{type: "welcome", heartbeat: 8}'


@pytest.fixture(scope="module")
def empty_page(browser: Chromium, site: SiteServer) -> Iterator[Page]:
    """A page of the site's without scripts."""
    page = browser.page().goto(f"{site.url}/accounts/login/")
    yield page
    page.close()


@pytest.fixture
def page(empty_page: Page) -> Iterator[Page]:
    """A page whose sockets and timers are in the test's hands, with one connection."""
    empty_page.evaluate(STAGE)
    yield empty_page
    assert not empty_page.complaints


def lose(page: Page, code: int) -> Any:
    """Close the connection; return how long the page will wait, in milliseconds."""
    page.evaluate(f"last().onclose({{ code: {code} }})")
    return page.evaluate("waits()")


def test_asks_for_the_protocol_at_the_address_relative_to_the_page(
    page: Page, site: SiteServer
) -> None:
    assert page.evaluate("[last().address, last().protocol]") == [site.ws_url, "chat.v1.json"]
    assert page.evaluate("states") == [["connecting"]]


def test_waits_twice_as_long_after_each_failure_until_one_proves_good(page: Page) -> None:
    waited = []
    for _ in range(7):
        waited += lose(page, 1006)
        page.evaluate("ring()")
    assert waited == [1000, 2000, 4000, 8000, 16000, 30000, 30000]
    page.evaluate(f"last().hear({WELCOME})")
    assert lose(page, 4003) == [30000], "a welcome alone proves nothing: others were let in too"
    page.evaluate("ring()")
    page.evaluate("connection.settled()")
    assert lose(page, 1006) == [1000]


def test_wait_is_random_up_to_its_bound(page: Page) -> None:
    page.evaluate("Math.random = () => 0.25")
    assert lose(page, 1006) == [250]


@pytest.mark.parametrize(("code", "wait"), [(4000, 5000), (4001, 1000), (4002, 1000), (4499, 1000)])
def test_comes_back_after_codes_that_invite_it(page: Page, code: int, wait: int) -> None:
    assert lose(page, code) == [wait]
    assert page.evaluate("states.at(-1)") == ["waiting", code]
    page.evaluate("ring()")
    assert page.evaluate("sockets.length") == 2


@pytest.mark.parametrize("code", [4500, 4501, 4503, 4509, 4999])
def test_stays_away_after_codes_that_forbid_to_come_back(page: Page, code: int) -> None:
    assert lose(page, code) == []
    assert page.evaluate("states.at(-1)") == ["closed", code]
    page.evaluate("connection.hurry()")
    assert page.evaluate("sockets.length") == 1


def test_comes_back_at_once_when_there_is_reason_to(page: Page) -> None:
    page.evaluate("connection.hurry()")
    assert page.evaluate("sockets.length") == 1, "it is connecting already"
    lose(page, 1006)
    page.evaluate("connection.hurry()")
    page.evaluate("connection.hurry()")
    assert page.evaluate("sockets.length") == 2


def test_ping_is_answered_with_what_was_seen_after_the_events_around_it(page: Page) -> None:
    page.evaluate(f"last().hear({WELCOME}, {{type: 'ping'}}, {{type: 'message'}})")
    assert page.evaluate("last().sent") == [[{"type": "pong", "seen": {"main": 7}}]]
    assert [event["type"] for event in page.evaluate("heard")] == ["welcome", "ping", "message"]


def test_server_that_falls_silent_is_left_and_no_longer_listened_to(page: Page) -> None:
    assert page.evaluate("waits()") == [50_000], (
        "heartbeats of 20 s until the server says otherwise"
    )
    page.evaluate(f"last().hear({WELCOME})")
    assert page.evaluate("waits()") == [20_000]
    page.evaluate("ring()")
    assert page.evaluate("states.at(-1)") == ["waiting", 4001]
    assert page.evaluate("[last().readyState, last().onmessage, last().onclose]") == [3, None, None]
    page.evaluate("ring()")
    assert page.evaluate("sockets.length") == 2


def test_nothing_is_sent_without_a_connection(page: Page) -> None:
    command = json.dumps({"type": "rooms"})
    assert page.evaluate(f"connection.send({command})") is False
    page.evaluate(f"last().hear({WELCOME})")
    assert page.evaluate(f"connection.send({command})") is True
    lose(page, 1006)
    assert page.evaluate(f"connection.send({command})") is False


# --- What a room remembers ------------------------------------------------------------------------


def in_room(page: Page, *steps: str) -> Any:
    """Return the value of the last expression about a ``room`` that was at 7 of its log."""
    before = "".join(f"{step}; " for step in steps[:-1])
    return page.evaluate(
        """import("/static/chat/room.js").then(({ Room }) => {
          const room = new Room("main", { epoch: "e1", seq: 7 });
          const at = (seq, name = "main") => room.isNews({ room: name, seq });"""
        f"{before} return {steps[-1]} }})"
    )


def test_each_event_is_news_once_and_only_in_its_room(empty_page: Page) -> None:
    found = in_room(empty_page, "[at(7), at(8), at(8), at(6), at(9, 'other'), at(9), room.seq]")
    assert found == [False, True, False, False, False, True, 9]


def test_join_resumes_where_one_was_and_starts_afresh_where_one_was_not(empty_page: Page) -> None:
    command = {"type": "join", "room": "main", "ref": "join"}
    assert in_room(empty_page, "at(8)", "room.join()") == {
        **command,
        "after": {"epoch": "e1", "seq": 8},
    }
    assert in_room(empty_page, "room.epoch = ''", "room.join()") == {**command, "after": None}


@pytest.mark.parametrize(
    ("recovered", "goes_on", "seq"), [("true", True, 7), ("false", False, 0), ("null", False, 0)]
)
def test_position_is_kept_only_where_the_server_goes_on_from_it(
    empty_page: Page, recovered: str, goes_on: bool, seq: int
) -> None:
    entering = f"const kept = room.enter({{ epoch: 'e2', recovered: {recovered} }})"
    assert in_room(empty_page, entering, "[kept, room.epoch, room.seq]") == [goes_on, "e2", seq]


def test_posts_wait_in_order_until_settled_and_for_the_room(empty_page: Page) -> None:
    assert in_room(empty_page, "room.add('a')", "room.next ?? null") is None
    found = in_room(
        empty_page,
        "room.enter({ epoch: 'e1', recovered: true })",
        "room.add('a'); room.add('b')",
        "const first = room.next",
        "const again = room.next",
        "const stranger = room.settle('no such id')",
        "room.settle(first.id)",
        "[first.text, again.id === first.id, stranger ?? null, room.next.text, first.id.length]",
    )
    assert found == ["a", True, None, "b", 32]


# --- What the tests rely on -----------------------------------------------------------------------


def test_browser_says_what_is_wrong_with_a_page(browser: Chromium, site: SiteServer) -> None:
    """Broken scripts and breaches of the policy are noticed."""
    page = browser.page().goto(site.url)
    try:
        page.wait_for_text("#chat-state", "Connected")
        page.evaluate("document.body.setAttribute('style', 'color: red')")
        page.evaluate(
            "document.body.append(Object.assign(document.createElement('img'), {src: 'data:,'}))"
        )
        page.evaluate("setTimeout(() => { throw new Error('broken') })")
        page.wait_until("true")
        page.evaluate("new Promise((done) => setTimeout(done, 1))")
        said = "\n".join(page.complaints)
        assert "style-src" in said
        assert "broken" in said
        header = "fetch(location).then((answer) => answer.headers.get('content-security-policy'))"
        assert page.evaluate(header) == "default-src 'self'"
    finally:
        page.close()
