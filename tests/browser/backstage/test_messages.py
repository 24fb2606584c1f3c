"""Texts are redacted in the admin, and are gone from the screens of those who have read them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

import pytest

from tests.browser.axe import violations
from tests.browser.backstage.tab import Backstage
from tests.browser.conftest import STORED, Visits, live, say
from tests.browser.page import Page
from tests.browser.talk import slug_of, somebody
from tests.servers import SiteServer
from tests.talker import Client


@pytest.fixture
def word() -> str:
    """A word that nobody else says."""
    return secrets.token_hex(6)


@pytest.fixture
def visitor(visits: Visits, room: str, word: str) -> Page:
    """Who has said three things in the room."""
    page = visits.enter(room, "Ann")
    for number in (1, 2, 3):
        say(page, f"{word} {number}")
        page.wait_for_text(STORED, f"{word} {number}")
    return page


@pytest.fixture
def other(site: SiteServer, room: str, visitor: Page, word: str) -> Iterator[Client]:
    """Somebody else who has said something there."""
    with somebody(site, room, "Bob") as client:
        client.post(f"{word} of Bob")
        visitor.wait_for_text(STORED, f"{word} of Bob")
        yield client


def left(page: Page, word: str) -> list[str]:
    """Return what is left of texts with the word on the page, without the word."""
    return [text.removeprefix(f"{word} ") for text in page.texts(STORED) if word in text]


def gone(page: Page, text: str) -> None:
    """Wait until no line of the page says it."""
    lines = "Array.from(document.querySelectorAll('.line'), e => e.innerText)"
    page.wait_until(f"!{lines}.some(line => line.includes({json.dumps(text)}))")


def test_one_or_some_or_all_by_a_sender_are_gone_at_once(
    boss: Backstage, visitor: Page, other: Client, word: str, room: str
) -> None:
    boss.goto(f"message/?q={word}")
    boss.page.evaluate(
        "Array.from(document.querySelectorAll('.field-excerpt a'))"
        f".find(e => e.innerText === '{word} 2').id = 'wanted'"
    )
    boss.press_link("#wanted")
    boss.press_tool("Redact")
    boss.fill(reason="a phone number")
    boss.submit()
    assert boss.said == "1 message was redacted."
    gone(visitor, f"{word} 2")
    assert left(visitor, word) == ["1", "3", "of Bob"]

    boss.goto(f"message/?q={word}")
    assert f"{word} 2" not in boss.page.text("#result_list")
    boss.choose("redact_selected", f"{word} 1", f"{word} of Bob")
    assert "The texts of 2 messages are taken away for good" in boss.page.text("#content")
    boss.submit()
    assert boss.said == "2 messages were redacted."
    gone(visitor, f"{word} 1")
    gone(visitor, f"{word} of Bob")
    assert left(visitor, word) == ["3"]

    other.post(f"{word} of Bob again")
    say(visitor, f"{word} 4")
    visitor.wait_for_text(STORED, f"{word} 4")
    boss.goto(f"message/?q={word}")
    boss.choose("redact_sender", f"{word} 3")
    assert boss.page.text("h1:last-of-type") == "Redact everything by Ann?"
    boss.fill(since="day", scope="site", reason="spam")
    boss.submit()
    assert "The texts of 2 messages" in boss.page.text("#content")
    boss.submit()
    assert boss.said == "2 messages were redacted."
    gone(visitor, f"{word} 3")
    gone(visitor, f"{word} 4")
    assert left(visitor, word) == ["of Bob again"]
    assert left(live(visitor.reload()), word) == ["of Bob again"]

    boss.goto("act/?q=spam")
    assert "redacted messages" in boss.page.text("#result_list")
    boss.goto(f"message/?q={slug_of(room)}&state=deleted")
    assert len(boss.page.texts("#result_list tbody tr")) == 5


def test_days_are_chosen_by_date_besides_what_else_is_chosen(
    boss: Backstage, visitor: Page, word: str
) -> None:
    page = boss.goto(f"message/?q={word}")
    assert len(page.texts("#result_list tbody tr")) == 3
    for name, day in (("from", "2020-01-01"), ("to", "2020-01-31")):
        page.evaluate(f"document.querySelector('.chat-days [name={name}]').value = '{day}'")
    boss.press_link(".chat-days button")
    assert page.texts("#result_list tbody tr") == []
    page.evaluate("document.querySelector('.chat-days [name=to]').value = ''")
    boss.press_link(".chat-days button")
    assert len(page.texts("#result_list tbody tr")) == 3
    query = page.evaluate("location.search")
    assert query == f"?q={word}&from=2020-01-01&to="
    for scheme in ("light", "dark"):
        page.prefer(color_scheme=scheme)
        assert [line for line in violations(page) if "chat-days" in line] == []
    # To look at the styles, axe would put some of its own into the page.
    for complaint in ("preload assets", "Applying inline style"):
        page.forgive(complaint)
