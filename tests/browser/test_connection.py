"""When the page comes back after a loss and when it does not, on a clock of the test's own."""

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


def test_browser_says_what_is_wrong_with_a_page(browser: Chromium, site: SiteServer) -> None:
    """What the other tests rely on: broken scripts and breaches of the policy are noticed."""
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
