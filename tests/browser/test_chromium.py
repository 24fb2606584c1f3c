"""What the tests rely on: that the browser does what it is told, and says what goes wrong."""

from __future__ import annotations

import json
import secrets
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import Chromium, Page
from tests.servers import SiteServer

OPEN_SOCKET = """new Promise((done) => {
  window.heard = [];
  window.socket = new WebSocket("/ws", "chat.v1.json");
  socket.onmessage = ({ data }) => heard.push(...JSON.parse(data).map((event) => event.type));
  socket.onopen = () => done("open");
  socket.onclose = ({ code }) => done(code);
})"""
# The page is told before its network is taken away.
REACHES_NOTHING = "fetch('/healthcheck').then(() => false, () => true)"
# Nor is it as slow as it is to be at once.
FETCH_TAKES = """(async () => {
  const begun = performance.now();
  return (await fetch("/healthcheck")).ok && performance.now() - begun;
})()"""
ASK = """socket.send('{"type": "rooms"}')"""
ANSWER_TAKES = f"""new Promise((done) => {{
  const begun = performance.now();
  socket.addEventListener("message", () => done(performance.now() - begun), {{ once: true }});
  {ASK};
}})"""


@pytest.fixture
def page(browser: Chromium, site: SiteServer) -> Iterator[Page]:
    """A page without scripts of its own, of a site with a strict policy."""
    page = browser.page().goto(f"{site.url}/accounts/login/")
    yield page
    page.close()


def body(page: Page, html: str) -> None:
    """Put other elements in place of what the page has."""
    page.evaluate(f"document.body.innerHTML = {json.dumps(html)}; 0")


def fetch(page: Page, path: str) -> Any:
    """Return the status of a request that the page makes, or the error."""
    return page.evaluate(f"fetch({json.dumps(path)}).then((got) => got.status, String)")


# Complaints


@pytest.mark.parametrize(
    ("deed", "directive"),
    [
        ("document.body.setAttribute('style', 'color: red')", "style-src"),
        ("document.body.innerHTML = '<img src=\"data:,\">'", "img-src"),
        ("document.body.innerHTML = '<i onclick=\"0\"></i>'", "script-src"),
        ("fetch('http://127.0.0.1:9/').catch(() => {}); 0", "connect-src"),
        ("new WebSocket('ws://127.0.0.1:9/'); 0", "connect-src"),
        ("new Worker(URL.createObjectURL(new Blob(['0']))); 0", "worker-src"),
    ],
)
def test_breach_of_the_policy_is_complained_of(page: Page, deed: str, directive: str) -> None:
    page.evaluate(deed)
    assert "Content Security Policy" in page.wait_for_complaint(directive)


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ("setTimeout(() => { throw new Error('broken') }); 0", "broken"),
        ("Promise.reject(new Error('broken')); 0", "broken"),
        ("console.error('no good')", "no good"),
        ("fetch('/nowhere/'); 0", "404"),
    ],
)
def test_what_goes_wrong_is_complained_of(page: Page, deed: str, said: str) -> None:
    page.evaluate(deed)
    page.wait_for_complaint(said)


# The network


def test_page_that_is_offline_reaches_nothing_and_knows(page: Page) -> None:
    page.evaluate("for (const n of ['online', 'offline']) addEventListener(n, () => last = n)")
    page.offline()
    page.wait_until("window.last === 'offline' && !navigator.onLine")
    page.wait_until(REACHES_NOTHING)
    assert "Failed to fetch" in fetch(page, "/healthcheck")
    assert page.evaluate(OPEN_SOCKET) == 1006
    page.offline(False)
    page.wait_until("last === 'online'")
    assert fetch(page, "/healthcheck") == 200
    assert page.evaluate(OPEN_SOCKET) == "open"
    page.wait_for_complaint("ERR_INTERNET_DISCONNECTED")


def test_open_socket_of_a_page_that_is_offline_is_silent_and_goes_on_later(page: Page) -> None:
    assert page.evaluate(OPEN_SOCKET) == "open"
    page.wait_until("heard.length")
    page.offline()
    page.wait_until(REACHES_NOTHING)
    page.evaluate(ASK)
    time.sleep(0.3)
    assert page.evaluate("[socket.readyState, heard.includes('rooms')]") == [1, False]
    page.offline(False)
    page.wait_until("heard.includes('rooms')")
    page.wait_for_complaint("ERR_INTERNET_DISCONNECTED")


def test_latency_holds_up_requests_and_new_sockets_but_no_frames(page: Page) -> None:
    page.throttle(latency_ms=800)
    page.wait_until(f"{FETCH_TAKES}.then((took) => took >= 800)")
    before = time.monotonic()
    assert page.evaluate(OPEN_SOCKET) == "open"
    assert time.monotonic() - before >= 0.8
    page.wait_until("heard.length")
    page.wait_until(f"{ANSWER_TAKES}.then((took) => took < 800)")


def test_throughput_holds_for_sockets_that_are_open_already(page: Page) -> None:
    assert page.evaluate(OPEN_SOCKET) == "open"
    page.wait_until("heard.length")
    page.throttle(kbps=24)
    page.wait_until(f"{ANSWER_TAKES}.then((took) => took >= 400)")
    page.offline()
    page.offline(False)
    # As slow as it was before it was offline.
    page.wait_until(f"{ANSWER_TAKES}.then((took) => took >= 400)")
    page.throttle()
    page.wait_until(f"{ANSWER_TAKES}.then((took) => took < 400)")


def test_blocked_addresses_fail_and_others_do_not(page: Page) -> None:
    page.block(["*/ready*"])
    assert "Failed to fetch" in fetch(page, "/healthcheck/ready")
    assert fetch(page, "/healthcheck") == 200
    page.block([])
    assert fetch(page, "/healthcheck/ready") == 200


def test_refused_websockets_fail_as_behind_a_proxy_that_knows_none(page: Page) -> None:
    page.refuse_websockets()
    for _ in range(2):
        assert page.evaluate(OPEN_SOCKET) == 1006
        assert page.evaluate("[socket instanceof WebSocket, WebSocket.OPEN]") == [True, 1]
        assert fetch(page, "/healthcheck") == 200
        assert "403" in page.wait_for_complaint("handshake")
        page.reload()


# The keyboard


KEYED = """for (const kind of ["keydown", "input"]) {
  addEventListener(kind, (event) => keys.push(event.key ?? event.data));
} window.keys = []; 0"""


def test_text_is_typed_key_by_key(page: Page) -> None:
    body(page, "<textarea></textarea>")
    page.evaluate(KEYED)
    page.click("textarea")
    page.type("a.B\né")
    assert page.evaluate("document.querySelector('textarea').value") == "a.B\né"
    expected = ["a", "a", ".", ".", "B", "B", "Enter", None, "é"]
    assert page.evaluate("keys") == expected
    page.press("a", control=True)
    page.press("Delete")
    assert page.evaluate("document.querySelector('textarea').value") == ""
    page.type("one (two) #3!")
    page.arrow("Left", times=3)
    page.arrow("Left", shift=True)
    page.press("Backspace")
    page.press("Home")
    page.type("% & ")
    assert page.evaluate("document.querySelector('textarea').value") == "% & one (two)#3!"


def test_tab_goes_on_and_back(page: Page) -> None:
    radio = "<input type=radio name=a>"
    body(page, f"<button>1</button><p>no</p>{radio}{radio}<a href=#>4</a>")
    where = "Array.from(document.body.children).indexOf(document.activeElement)"
    page.tab()
    assert page.evaluate(where) == 0
    page.tab()
    page.arrow("Down")
    assert page.evaluate(where) == 3
    page.tab()
    assert page.evaluate(where) == 4
    page.tab(shift=True, times=2)
    assert page.evaluate(where) == 0
    page.evaluate("document.activeElement.onclick = () => { document.body.dataset.done = 1 }; 0")
    page.enter()
    assert page.evaluate("document.body.dataset.done") == "1"


def test_keys_of_an_input_method_are_told_from_others(page: Page) -> None:
    body(page, "<input>")
    page.evaluate(
        "window.seen = []; addEventListener('keydown', (e) => seen.push(e.isComposing)); 0"
    )
    page.click("input")
    page.compose("にほ")
    page.compose("日本")
    page.enter()
    page.type("語")
    page.enter()
    assert page.evaluate("[seen, document.querySelector('input').value]") == [[True, False], "語"]


# Devices and visitors


def test_visitor_has_a_time_zone_and_cookies(page: Page, site: SiteServer) -> None:
    hour = "new Date('2026-01-01T12:00:00Z').getHours()"
    for zone, expected in (("UTC", 12), ("Asia/Tokyo", 21)):
        page.live_in(zone)
        assert page.evaluate(hour) == expected
    page.carry(site.url, one="1", two="2")
    assert "one=1; two=2" in page.evaluate("document.cookie")


def test_phone_has_fingers(page: Page) -> None:
    fingers = "matchMedia('(pointer: coarse)').matches"
    for phone in (False, True, False):
        page.resize(500, 700, phone=phone)
        assert page.evaluate(fingers) is phone


# Measuring, files


def test_long_tasks_are_noted(page: Page) -> None:
    work = "new Promise((done) => setTimeout(() => {{ const end = performance.now() + {};"
    work += " while (performance.now() < end); done() }}))"
    page.note_long_tasks()
    page.evaluate(work.format(120))
    assert max(page.long_tasks()) >= 119
    page.reload()
    page.evaluate(work.format(80))
    assert max(page.long_tasks()) >= 79


def test_metrics_count_what_is_held(page: Page) -> None:
    before = page.metrics()
    page.evaluate("window.held = Array(5000).fill().map(() => document.createElement('p')); 0")
    during = page.metrics()
    assert during["Nodes"] > before["Nodes"] + 4500
    assert during["JSHeapUsedSize"] > before["JSHeapUsedSize"]
    page.evaluate("window.held = null")
    assert page.metrics()["Nodes"] < before["Nodes"] + 500


def size_of(png: Path) -> tuple[int, int]:
    """Return width and height of a PNG."""
    width, height = struct.unpack(">II", png.read_bytes()[16:24])
    return width, height


def test_screenshot_shows_the_window_or_the_full_page(page: Page, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    page.resize(300, 200)
    body(page, "<br>" * 100)
    page.screenshot(picture)
    assert size_of(picture) == (300, 200)
    page.screenshot(picture, full=True)
    width, height = size_of(picture)
    assert (width, height > 1000) == (300, True)
    page.resize(300, 200, phone=True)
    page.screenshot(picture)
    assert size_of(picture) == (600, 400)


def test_download_is_a_file(page: Page, tmp_path: Path) -> None:
    name = f"{secrets.token_hex(4)}.txt"
    body(page, f"<a href=/healthcheck download={name}>get it</a>")
    found = page.download("a", tmp_path)
    assert (found.name, found.read_text()) == (name, "chat is live")
