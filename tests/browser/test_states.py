"""That axe-core finds nothing wrong with a room in any state, in either direction of writing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from tests.browser.axe import judged_at_each_size
from tests.browser.conftest import STORED, Visits, live, say
from tests.browser.page import Page
from tests.browser.talk import forgive_losses, let_end, somebody
from tests.servers import SiteServer

ROOM = "document.querySelector('chat-room')"
UNTIL = "2030-01-01T12:00:00.000Z"


def hear(page: Page, kind: str, **fields: Any) -> None:
    """Let the page hear an event of its room, as from the server."""
    event = json.dumps({"type": kind, "room": "x", **fields})
    page.evaluate(f"{ROOM}.room.hear({event}); 0")


def notice(page: Page, text: str, **fields: Any) -> None:
    """Let the page hear words of the site."""
    event = json.dumps({"type": "notice", "level": "info", "text": text, **fields})
    page.evaluate(f"{ROOM}.client.emit('notice', {event}); 0")


def end(page: Page, code: int) -> None:
    """Let the connection end."""
    page.evaluate(f"lastSocket.end({code})")


# How a state comes about


def offline(page: Page) -> None:
    page.offline()
    page.wait_until(f"{ROOM}.dataset.state === 'offline'")
    say(page, "for later")
    forgive_losses(page)


def too_long(page: Page) -> None:
    say(page, "x" * 4001)


def refused_name(page: Page) -> None:
    page.evaluate("document.querySelector('.people').showPopover()")
    page.write(".people input", "Guest 5")
    page.enter()


def slow_mode(page: Page) -> None:
    trouble = {"type": "error", "code": "rate_limited", "detail": "", "id": "1", "retry_after": 600}
    page.evaluate(f"{ROOM}.room.emit('trouble', {json.dumps(trouble)}); 0")


def failed_post(page: Page) -> None:
    me, slug = page.evaluate(f"[{ROOM}.client.me.id, {ROOM}.dataset.room]")
    post = {"id": "a" * 32, "text": "of last week", "at": 1, "me": me, "state": "waiting"}
    key = f"chat.post.{slug}.{post['id']}"
    page.evaluate(f"localStorage.setItem({json.dumps(key)}, {json.dumps(json.dumps(post))})")
    live(page.reload())


def banned(page: Page) -> None:
    notice(page, "", code="removed", until=UNTIL, reason="too loud")
    end(page, 4503)


def editing(page: Page) -> None:
    page.click(".post textarea")
    page.arrow("Up")


def deleting(page: Page) -> None:
    page.hover(".own .says")
    page.click(".acts [data-act=delete]")


def moderator(page: Page) -> None:
    hear(page, "rights", may=["post", "moderate", "ban"])
    page.hover(".line:not(.own) .says")


def people(page: Page) -> None:
    hear(page, "rights", may=["post", "ban"])
    hear(page, "presence", online=200, joined=[], left=[])
    page.evaluate("document.querySelector('.people').showPopover()")


def typing(page: Page) -> None:
    senders = [{"id": "1", "name": "Bob"}, {"id": "2", "name": "ليلى"}]
    # Each is forgotten after five seconds.
    page.evaluate(
        f"setInterval(() => {json.dumps(senders)}.forEach(sender =>"
        f" {ROOM}.room.hear({{ type: 'typing', room: 'x', sender }})), 500)"
    )


def announcements(page: Page) -> None:
    notice(page, "We open at nine")
    notice(page, "We close at six", level="warning")


def older(page: Page) -> None:
    page.evaluate(
        f"{ROOM}.room.history = () => new Promise(() => {{}});"
        f" {ROOM}.log.timeline.more = true; {ROOM}.log.look()"
    )


def silenced(page: Page, **fields: str) -> None:
    hear(page, "rights", may=[], **fields)


class State(NamedTuple):
    """A state of a room."""

    reach: Callable[[Page], None]
    seen: tuple[str, ...]
    """What is to be seen of it, with words in it."""


def closed(code: int) -> State:
    """The end of a connection, for good."""
    return State(lambda page: end(page, code), ("[data-state=closed] .state", ".notice.refusal"))


STATES = {
    "is as it should be": State(lambda page: None, (".own .text", ".line:not(.own) .text")),
    "is offline": State(
        offline, ("[data-state=offline] .state", "[data-says=unsent]", "[data-state=waiting]")
    ),
    "has lost its connection": State(
        lambda page: end(page, 1006), ("[data-state=waiting] .state", "[data-part=retry]")
    ),
    "has a text over the limit": State(too_long, (".counter.refusal", "[data-says=too_long]")),
    "refuses a name": State(refused_name, (".people:popover-open .refusal",)),
    "is slow": State(slow_mode, ("[data-part=countdown]",)),
    "has a post that failed": State(
        failed_post, (".failed .why", "[data-act=retry]", "[data-act=discard]")
    ),
    "is locked": State(
        lambda page: silenced(page, code="locked"), (".silence [data-part=silence-words]",)
    ),
    "may be read only": State(
        lambda page: silenced(page, code="sign_in"), (".silence a[data-part=sign-in]",)
    ),
    "has muted one": State(
        lambda page: silenced(page, code="muted", until=UNTIL, reason="too loud"), (".silence",)
    ),
    "has removed one": State(
        lambda page: hear(page, "left", code="removed", reason="too loud"),
        ("[data-state=closed] .state", ".notice.refusal"),
    ),
    "has ended in confusion": closed(4500),
    "one is signed out of": closed(4501),
    "one is banned from": State(banned, ("[data-state=closed] .state", ".notice.refusal")),
    "one edits a message in": State(editing, (".editing", ".changing", "[data-part=cancel]")),
    "offers what there is to do": State(
        lambda page: page.hover(".own .says"), (".acts [data-act=edit]", ".acts [data-act=delete]")
    ),
    "asks before it deletes": State(deleting, ("dialog[open] .quoted", "dialog[open] .danger")),
    "one looks after": State(moderator, (".acts [data-act=moderate]", ".acts [data-act=delete]")),
    "shows who is there": State(
        people, (".people:popover-open li button", "[data-part=more-people]", ".people .you")
    ),
    "somebody types in": State(typing, (".typing",)),
    "has announcements": State(announcements, (".announcement .words", ".announcement .level")),
    "fetches older messages": State(older, (".older",)),
}


@pytest.fixture(params=["en", "ar"])
def page(
    request: pytest.FixtureRequest, visits: Visits, site: SiteServer, room: str
) -> Iterator[Page]:
    """A room with a message of somebody who is there, and one of one's own."""
    page = visits.open("about:blank", language=request.param)
    let_end(page)
    live(page.goto(room))
    with somebody(site, room, "Bob") as other:
        other.post("of another")
        say(page, "of one's own")
        page.wait_for_text(STORED, "one's own")
        yield page


@pytest.mark.parametrize("state", STATES)
def test_nothing_is_wrong_with_a_room_that(page: Page, state: str) -> None:
    reach, seen = STATES[state]
    reach(page)
    assert judged_at_each_size(page, *seen) == []
