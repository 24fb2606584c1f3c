"""Under the strictest Content-Security-Policy browsers have nothing to report."""

from __future__ import annotations

import json
import time
import urllib.request

from tests.browser.conftest import STORED, Visits, live, say
from tests.browser.devtools import PATIENCE
from tests.browser.page import Page
from tests.browser.policy import REPORTS
from tests.browser.talk import drawn, forgive_losses, sign_in
from tests.servers import SiteServer


def reports(site: SiteServer) -> list[str]:
    """What was reported so far: the directive that was broken, of each."""
    with urllib.request.urlopen(site.url + REPORTS) as answer:
        lines = answer.read().decode().splitlines()
    return [json.loads(line)["csp-report"]["effective-directive"] for line in lines]


def break_policy(site: SiteServer, page: Page) -> None:
    """Do what the policy forbids, and wait until that is reported, after all that came before."""
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    page.wait_for_complaint("Content Security Policy")
    deadline = time.monotonic() + PATIENCE
    while "style-src-attr" not in reports(site):
        assert time.monotonic() < deadline, "it is not reported"
        time.sleep(0.05)


def test_nothing_is_reported_whatever_one_does(visits: Visits, own_site: SiteServer) -> None:
    page = visits.open("about:blank")
    create = "Room.objects.create(slug='private', kind='private')"
    own_site.run(f"from chat.models import Room; {create}")
    sign_in(own_site, page, "mod", "ban", "redact_message")
    live(page.goto(own_site.url))
    other = visits.enter(own_site.url, "Ann")
    say(other, "<b style=color:red onclick=alert(1)>http://example.org/</b>")
    say(page, "of one's own")
    page.wait_for_text(STORED, "of one's own")
    page.hover(".line:not(.own) .says")
    page.click(".acts [data-act=moderate]")
    page.wait_until("document.querySelector('[data-part=moderation]').open")
    page.press("Escape")
    page.hover(".own .says")
    page.click(".acts [data-act=delete]")
    page.wait_until("document.querySelector('[data-part=sure]').open")
    page.press("Escape")
    page.resize(360, 700, phone=True)
    for opener, popover in ((".menu", ".side"), (".opens-people", ".people")):
        page.tap(opener)
        page.wait_until(f"document.querySelector('{popover}').matches(':popover-open')")
        page.press("Escape")
    page.evaluate(
        "document.querySelector('chat-room').client.emit('notice',"
        " { type: 'notice', level: 'warning', text: 'soon' })"
    )
    page.wait_for_text(".announcement", "soon")
    other.refuse_websockets()
    live(other.reload())
    say(other, "by HTTP")
    page.wait_for_text(STORED, "by HTTP")
    other.goto("about:blank")
    drawn(page)
    forgive_losses(other)
    for address in ("/accounts/login/?next=/", "/rooms/private/"):
        page.goto(own_site.url + address)
    page.forgive("404")
    break_policy(own_site, page)
    assert reports(own_site) == ["style-src-attr"]
