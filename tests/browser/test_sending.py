"""What one sends is on the page at once, stored once, and one's own until it is stored."""

from __future__ import annotations

import json

from tests.browser.axe import judged
from tests.browser.conftest import STORED, Visits, field, live, say, shown
from tests.browser.page import Page
from tests.browser.talk import (
    drawn,
    focused,
    forgive_losses,
    hold,
    hurry,
    publish,
    slug_of,
    somebody,
)
from tests.servers import SiteServer

WAITING = ".line[data-state=waiting] .text"
FAILED = ".line[data-state=failed]"


def refuse(page: Page, site: SiteServer, room: str) -> None:
    """Let the server refuse messages of more than nine characters, which the page knows not."""
    make = f"Room.objects.update_or_create(slug={slug_of(room)!r}, defaults=dict(max_length=9))"
    site.run(f"from chat.models import Room; {make}")
    live(page.goto(room))
    page.evaluate("document.querySelector('chat-room').dataset.longest = 4000")


def cut_off(page: Page) -> None:
    """Leave the page, and those it loads, no way to be live, also where the server is there."""
    page.refuse_websockets()
    page.block(["*/events*", "*/messages"])


def test_message_is_shown_at_once_and_becomes_the_stored_one_in_its_place(
    visits: Visits, room: str
) -> None:
    page = visits.enter(room)
    hold(page)
    say(page, "at once")
    page.wait_for_text(WAITING, "at once")
    assert field(page) == ""
    page.evaluate(
        """window.row = document.querySelector(".line");
        window.most = 0;
        const count = () => { most = Math.max(most, document.querySelectorAll(".line").length); };
        new MutationObserver(count).observe(document.querySelector(".lines"), { childList: true });
        release()"""
    )
    page.wait_for_text(STORED, "at once")
    drawn(page)
    assert page.evaluate("row === document.querySelector('.line') && row.dataset.seq === '1'")
    assert page.evaluate("most") <= 1
    assert shown(page) == ["at once"]


def test_message_that_was_refused_stays_and_is_tried_again_only_where_that_may_help(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page = visits.open("about:blank")
    refuse(page, site, room)
    say(page, "much too long")
    page.wait_for_text(FAILED, "Not sent. That message is too long.")
    ends = "Array.from(document.querySelectorAll('.own .says, .own .failed button:not([hidden])'))"
    says, button = page.evaluate(f"{ends}.map(e => e.getBoundingClientRect().right)")
    assert abs(says - button) < 8, "beside what it is of"
    live(page.reload()).wait_for_text(FAILED, "much too long")
    assert not page.evaluate("document.querySelector('[data-act=retry]').checkVisibility()")
    assert page.evaluate("document.querySelector('[data-act=discard]').checkVisibility()")


def test_message_that_has_waited_too_long_can_be_tried_again(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    me = page.evaluate("document.querySelector('chat-room').client.me.id")
    post = {"id": "a" * 32, "text": "of last week", "at": 1, "me": me, "state": "waiting"}
    key = f"chat.post.{slug_of(room)}.{post['id']}"
    page.evaluate(f"localStorage.setItem({json.dumps(key)}, {json.dumps(json.dumps(post))})")
    live(page.reload()).wait_for_text(FAILED, "It has waited for more than a day.")
    page.evaluate("document.querySelector('[data-act=retry]').focus()")
    page.enter()
    page.wait_for_text(STORED, "of last week")
    page.wait_until(f"!document.querySelector('{FAILED}')")
    drawn(page)
    assert shown(page) == ["of last week"]
    assert not page.evaluate("document.querySelector('.failed').checkVisibility()")
    assert focused(page) != "BODY"


def test_message_that_was_refused_can_be_taken_back(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page = visits.open("about:blank")
    refuse(page, site, room)
    say(page, "much too long")
    page.wait_for_text(FAILED, "Not sent.")
    page.write(".post textarea", "already")
    page.evaluate("document.querySelector('[data-act=discard]').focus()")
    page.enter()
    page.wait_until("!document.querySelector('.line')")
    assert field(page) == "much too long\nalready"
    assert focused(page) == "text"
    live(page.reload())
    drawn(page)
    assert shown(page) == []


def test_taking_back_leaves_an_edit_alone(visits: Visits, site: SiteServer, room: str) -> None:
    page = visits.open("about:blank")
    refuse(page, site, room)
    say(page, "short")
    page.wait_for_text(STORED, "short")
    say(page, "much too long")
    page.wait_for_text(FAILED, "Not sent.")
    page.arrow("Up")
    assert field(page) == "short"
    page.click(f"{FAILED} [data-act=discard]")
    page.wait_until(f"!document.querySelector('{FAILED}')")
    assert field(page) == "short"
    page.press("Escape")
    assert field(page) == "much too long"


def test_message_of_a_page_that_is_cut_off_is_sent_by_another(
    visits: Visits, own_site: SiteServer
) -> None:
    page = visits.enter(own_site.url, "Ann")
    own_site.kill()
    page.wait_until("document.querySelector('chat-room').dataset.state !== 'open'")
    say(page, "kept")
    page.wait_for_text(WAITING, "kept")
    cut_off(page)  # before it could come back by itself
    own_site.start()
    page.reload()
    page.wait_for_text(WAITING, "kept")

    # As after the tab was closed: another page of the same visitor takes over.
    second = live(visits.open(own_site.url, like=page))
    second.wait_for_text(STORED, "kept")
    drawn(second)
    assert shown(second) == ["kept"]
    assert second.evaluate("Object.keys(localStorage).filter(k => k.startsWith('chat.post'))") == []
    for tab in (page, second):
        forgive_losses(tab)
        tab.forgive("Failed to load resource")
        tab.forgive("Failed to fetch")


def test_message_of_a_page_that_is_closed_is_sent_by_one_that_was_there_all_along(
    visits: Visits, room: str
) -> None:
    first = visits.enter(room, "Ann")
    second = live(visits.open(room, like=first))
    first.offline()
    first.wait_until("document.querySelector('.state').innerText === 'You are offline.'")
    say(first, "left behind")
    first.wait_for_text(WAITING, "left behind")
    first.goto("about:blank")
    second.wait_for_text(STORED, "left behind")
    drawn(second)
    assert shown(second) == ["left behind"]
    forgive_losses(first)


def test_messages_written_offline_go_out_in_their_order(
    visits: Visits, own_site: SiteServer
) -> None:
    page = visits.enter(own_site.url, "Ann")
    own_site.kill()
    page.wait_until("document.querySelector('chat-room').dataset.state === 'waiting'")
    texts = [f"offline {number}" for number in range(8)]
    for text in texts:
        say(page, text)
    page.wait_for_text(WAITING, texts[-1])
    assert page.texts(WAITING) == texts
    own_site.start()
    with somebody(own_site, "main") as reader:
        hurry(page)
        page.wait_for_text(STORED, texts[-1])
        stored = reader.do("history", before=1000)["messages"]
    assert [message["text"] for message in stored] == texts
    assert shown(page) == texts
    assert page.text(".notice") == ""
    forgive_losses(page)


def test_message_of_a_tab_that_is_open_is_stored_once_though_two_send_it(
    visits: Visits, own_site: SiteServer
) -> None:
    first = visits.enter(own_site.url, "Ann")
    second = live(visits.open(own_site.url, like=first))
    own_site.kill()
    for page in (first, second):
        page.wait_until("document.querySelector('chat-room').dataset.state === 'waiting'")
    say(first, "from the first")
    first.wait_for_text(WAITING, "from the first")
    own_site.start()
    hurry(second, first)
    for page in (first, second):
        page.wait_for_text(STORED, "from the first")
        live(page)
    say(second, "last")
    for page in (first, second):
        page.wait_for_text(STORED, "last")
        drawn(page)
        assert shown(page) == ["from the first", "last"]
        forgive_losses(page)


def test_message_of_another_visitor_is_not_sent_in_ones_own_name(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page = visits.enter(room)
    post = {"id": "a" * 32, "text": "not mine", "at": 1, "me": "somebody else", "state": "waiting"}
    key = f"chat.post.{slug_of(room)}.{post['id']}"
    page.evaluate(f"localStorage.setItem({json.dumps(key)}, {json.dumps(json.dumps(post))})")
    live(page.reload())
    say(page, "mine")
    page.wait_for_text(STORED, "mine")
    assert shown(page) == ["mine"]


def test_sending_from_far_up_goes_to_the_end(visits: Visits, site: SiteServer, room: str) -> None:
    publish(site, room, 60)
    page = visits.enter(room)
    page.evaluate("document.querySelector('.log').scrollTop = 0; 0")
    drawn(page)
    say(page, "here I am")
    page.wait_for_text(STORED, "here I am")
    page.wait_until(
        "(e => e.scrollHeight - e.scrollTop - e.clientHeight < 2)(document.querySelector('.log'))"
    )


def test_room_that_is_opened_later_says_so_and_of_no_message(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    page.evaluate("window.room = document.querySelector('chat-room').room; room.joined = false")
    error = {"type": "error", "code": "rate_limited", "detail": "", "retry_after": 2}
    page.evaluate(f"room.emit('trouble', {json.dumps(error)})")
    assert page.text("[data-part=notice]") == "That was fast: the room will be opened in a moment."
    assert not page.evaluate("!!document.querySelector('.notice.refusal')")
    page.evaluate("room.joined = true; room.emit('joined', { fresh: false, head: 0 })")
    assert page.text("[data-part=notice]") == ""


def test_refusal_looks_like_one_and_is_gone_when_it_is_put_right(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    page.write(".post textarea", "x" * 3700)
    assert page.text(".counter") == "3,700 of 4,000"
    page.write(".post textarea", "x" * 4100)
    page.enter()
    page.wait_for_text(".notice.refusal", "That message is too long.")
    assert page.text(".counter.refusal") == "4,100 of 4,000"
    page.write(".post textarea", "short")
    assert page.text(".notice") == ""
    assert page.text(".counter") == ""


def test_slow_mode_counts_down_for_the_eyes_and_is_read_out_once(
    visits: Visits, site: SiteServer, room: str
) -> None:
    create = f"Room.objects.create(slug={slug_of(room)!r}, slow_mode=60)"
    site.run(f"from chat.models import Room; {create}")
    page = visits.enter(room, "Ann")
    page.evaluate(
        """window.said = [];
        for (const live of document.querySelectorAll("[role=status]")) {
          new MutationObserver(() => live.textContent && said.push(live.textContent))
            .observe(live, { childList: true });
        }"""
    )
    for text in ("first", "second"):
        say(page, text)
        page.wait_for_text(".lines", text)
    clock = "document.querySelector('[data-part=countdown]').innerText"
    page.wait_until(f"{clock}.includes('Slowly, please')")
    first = page.evaluate(clock)
    page.wait_until(f"{clock} !== {json.dumps(first)} && {clock} !== ''")
    page.type("thi")
    assert "Slowly, please" in page.evaluate(clock), "who types on still sees it"
    say(page, "third")
    page.wait_for_text(".lines", "third")
    assert "Slowly, please" in page.evaluate(clock)
    page.evaluate(
        "document.querySelector('chat-room').room.emit('joined', { fresh: false, head: 0 })"
    )
    assert "Slowly, please" in page.evaluate(clock), "as without WebSockets, every minute"
    assert len([said for said in page.evaluate("said") if "Slowly" in said]) == 1
    assert judged(page) == []


def test_whoever_types_outside_the_field_means_it(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    page.evaluate("document.querySelector('.log').focus()")
    page.type("hi")
    assert (field(page), focused(page)) == ("hi", "text")
    page.click(".people input")
    page.type("Zoe")
    assert field(page) == "hi"
