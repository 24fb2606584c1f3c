"""What is new: marked, counted, read out, and done with once it was seen, in whichever tab."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Visits, live, say, shown
from tests.browser.page import Page
from tests.browser.talk import (
    LOG,
    PATIENT,
    drawn,
    forgive_losses,
    hurry,
    look_away,
    look_back,
    publish,
    somebody,
    wait_for_focus,
)
from tests.servers import SiteServer

LATEST = "document.querySelector('.latest').checkVisibility()"
VOICE = "[data-part=voice]"

# Everything the region that is read out has said so far.
LISTEN = """{
  window.said = [];
  const voice = document.querySelector("[data-part=voice]");
  new MutationObserver(() => said.push(voice.textContent)).observe(voice, { childList: true });
}"""

# As long as what is read out waits for more.
AFTER_A_BREATH = "new Promise((done) => setTimeout(() => done(true), 1_600))"


def title(page: Page) -> str:
    return str(page.evaluate("document.title"))


def after_news(page: Page) -> list[str]:
    """Return the texts after the line that tells of news; empty without one."""
    return [
        str(text)
        for text in page.evaluate(
            "Array.from(document.querySelectorAll('.news ~ .line .text'), e => e.innerText)"
        )
    ]


@pytest.fixture
def page(visits: Visits, site: SiteServer, room: str) -> Page:
    """A room in which there is more than the window shows."""
    publish(site, room, 45)
    page = visits.enter(room)
    drawn(page)
    return page


def test_news_while_one_reads_further_up_are_marked_counted_and_a_jump_away(
    page: Page, site: SiteServer, room: str
) -> None:
    assert not page.evaluate(LATEST)
    page.evaluate(f"{LOG}.scrollTop = 0; 0")
    page.wait_until(LATEST)
    with somebody(site, room) as other:
        for text in ("one", "two"):
            other.post(text)
        page.wait_until("document.querySelector('.latest').dataset.count === '2'")
        assert after_news(page) == ["one", "two"]
        page.evaluate("document.querySelector('.latest').focus()")
        page.enter()
        page.wait_until(f"!{LATEST}")
        wait_for_focus(page, "log")
        other.post("three")
        page.wait_for_text(".text", "three")
        assert not page.evaluate(LATEST)
        assert after_news(page) == ["one", "two", "three"], "it stays while one reads on"
        say(page, "an answer")
        page.wait_for_text(".own", "an answer")
        assert after_news(page) == []


def test_title_counts_what_came_while_the_page_was_hidden(
    visits: Visits, page: Page, site: SiteServer, room: str
) -> None:
    name = title(page)
    with somebody(site, room) as other:
        other.post("while one looks")
        page.wait_for_text(".text", "while one looks")
        drawn(page)
        look_away(page, visits)
        assert title(page) == name
        other.post("one")
        page.wait_until("document.title.startsWith('(1) ')")
        seq = other.post("two")
        page.wait_until("document.title.startsWith('(2) ')")
        other.do("delete", seq=seq)
        page.wait_until("document.title.startsWith('(1) ')")
        assert title(page) == f"(1) {name}"
        # Nothing is heard from now on that would have the page drawn anew anyhow.
        page.evaluate("document.querySelector('chat-room').client.ask = async () => 0; 0")
        look_back(page)
        page.wait_until(f"document.title === {name!r}")
        assert after_news(page) == ["one", ""]
        look_away(page, visits)
        drawn(page)
        assert (title(page), after_news(page)) == (name, []), "seen, and no longer new"


def test_what_is_read_in_one_tab_is_read_in_the_other(
    visits: Visits, page: Page, site: SiteServer, room: str
) -> None:
    name = title(page)
    with somebody(site, room) as other:
        second = look_away(page, visits)
        other.post("news")
        page.wait_until("document.title.startsWith('(1) ')")
        live(second.goto(room))
        second.wait_for_text(".text", "news")
        page.wait_until(f"document.title === {name!r}")


def test_next_visit_begins_where_reading_ended(
    visits: Visits, page: Page, site: SiteServer, room: str
) -> None:
    with somebody(site, room) as other:
        page.goto("about:blank")
        texts = [f"news {number}" for number in range(12)]
        for text in texts:
            other.post(text + "\n." * 9)
        live(page.goto(room))
        drawn(page)
        assert after_news(page)[0].startswith("news 0")
        place = "document.querySelector('.news').getBoundingClientRect()"
        assert page.evaluate(f"{place}.top > {LOG}.getBoundingClientRect().top")
        assert page.evaluate(f"{place}.bottom < {LOG}.getBoundingClientRect().bottom")
        page.wait_until("document.querySelector('.latest').dataset.count === '12'")
        page.click(".latest")
        page.wait_until(f"!{LATEST}")
        drawn(page)
        live(page.reload())
        drawn(page)
        assert after_news(page) == []
        assert not page.evaluate(LATEST)


def test_message_is_read_out_with_its_sender(page: Page, site: SiteServer, room: str) -> None:
    page.evaluate(LISTEN)
    with somebody(site, room, "Bob") as other:
        other.post("Good morning")
        page.wait_until("said.length === 1")
        assert page.evaluate("said") == ["Bob: Good morning"]
        say(page, "my own is not read out")
        page.wait_for_text(".own", "my own")
        other.post("x" * 2000)
        page.wait_until("said.length === 2")
        assert len(page.evaluate("said[1]")) < 400


# As in browsers that save themselves the work.
SAME_TEXT_IS_NO_CHANGE = """{
  const { get, set } = Object.getOwnPropertyDescriptor(Node.prototype, "textContent");
  Object.defineProperty(document.querySelector("[data-part=voice]"), "textContent", {
    get, set(text) { if (text !== this.textContent) set.call(this, text); },
  });
}"""


def test_same_words_once_more_are_read_out_once_more(
    page: Page, site: SiteServer, room: str
) -> None:
    page.evaluate(SAME_TEXT_IS_NO_CHANGE)
    page.evaluate(LISTEN)
    with somebody(site, room, "Bob") as other:
        for number in (1, 2):
            other.do("post", text="yes", id=f"yes {number}")
            page.wait_until(f"said.length === {number}")
    for number in (3, 4):
        page.evaluate("document.querySelector('chat-room').status.tell('Copied')")
        page.wait_until(f"said.length === {number}")
    assert page.evaluate("said") == ["Bob: yes", "Bob: yes", "Copied", "Copied"]


def test_burst_is_read_out_as_a_number(visits: Visits, site: SiteServer, room: str) -> None:
    page = visits.open("about:blank")
    page.before_scripts(PATIENT)
    live(page.goto(room))
    page.evaluate(LISTEN)
    with somebody(site, room) as other:
        seq = other.post("first")
        page.wait_for_text(".text", "first")
        page.evaluate(flood(room, seq + 1, 199))
        page.wait_until("said.length > 0")
        drawn(page)
        assert page.evaluate("said") == ["New messages: 200"]
    assert len(shown(page)) == 200


def flood(room: str, seq: int, count: int) -> str:
    """Return a script by which a page hears of so many messages, as it would from the server."""
    slug = room.rstrip("/").rpartition("/")[2]
    return f"""{{
      const {{ client, room }} = document.querySelector("chat-room");
      for (let seq = {seq}; seq < {seq + count}; seq++) {{
        room.hear({{ type: "message", room: "{slug}", seq, id: `f${{seq}}`, text: `flood ${{seq}}`,
          sender: {{ id: "9", name: "Flood" }}, at: new Date().toISOString() }});
      }}
      client.emit("settled", undefined);
    }}"""


def test_what_comes_to_a_hidden_page_is_read_out_later_or_in_the_tab_where_it_was_read(
    visits: Visits, page: Page, site: SiteServer, room: str
) -> None:
    page.evaluate(LISTEN)
    with somebody(site, room) as other:
        second = look_away(page, visits)
        for text in ("one", "two"):
            other.post(text)
        page.wait_until("document.title.startsWith('(2) ')")
        page.evaluate(AFTER_A_BREATH)
        assert page.evaluate("said") == []
        look_back(page)
        page.wait_until("said.length > 0")
        assert page.evaluate("said") == ["New messages: 2"]
        second.front()
        page.wait_until("document.hidden")
        other.post("three")
        page.wait_until("document.title.startsWith('(1) ')")
        live(second.goto(room))
        second.wait_for_text(".text", "three")
        page.wait_until("!document.title.startsWith('(')")
        look_back(page)
        page.evaluate(AFTER_A_BREATH)
        assert page.evaluate("said") == ["New messages: 2"]


def test_of_two_windows_that_are_to_be_seen_one_reads_out(
    visits: Visits, page: Page, site: SiteServer, room: str
) -> None:
    page.before_scripts(PATIENT)
    live(page.goto(room))
    second = live(visits.open(room, like=page))
    focus = "document.hasFocus = () => {}; 0"
    second.evaluate(focus.format("true"))
    # Tabs share a window here: this one is as if it had one of its own, behind.
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => false }); 0")
    page.evaluate(focus.format("false"))
    for window in (page, second):
        window.evaluate(LISTEN)
    with somebody(site, room, "Bob") as other:
        other.post("one")
        second.wait_until("said.length === 1")
        assert second.evaluate("said") == ["Bob: one"]
        second.goto("about:blank")
        other.post("two")
        page.wait_until("said.length > 0")
        assert page.evaluate("said") == ["Bob: two"], "that alone, and though it has no focus"


def test_log_itself_is_not_read_out(page: Page) -> None:
    live_regions = "[aria-live], [role=status], [role=alert], [role=log]"
    shouting = page.evaluate(
        f"Array.from(document.querySelectorAll('{live_regions}'))"
        ".filter(e => e.querySelector('.line') && e.ariaLive !== 'off').length"
    )
    assert shouting == 0
    assert page.evaluate(f"document.querySelector('{VOICE}').role") == "status"


def test_history_that_is_another_one_now_counts_from_its_start(
    visits: Visits, own_site: SiteServer
) -> None:
    with somebody(own_site, "main") as other:
        for number in range(5):
            other.post(f"old {number}")
    page = visits.enter(own_site.url)
    page.wait_for_text(".text", "old 4")
    drawn(page)
    own_site.kill()
    own_site.run(
        "from chat.models import Message, Room; Message.objects.all().delete();"
        " Room.objects.update(epoch='other', head=0)",
    )
    own_site.start()
    hurry(page)
    page.wait_until("document.querySelectorAll('.line').length === 0")
    live(page)
    look_away(page, visits)
    with somebody(own_site, "main") as other:
        other.post("new")
        page.wait_until("document.title.startsWith('(1) ')")
    forgive_losses(page)


@pytest.mark.parametrize("change", [{}, {"text": "two"}], ids=["deleted", "edited"])
def test_what_was_read_out_goes_with_its_message(
    page: Page, site: SiteServer, room: str, change: dict[str, str]
) -> None:
    with somebody(site, room) as other:
        seq = other.post("one")
        page.wait_for_text(VOICE, "one")
        other.do("edit" if change else "delete", seq=seq, **change)
        page.wait_until(f"document.querySelector('{VOICE}').textContent === ''")
