"""That axe-core finds nothing wrong with a room, whatever state it is in, by day and by night."""

from __future__ import annotations

import secrets

import pytest

from tests.browser.axe import judged, judged_at_each_size, violations
from tests.browser.conftest import STORED, STRICT, Visits, live, say
from tests.browser.page import Page
from tests.browser.talk import (
    drawn,
    forgive_losses,
    hold,
    publish,
    sign_in,
    slug_of,
    somebody,
)
from tests.servers import Serve, SiteServer


@pytest.fixture
def page(visits: Visits, site: SiteServer, room: str) -> Page:
    """A room with messages of all kinds, of oneself and of others."""
    page = visits.enter(room, "Ann")
    with somebody(site, room) as other:
        other.post("of another, with a link: http://example.org/")
        edited, deleted = other.post("edited"), other.post("deleted")
        other.do("edit", seq=edited, text="as it is now")
        other.do("delete", seq=deleted)
        say(page, "of one's own: http://example.org/")
        page.wait_for_text(STORED, "one's own")
        page.wait_for_text(".gone:not([hidden])", "deleted")
        other.tell("typing")
        page.wait_for_text(".typing", "is typing")
    return page


@pytest.mark.parametrize("language", ["en", "ar"])
def test_empty_room(visits: Visits, room: str, language: str) -> None:
    page = live(visits.open(room, language=language))
    assert judged_at_each_size(page, ".empty") == []


def test_what_will_be_read_out_is_there_before_it_has_words(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    regions = "Array.from(document.querySelectorAll('chat-room [role=status]'))"
    assert page.evaluate(f"{regions}.filter(e => !e.textContent).length") > 0
    assert page.evaluate(f"{regions}.filter(e => !e.checkVisibility()).length") == 0


def test_messages(page: Page) -> None:
    assert judged(page) == []


def test_message_that_waits_and_one_that_failed(
    visits: Visits, site: SiteServer, room: str
) -> None:
    create = f"Room.objects.create(slug={slug_of(room)!r}, max_length=9)"
    site.run(f"from chat.models import Room; {create}")
    page = visits.enter(room)
    page.evaluate("document.querySelector('chat-room').dataset.longest = 4000")
    say(page, "much too long")
    page.wait_for_text(".line[data-state=failed]", "Not sent.")
    hold(page)
    say(page, "waits")
    page.wait_for_text(".line[data-state=waiting]", "waits")
    assert judged(page) == []
    page.evaluate("release()")


def test_what_can_be_done_with_a_message_and_its_edit(page: Page) -> None:
    page.hover(".own .says")
    page.wait_until("document.querySelector('.acts')?.checkVisibility() ?? false")
    assert judged(page) == []
    page.click(".acts [data-act=edit]")
    page.wait_until("document.querySelector('.editing').checkVisibility()")
    assert judged(page) == []


def test_question_before_deleting(page: Page) -> None:
    page.hover(".own .says")
    page.click(".acts [data-act=delete]")
    page.wait_until("document.querySelector('dialog').open")
    assert judged(page) == []


def test_news_further_down(page: Page, site: SiteServer, room: str) -> None:
    with somebody(site, room) as other:
        for number in range(12):
            other.post(f"{number}\n.\n.\n.")
        page.wait_for_text(STORED, "11")
        drawn(page)
        page.evaluate("document.querySelector('.log').scrollTop = 0; 0")
        drawn(page)
        other.post("news")
        page.wait_for_text(".news", "New messages")
    page.wait_until("document.querySelector('.latest').checkVisibility()")
    assert judged(page) == []


def test_phone_its_menu_and_its_people(page: Page) -> None:
    page.resize(360, 640, phone=True)
    assert judged(page) == []
    for opener, popover in ((".menu", ".side"), ("[popovertarget^=chat-people]", ".people")):
        page.tap(opener)
        page.wait_until(f"document.querySelector('{popover}').matches(':popover-open')")
        assert judged(page) == []
        page.press("Escape")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_list_of_rooms_with_news(
    visits: Visits, site: SiteServer, room: str, language: str
) -> None:
    elsewhere = f"{site.url}/rooms/{secrets.token_hex(4)}/"
    publish(site, elsewhere, 1)
    page = visits.enter(elsewhere)
    drawn(page)
    with somebody(site, elsewhere, "Bob") as other:
        page.goto("about:blank")
        other.post("news")
        page.speak(language)
        live(page.goto(room))
        page.wait_for_text(".unread:not([hidden]) .number", "1")
        page.wait_for_text("#chat-rooms .members", "Bob")
        assert judged(page) == []
        page.resize(360, 640, phone=True)
        page.wait_for_text(".menu .number", "1")
        assert judged(page) == []
        page.tap(".menu")
        page.wait_until("document.querySelector('.side').matches(':popover-open')")
        page.wait_for_text(".unread:not([hidden]) .number", "1")
        assert judged(page) == []


def test_connection_that_is_lost_and_one_that_is_closed(
    visits: Visits, own_site: SiteServer
) -> None:
    page = visits.enter(own_site.url)
    own_site.kill()
    page.wait_for_text(".state", "Connection lost.")
    say(page, "for later")
    page.wait_for_text(".notice", "This will be sent")
    page.evaluate("document.querySelector('chat-room').client.hurry = () => 0")
    assert judged(page) == []
    page.evaluate("document.querySelector('chat-room').client.close()")
    page.wait_for_text(".state", "Disconnected")
    assert judged(page) == []
    forgive_losses(page)


def test_room_that_is_archived_and_one_that_guests_may_only_read(
    visits: Visits, serve: Serve
) -> None:
    site = serve(env={**STRICT, "CHAT_GUESTS": "read", "CHAT_ROOM_CREATION": "staff"})
    create = "Room.objects.create(slug='old', archived=True)"
    site.run(f"from chat.models import Room; {create}")
    page = visits.enter(site.url)
    assert "To write here you have to be signed in." in page.text(".bottom")
    assert judged(page) == []
    sign_in(site, page, "bob")
    live(page.goto(f"{site.url}/rooms/old/"))
    assert "archived" in page.text(".bottom")
    assert judged(page) == []


def test_signing_in_and_what_is_wrong_with_it(visits: Visits, room: str) -> None:
    page = visits.open(room.replace("/rooms/", "/accounts/login/?next=/rooms/"))
    assert "To enter some rooms" in page.text("main")
    assert judged(page) == []
    small = "Array.from(document.querySelectorAll('input:not([type=hidden]), button'))"
    assert page.evaluate(f"{small}.every(e => e.offsetHeight >= 40)")
    page.write("input[name=username]", "nobody")
    page.write("input[name=password]", "nothing")
    page.enter()
    page.wait_for_text("[role=alert]", "Please enter a correct username and password.")
    assert judged(page) == []


@pytest.mark.parametrize(
    ("language", "sentence"), [("en", "There is no such room."), ("ar", "لا توجد غرفة بهذا الاسم.")]
)
def test_page_of_a_room_that_is_refused(
    visits: Visits, site: SiteServer, room: str, language: str, sentence: str
) -> None:
    create = f"Room.objects.create(slug={slug_of(room)!r}, kind='private')"
    site.run(f"from chat.models import Room; {create}")
    page = visits.open(room, language=language)
    page.forgive("404")
    assert judged_at_each_size(page, "main") == []
    assert sentence in page.text("main")
    page.click("main a")
    live(page)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_page_without_javascript_opens_at_the_newest(
    visits: Visits, site: SiteServer, room: str, language: str
) -> None:
    publish(site, room, 45)
    page = visits.open("about:blank", language=language)
    page.script(enabled=False)
    page.goto(room)
    assert page.evaluate("document.querySelector('noscript .hint').checkVisibility()")
    page.script(enabled=True)
    # Which axe needs, and where it is on, browsers draw nothing of that element again.
    page.evaluate(
        "const shown = document.querySelector('noscript'), same = document.createElement('div');"
        " same.append(...shown.childNodes); shown.replaceWith(same)"
    )
    newest = "document.querySelector('.line:last-child').getBoundingClientRect()"
    assert page.evaluate(f"{newest}.top > 0 && {newest}.bottom < innerHeight")
    assert not page.evaluate("document.querySelector('.people').checkVisibility()")
    assert judged_at_each_size(page, ".bottom > div > .hint", ".line .text") == []


def test_page_of_another_site(visits: Visits, serve: Serve) -> None:
    site = serve(env={"DJANGO_SETTINGS_MODULE": "tests.browser.embedding.settings"})
    create = "Room.objects.create(slug='members', guests='none')"
    site.run(f"from chat.models import Room; {create}")
    page = visits.open(f"{site.url}/page/members,tea")
    page.wait_until("document.querySelector('chat-room')?.dataset.state === 'open'")
    # What the shop itself looks like is its own affair.
    assert [line for line in judged(page) if "chat" in line] == []
    page.prefer(color_scheme="light")
    assert violations(page) == []


@pytest.mark.parametrize("language", ["ar", "de"])
def test_other_languages(visits: Visits, room: str, language: str) -> None:
    page = live(visits.open(room, language=language))
    say(page, "hello")
    page.wait_for_text(STORED, "hello")
    assert judged(page) == []
