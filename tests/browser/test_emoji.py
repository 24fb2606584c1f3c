"""Emoji of several characters come out as they went in, wherever a text goes."""

from __future__ import annotations

import json

import pytest

from tests.browser.conftest import STORED, Visits, field, live, say
from tests.browser.page import Page
from tests.browser.talk import drawn, somebody
from tests.servers import SiteServer

EMOJI = {
    "family": "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "flag": "\U0001f1e9\U0001f1ea",
    "flag of tags": "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "skin tone": "\U0001f44d\U0001f3fd",
    "joined with a tone": "\U0001f469\U0001f3ff\u200d\U0001f680",
    "heart in colour": "\u2764\ufe0f",
    "keycap": "1\ufe0f\u20e3",
}
ALL = "".join(EMOJI.values())

# How many boxes a text takes, as the eye sees it: what is broken takes more than what is whole.
CLUSTERS = "Array.from(new Intl.Segmenter('en').segment({})).length"


@pytest.fixture
def page(visits: Visits, room: str) -> Page:
    return visits.enter(room, "Ann")


@pytest.mark.parametrize("text", [*EMOJI.values(), ALL], ids=[*EMOJI, "all in a row"])
def test_what_is_posted_is_what_is_stored_and_shown(
    page: Page, site: SiteServer, room: str, text: str
) -> None:
    with somebody(site, room) as other:
        say(page, text)
        page.wait_for_text(STORED, text)
        assert [one["text"] for one in other.do("history", before=9)["messages"]] == [text]
    for _ in ("as it came", "as the server has it"):
        drawn(page)
        assert page.texts(".line .text") == [text]
        assert page.evaluate("document.querySelector('.text').childNodes.length") == 1
        live(page.reload())


def test_there_are_as_many_as_were_written(page: Page) -> None:
    say(page, ALL)
    page.wait_for_text(STORED, ALL)
    shown = "document.querySelector('.text').textContent"
    assert page.evaluate(CLUSTERS.format(shown)) == len(EMOJI)


def test_edit_has_them_in_the_field_and_leaves_them_whole(
    page: Page, site: SiteServer, room: str
) -> None:
    say(page, ALL)
    page.wait_for_text(STORED, ALL)
    page.arrow("Up")
    assert field(page) == ALL
    page.press("End")
    page.type("!")
    page.enter()
    page.wait_for_text(STORED, ALL + "!")
    with somebody(site, room) as other:
        (message,) = other.do("history", before=9)["messages"]
    assert message["text"] == ALL + "!"


def test_key_that_deletes_takes_one_of_them_at_a_time(page: Page) -> None:
    page.write(".post textarea", EMOJI["flag"] + EMOJI["family"])
    page.press("Backspace")
    assert field(page) == EMOJI["flag"]


def test_copy_draft_name_and_what_is_read_out_have_them_whole(
    page: Page, visits: Visits, site: SiteServer, room: str
) -> None:
    # Nobody may have joiners in their name, by which it could look like another's.
    name = f"Bob {EMOJI['skin tone']}{EMOJI['flag']}"
    with somebody(site, room, name) as other:
        other.post(ALL)
        page.wait_for_text(STORED, ALL)
        page.wait_for_text("[data-part=voice]", f"{name}: {ALL}")
        assert page.text(".name") == name
        other.tell("typing")
        page.wait_for_text(".typing", name)
    page.permit("clipboardReadWrite", "clipboardSanitizedWrite")
    page.hover(".says")
    page.click(".acts [data-act=copy]")
    page.wait_until(f"navigator.clipboard.readText().then(text => text === {json.dumps(ALL)})")
    page.write(".post textarea", ALL)
    live(page.reload())
    assert field(page) == ALL
    assert page.text(".name") == name


def test_address_ends_with_what_belongs_to_it(page: Page) -> None:
    address = f"https://example.org/{EMOJI['family']}"
    say(page, f"{EMOJI['flag']} {address} {EMOJI['skin tone']}")
    page.wait_for_text(STORED, EMOJI["skin tone"])
    assert page.texts(".text a") == [address]
