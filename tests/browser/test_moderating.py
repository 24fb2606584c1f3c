"""Looking after a room from within the chat, and what those it is done to see of it."""

from __future__ import annotations

import json

import pytest

from tests.browser.axe import judged
from tests.browser.conftest import STORED, Visits, live, say
from tests.browser.page import Page
from tests.browser.talk import drawn, focused, let_in, look_back, sign_in, wait_for_focus
from tests.servers import SiteServer

# What keeps people's words in a direction of their own.
ISOLATES = {0x2068: None, 0x2069: None}

ASKED = "document.querySelector('[data-part=moderation]').open"
WRITES = "document.querySelector('.post').checkVisibility()"


@pytest.fixture
def ann(visits: Visits, room: str) -> Page:
    """A guest who has said something."""
    page = visits.enter(room, "Ann")
    say(page, "hello")
    page.wait_for_text(STORED, "hello")
    return page


@pytest.fixture
def moderator(visits: Visits, site: SiteServer, room: str, ann: Page) -> Page:
    """Somebody with the permission to ban, in the same room."""
    page = visits.open("about:blank")
    sign_in(site, page, "judge", "ban")
    live(page.goto(room)).wait_for_text(STORED, "hello")
    return page


def hear(page: Page, **event: object) -> None:
    """Let the page hear an event of its room."""
    told = json.dumps({"room": "x", **event})
    page.evaluate(f"document.querySelector('chat-room').room.hear({told}); 0")


def ask(page: Page) -> None:
    """Open the question of what to do to who has said the first message."""
    look_back(page)
    page.hover(".line .says")
    page.click(".acts [data-act=moderate]")
    page.wait_until(ASKED)


def choose(page: Page, action: str, reason: str = "") -> None:
    """Answer the question."""
    page.click(f"[name=action][value={action}]")
    if reason:
        page.write("[name=reason]", reason)
    page.click("[data-part=moderation-yes]")
    page.wait_until(f"!{ASKED}")


def test_who_is_muted_is_told_why_and_until_when_and_writes_again_afterwards(
    moderator: Page, ann: Page
) -> None:
    ann.write(".post textarea", "a draft")
    ask(moderator)
    choose(moderator, "mute", "too <b>loud</b>")
    moderator.wait_for_text(".notice", " is muted.")
    ann.wait_for_text(".silence", "You are muted until ")
    assert "Reason: too <b>loud</b>" in ann.text(".silence").translate(ISOLATES)
    assert not ann.evaluate(WRITES)
    assert ann.texts(".announcement") == [], "it is said once, in the reader's language"
    assert judged(ann) == []
    # Also to who comes back.
    live(ann.reload())
    ann.wait_for_text(".silence", "Reason: ")
    ask(moderator)
    choose(moderator, "unmute")
    moderator.wait_for_text(".notice", " may write again.")
    ann.wait_until(WRITES)
    assert ann.evaluate("document.querySelector('.post textarea').value") == "a draft"
    assert ann.text("[data-part=voice]") == "You may write again."
    say(ann, "sorry")
    moderator.wait_for_text(STORED, "sorry")


def test_who_is_removed_is_told_so_with_the_reason_and_may_be_let_in_again(
    moderator: Page, ann: Page, room: str
) -> None:
    moderator.click(".people li button:not([hidden])")
    moderator.wait_until(ASKED)
    assert moderator.text("[data-part=whom]") == "Ann"
    choose(moderator, "remove", "enough")
    ann.wait_for_text(".notice", "You have been removed from this room.")
    assert "enough" in ann.text(".notice")
    assert ann.evaluate("document.querySelector('.post textarea').disabled")
    assert ann.text(".state") == "Disconnected"
    assert ann.texts(".people li") == [], "who is there is not known any more"
    assert ann.text(".number[data-part=here]") == ""
    assert judged(ann) == []
    ann.evaluate("dispatchEvent(new Event('online'))")
    drawn(ann)
    assert "enough" in ann.text(".notice"), "it stays said"
    ann.goto(room)
    assert "You have been removed from this room." in ann.text("main")
    assert judged(ann) == []
    ann.forgive("403")
    ask(moderator)
    choose(moderator, "restore")
    moderator.wait_for_text(".notice", " may come in again.")
    let_in(ann, room)


def test_what_there_is_to_take_back_is_known_to_the_server(moderator: Page) -> None:
    ask(moderator)
    moderator.click("[name=action][value=unmute]")
    assert not moderator.evaluate("document.querySelector('[name=seconds]').checkVisibility()")
    moderator.click("[data-part=moderation-yes]")
    moderator.wait_for_text(".notice.refusal", "There is nothing to take back.")


def test_question_is_answered_by_keyboard_and_cancelled_by_it(moderator: Page, ann: Page) -> None:
    ask(moderator)
    assert judged(moderator) == []
    moderator.press("Escape")
    moderator.wait_until(f"!{ASKED}")
    moderator.wait_until("document.activeElement.matches('.line')")
    moderator.tab(times=2)
    assert focused(moderator) == "moderate", "who may only ban deletes nothing of others'"
    moderator.enter()
    moderator.wait_until(ASKED)
    moderator.evaluate("document.querySelector('[name=reason]').focus()")
    moderator.type("by hand\n")
    moderator.wait_for_text(".notice", " is muted.")
    ann.wait_for_text(".silence", "by hand")


def test_focus_is_on_the_messages_where_what_had_it_is_hidden_or_gone(
    moderator: Page, ann: Page
) -> None:
    person = ".people li button:not([hidden])"
    moderator.wait_until(f"!!document.querySelector('{person}')")
    moderator.resize(360, 700)
    moderator.click(".opens-people")
    moderator.click(person)
    moderator.wait_until(ASKED)
    moderator.press("Escape")
    moderator.wait_until(f"!{ASKED}")
    wait_for_focus(moderator, "log")
    moderator.resize(1200, 700)
    moderator.evaluate(f"document.querySelector('{person}').focus()")
    event = {"type": "rights", "room": "x", "may": ["post"]}
    hear = "document.querySelector('chat-room').room.hear({})"
    moderator.evaluate(hear.format(json.dumps(event)))
    wait_for_focus(moderator, "log")
    moderator.evaluate(hear.format(json.dumps({**event, "may": ["post", "ban"]})))
    moderator.evaluate(f"document.querySelector('{person}').focus()")
    ann.goto("about:blank")
    wait_for_focus(moderator, "log")


def test_module_and_question_are_for_those_who_may(moderator: Page, ann: Page) -> None:
    loaded = (
        "performance.getEntriesByType('resource').map(e => e.name.split('/').at(-1))"
        ".filter(name => name.startsWith('moderati')).sort()"
    )
    assert moderator.evaluate(loaded) == []
    ask(moderator)
    assert moderator.evaluate(loaded) == ["moderating.js", "moderation.css"]
    assert moderator.evaluate("getComputedStyle(document.querySelector('.whom')).fontWeight") == (
        "700"
    ), "not before it is styled"
    moderator.press("Escape")
    look_back(ann)
    ann.hover(".line .says")
    ann.wait_until("!!document.querySelector('.acts [data-act=copy]')?.checkVisibility()")
    assert not ann.evaluate("document.querySelector('.acts [data-act=moderate]').checkVisibility()")
    assert not ann.evaluate("!!document.querySelector('.people li button:not([hidden])')")
    assert not ann.evaluate("!!document.querySelector('[data-part=moderation]')")
    # Somebody else by now, on a page that has no question to ask.
    hear(ann, type="rights", may=["post", "ban"])
    ann.click(".people li button:not([hidden])")
    ann.wait_for_text(".notice.refusal", "Reload the page to go on.")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("unavailable", "That could not be done just now. Please try again."),
        ("not_found", "This person is no longer there."),
    ],
)
def test_what_was_not_done_is_said_as_it_is(moderator: Page, code: str, sentence: str) -> None:
    refuse = f"error => {{ throw new error.constructor({{ code: '{code}' }}); }}"
    moderator.evaluate(
        "const { client, room } = document.querySelector('chat-room');"
        f"room.moderate = () => client.ask({{ type: 'nonsense' }}).catch({refuse}); 0"
    )
    ask(moderator)
    choose(moderator, "mute")
    moderator.wait_for_text(".notice.refusal", sentence)
    # Over HTTP one joins anew each minute: what was said stays.
    moderator.evaluate(
        "document.querySelector('chat-room').room.emit('joined', { fresh: false, head: 0 }); 0"
    )
    assert moderator.text(".notice") == sentence


def test_for_what_the_site_says_nobody_is_muted(
    moderator: Page, site: SiteServer, room: str
) -> None:
    slug = room.split("/")[-2]
    site.run(f"from chat.api import publish; publish({slug!r}, 'from us all')")
    moderator.wait_for_text(STORED, "from us all")
    moderator.hover(".line:last-child .says")
    moderator.wait_until("!!document.querySelector('.acts [data-act=copy]')?.checkVisibility()")
    moderates = "document.querySelector('.acts [data-act=moderate]').checkVisibility()"
    assert not moderator.evaluate(moderates)
    moderator.hover(".line .says")
    moderator.wait_until(moderates)


def test_right_that_is_gone_takes_what_it_offered_with_it(moderator: Page) -> None:
    event = {"type": "rights", "room": "x", "may": ["post"]}
    moderator.evaluate(f"document.querySelector('chat-room').room.hear({json.dumps(event)})")
    moderator.hover(".line .says")
    moderator.wait_until("!!document.querySelector('.acts [data-act=copy]')?.checkVisibility()")
    offered = "Array.from(document.querySelectorAll('.acts button')).filter(e => !e.hidden).length"
    assert moderator.evaluate(offered) == 1


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("locked", "This room is locked"),
        ("archived", "This room is archived"),
        ("sign_in", "To write here you have to be signed in. Sign in"),
        ("something new", "You may not write here just now."),
    ],
)
def test_silence_of_any_kind_is_said_in_the_place_of_the_field(
    ann: Page, code: str, sentence: str
) -> None:
    event = {"type": "rights", "room": "x", "may": [], "code": code}
    ann.evaluate(f"document.querySelector('chat-room').room.hear({json.dumps(event)})")
    ann.wait_until(f"!{WRITES}")
    assert ann.text(".silence").startswith(sentence)
    assert ("Sign in" in ann.text(".silence")) == (code == "sign_in")
    assert focused(ann) == "log", "the focus is not lost with the field"
    assert ann.text("[data-part=voice]").startswith(sentence.removesuffix(" Sign in")), "read out"


def test_words_of_the_site_stay_until_they_are_put_away(ann: Page) -> None:
    hear = "document.querySelector('chat-room').client.emit('notice', {})"
    for number in range(4):
        level = "warning" if number == 3 else "info"
        notice = {"type": "notice", "text": f"word {number} <i>", "level": level}
        ann.evaluate(hear.format(json.dumps(notice)) + "; 0")
    words = (
        "Array.from(document.querySelectorAll('.announcement'), e => e.innerText.split('\\n')[0])"
    )
    assert ann.evaluate(words) == ["word 1 <i>", "word 2 <i>", "Warning: word 3 <i>"]
    assert judged(ann) == []
    assert ann.evaluate("document.querySelector('.notices').ariaLive") == "polite"
    say(ann, "what is said does not put them away")
    ann.wait_for_text(STORED, "put them away")
    for left in (2, 1, 0):
        ann.click(".announcement button")
        ann.wait_until(f"document.querySelectorAll('.announcement').length === {left}")
    assert focused(ann) == "log"
