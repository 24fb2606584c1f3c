"""What goes on around a page: others who talk, a log that is long, a visitor who looks away."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager

from tests.browser.conftest import Visits
from tests.browser.page import Page
from tests.servers import SiteServer
from tests.talker import Client, talker

# For a page, before its own scripts: what it waits a second or two for, it waits four times as long
# for, so that what a test does meanwhile is done by then.
LOG = "document.querySelector('.log')"

MOST = 260
"""Rows that the page may hold: a window of the log and a few lines between."""

PATIENT = """{
  const set = window.setTimeout.bind(window);
  window.setTimeout = (call, wait = 0, ...rest) =>
    set(call, wait >= 1500 && wait < 2600 ? 4 * wait : wait, ...rest);
}"""


def slug_of(room: str) -> str:
    """Return the name of the room at an address."""
    return room.rstrip("/").rpartition("/")[2]


def somebody(site: SiteServer, room: str, name: str = "") -> AbstractContextManager[Client]:
    """Somebody who is in the room without a browser."""
    return talker(site.ws_url, slug_of(room), name)


_PUBLISH = """
from chat import store
from chat.models import Room
Room.objects.get_or_create(slug={room!r})
name, text = {name!r}, {text!r}
store.append([
    store.PostDraft(
        room={room!r}, sender_key="s:" + name, sender_name=name, id=f"m{{n}}", text=text.format(n)
    )
    for n in range({count})
])
"""


def publish(
    site: SiteServer, room: str, count: int, text: str = "message {}", name: str = "Robot"
) -> None:
    """Put messages into a log that nobody is connected to."""
    slug = slug_of(room)
    site.run(_PUBLISH.format(room=slug, count=count, text=text, name=name))


_SIGN_IN = """
from django.contrib.auth.models import Permission, User
from django.test import Client
user, _ = User.objects.get_or_create(username={name!r})
user.user_permissions.set(Permission.objects.filter(codename__in={permissions!r}))
client = Client()
client.force_login(user)
print("session:", client.cookies["sessionid"].value)
"""


def sign_in(site: SiteServer, page: Page, name: str, *permissions: str) -> None:
    """Let the visitor be a user of the site, with permissions of the app."""
    printed = site.run(_SIGN_IN.format(name=name, permissions=permissions))
    page.carry(site.url, sessionid=printed.rpartition("session: ")[2].strip())


def hurry(*pages: Page) -> None:
    """Let pages come back now rather than in a while."""
    for page in pages:
        page.evaluate("dispatchEvent(new Event('online'))")


def let_in(page: Page, room: str) -> None:
    """Go to a room again and again until one is let in: acts take a moment to arrive."""
    state = "document.querySelector('chat-room')?.dataset.state"
    while page.goto(room).wait_until(f"/open|closed/.exec({state})?.[0]") != "open":
        pass


def forgive_losses(*pages: Page) -> None:
    """Expect what browsers complain of when a server is not there."""
    for page in pages:
        for complaint in ("WebSocket connection to", "net::ERR_"):
            page.forgive(complaint)


# A connection that ends with the code that the test says: what the page is told when it closes.
_ENDS_AT_WILL = """
  Math.random = () => 100; // by itself it comes back in minutes
  window.WebSocket = class extends WebSocket {
    set onclose(heard) { super.onclose = (event) => heard(window.closing ?? event); }
    get onclose() { return super.onclose; }
    end(code) { window.closing = { code }; this.close(); }
    constructor(...all) { super(...all); window.lastSocket = this; }
  };
"""


def let_end(page: Page) -> None:
    """Let ``lastSocket.end(code)`` end the connection as the server would, in pages to come."""
    page.before_scripts(_ENDS_AT_WILL)


_HOLD = """{
  const { client } = document.querySelector("chat-room");
  const held = [];
  client.send = (...commands) => held.push(...commands) > 0;
  window.release = () => { delete client.send; client.send(...held); };
}"""


def hold(page: Page) -> None:
    """Keep what the page sends from now on, until it calls ``release()``."""
    page.evaluate(_HOLD)


def look_away(page: Page, visits: Visits) -> Page:
    """Let another tab of the visitor's be in front; return it."""
    other = visits.open("about:blank", like=page)
    page.wait_until("document.hidden")
    return other


def look_back(page: Page) -> None:
    """Bring the page's tab to the front again."""
    page.front()
    page.wait_until("!document.hidden")


def drawn(page: Page) -> None:
    """Wait until what the page has heard so far is to be seen, and scrolled to."""
    # Tabs that are not in front have no frames.
    page.evaluate(
        """(async () => {
          for (let time = 0; time < 2; time++) {
            if (!document.hidden) await new Promise((done) => requestAnimationFrame(done));
            await new Promise((done) => setTimeout(done, 20));
          }
        })()"""
    )


_FOCUSED = (
    "(e => e.dataset.part || e.dataset.act || e.className || e.tagName)(document.activeElement)"
)


def focused(page: Page) -> str:
    """Return what has the focus: its part, its act or its class, ``BODY`` where nothing has."""
    return str(page.evaluate(_FOCUSED))


def wait_for_focus(page: Page, what: str) -> None:
    """Wait until the focus is there."""
    page.wait_until(f"{_FOCUSED} === {json.dumps(what)}")


def rows(page: Page) -> int:
    """Return how many messages are on the page."""
    return int(page.evaluate("document.querySelectorAll('.lines > *').length"))
