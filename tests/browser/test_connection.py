"""How the connection is: quiet while all is well, said when it is not, and what can be done."""

from __future__ import annotations

import pytest

from tests.browser.conftest import STORED, Visits, field, live, say
from tests.browser.page import Page
from tests.browser.talk import (
    PATIENT,
    drawn,
    focused,
    forgive_losses,
    let_end,
    sign_in,
    wait_for_focus,
)
from tests.servers import SiteServer

STATE = "document.querySelector('chat-room').dataset.state"

# What people see and hear of the connection, over time.
LISTEN = """{
  window.said = [];
  const state = document.querySelector("[data-part=state]");
  new MutationObserver(() => said.push(state.textContent)).observe(state, { childList: true });
}"""

COUNT_TRIES = """{
  window.tries = 0;
  const { client } = document.querySelector("chat-room");
  client.on("state", ({ state }) => state === "waiting" && window.tries++);
}"""

MOVES = """{
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    @keyframes glow { to { opacity: 0.9 } }
    chat-room .post { animation: glow 9s infinite }
  `);
  document.adoptedStyleSheets = [sheet];
}"""


@pytest.fixture
def page(visits: Visits, room: str) -> Page:
    """A room whose connection the test can close with a code."""
    page = visits.open("about:blank")
    let_end(page)
    return live(page.goto(room))


def test_short_loss_is_not_spoken_of(page: Page, room: str) -> None:
    page.before_scripts(PATIENT)
    live(page.goto(room))
    assert page.text(".state") == ""
    page.evaluate(LISTEN)
    page.evaluate("lastSocket.end(1006)")
    page.wait_until(f"{STATE} === 'waiting'")
    page.evaluate("window.closing = undefined; dispatchEvent(new Event('online'))")
    live(page)
    drawn(page)
    assert [said for said in page.evaluate("said") if said] == []
    assert page.text("[data-part=retry]") == "Try now"
    assert not page.evaluate("document.querySelector('[data-part=retry]').checkVisibility()")
    say(page, "and goes on")
    page.wait_for_text(STORED, "and goes on")


def test_loss_is_said_and_try_now_ends_it(visits: Visits, own_site: SiteServer) -> None:
    page = visits.enter(own_site.url)
    page.evaluate("Math.random = () => 100")  # by itself it comes back in minutes
    own_site.kill()
    page.wait_for_text(".state", "Connection lost. Trying again…")
    page.wait_until("document.querySelector('[data-part=retry]').checkVisibility()")
    own_site.start()
    assert page.evaluate(STATE) == "waiting"
    page.evaluate("document.querySelector('[data-part=retry]').focus()")
    page.enter()
    live(page)
    assert page.text(".state") == ""
    wait_for_focus(page, "log")
    forgive_losses(page)


def test_long_loss_is_said_once_and_try_now_keeps_its_place_and_the_focus(
    visits: Visits, own_site: SiteServer
) -> None:
    page = visits.enter(own_site.url)
    page.evaluate("Math.random = () => 100")  # by itself it tries again in minutes
    own_site.kill()
    page.wait_for_text(".state", "Connection lost. Trying again…")
    page.evaluate("document.querySelector('[data-part=retry]').focus()")
    page.evaluate(LISTEN)
    page.evaluate(COUNT_TRIES)
    for number in (1, 2, 3):
        page.enter()
        page.wait_until(f"tries === {number} && {STATE} === 'waiting'")
        assert focused(page) == "retry"
    assert page.evaluate("said") == []
    own_site.start()
    page.enter()
    live(page)
    page.wait_until("document.querySelector('.state').innerText === ''")
    wait_for_focus(page, "log")
    forgive_losses(page)


def test_being_offline_is_said_at_once_and_what_is_written_then_is_sent_afterwards(
    visits: Visits, room: str
) -> None:
    page = visits.enter(room)
    page.offline()
    page.wait_until("document.querySelector('.state').innerText === 'You are offline.'")
    say(page, "for later")
    page.wait_for_text(".notice", "This will be sent as soon as the connection is back.")
    page.wait_for_text(".sending:not([hidden])", "Sending…")
    page.offline(False)
    page.wait_for_text(STORED, "for later")
    page.wait_until("document.querySelector('.state').innerText === ''")
    assert page.text(".notice") == ""
    forgive_losses(page)


def test_signing_out_in_one_tab_ends_the_other_soon(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page = visits.open("about:blank")
    sign_in(site, page, "goes_out")
    live(page.goto(room))
    other = live(visits.open(room, like=page))
    other.click(".post textarea")
    page.front()
    page.click(".account form button")
    other.wait_until(
        "document.querySelector('.notice').innerText.startsWith('You are signed out.')", seconds=10
    )
    assert other.evaluate("document.querySelector('.post textarea').disabled")
    other.wait_for_text(".state", "Disconnected")
    wait_for_focus(other, "log")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (4500, "The server ended the connection. Reload the page to try again."),
        (4501, "You are signed out. Reload the page to go on."),
        (4503, "You have been removed from this chat."),
        (4509, "That message was too big, so the server ended the connection."),
        (4599, "Disconnected"),
    ],
)
def test_end_that_is_one_is_said_with_its_reason(page: Page, code: int, sentence: str) -> None:
    page.write(".post textarea", "a draft")
    page.evaluate(f"lastSocket.end({code})")
    page.wait_for_text(".state", "Disconnected")
    page.wait_for_text(".notice", sentence)
    assert page.evaluate("document.querySelector('.post textarea').disabled")
    page.evaluate("dispatchEvent(new Event('online'))")
    drawn(page)
    assert page.evaluate(STATE) == "closed", "it does not come back by itself"
    assert field(page) == "a draft"


@pytest.mark.parametrize("part", [".post textarea", ".people input"])
def test_end_leaves_nothing_to_use_that_is_of_no_use(page: Page, part: str) -> None:
    page.wait_for_text(".people li", "(you)")
    page.click(part)
    page.evaluate("lastSocket.end(4503)")
    page.wait_for_text(".state", "Disconnected")
    assert page.texts(".people li") == [], "who is there is not known any more"
    assert page.text("[data-part=here]") == page.text("[data-part=online]") == ""
    assert not page.evaluate("document.querySelector('[data-part=naming]').checkVisibility()")
    assert focused(page) == "log", "the focus is not lost with what had it"


def test_end_is_not_said_below_the_list_of_people(page: Page) -> None:
    page.resize(360, 640, phone=True)
    page.click(".opens-people")
    page.click(".people input")
    page.evaluate("lastSocket.end(4503)")
    page.wait_for_text(".notice", "You have been removed from this chat.")
    assert not page.evaluate("document.querySelector('.people').matches(':popover-open')")
    assert focused(page) == "log"


@pytest.mark.parametrize("code", [4000, 4001, 4002, 4003])
def test_end_that_is_none_is_gone_on_after(page: Page, code: int) -> None:
    page.evaluate(f"lastSocket.end({code})")
    page.wait_until(f"{STATE} === 'waiting'")
    page.evaluate("window.closing = undefined; dispatchEvent(new Event('online'))")
    live(page)


def test_frame_that_is_too_big_is_answered_with_a_sentence(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    page.evaluate(
        "(({ client, dataset }) => client.send("
        "{ type: 'post', room: dataset.room, id: '1', text: 'x'.repeat(client.limits.frame) }))"
        "(document.querySelector('chat-room'))"
    )
    page.wait_for_text(".notice", "That message was too big")
    assert page.text(".state") == "Disconnected"


def test_room_that_is_gone_is_said_instead_of_waited_for(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    page.evaluate("document.querySelector('chat-room').room.hear({ type: 'left', room: 'x' })")
    page.wait_for_text(".notice", "You are no longer in this room.")
    assert page.text(".state") == "Disconnected"


def test_loss_is_calm_for_those_too_who_want_less_motion(page: Page, room: str) -> None:
    page.before_scripts(PATIENT)
    live(page.goto(room))
    page.prefer(reduced_motion="reduce")
    page.evaluate(LISTEN)
    page.evaluate("lastSocket.end(1006)")
    page.wait_until(f"{STATE} === 'waiting'")
    page.evaluate("window.closing = undefined; dispatchEvent(new Event('online'))")
    live(page)
    drawn(page)
    assert [said for said in page.evaluate("said") if said] == []
    # Whatever the site's own style would have move.
    page.evaluate(MOVES)
    moving = "document.getAnimations().length"
    assert page.evaluate(moving) == 0
    page.prefer(reduced_motion="no-preference")
    page.wait_until(moving)
