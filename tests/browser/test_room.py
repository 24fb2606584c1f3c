"""People who talk with each other on the room page."""

from __future__ import annotations

import json

import pytest

from tests.browser.conftest import Visits, live, say, shown
from tests.browser.talk import slug_of, somebody
from tests.servers import SiteServer

NAME_OF = ".lines .line:last-child .name"


def test_two_people_talk(visits: Visits, room: str) -> None:
    ann, bob = visits.enter(room, "Ann"), visits.enter(room, "Bob")
    ann.wait_for_text(".people ul", "Bob")
    assert ann.text("[data-part=online]") == "2"
    say(ann, "Hello Bob")
    bob.wait_for_text(".lines", "Hello Bob")
    assert bob.text(NAME_OF) == "Ann"
    say(bob, "Hello Ann")
    for page in (ann, bob):
        page.wait_for_text(".lines", "Hello Ann")
    assert shown(ann) == shown(bob) == ["Hello Bob", "Hello Ann"]
    assert ann.texts(".own .text") == ["Hello Bob"]
    assert bob.texts(".own .text") == ["Hello Ann"]
    assert ann.evaluate("document.querySelector('.post textarea').value") == ""
    bob.goto("about:blank")
    ann.wait_until("document.querySelector('[data-part=online]').innerText === '1'")
    assert "Bob" not in ann.text(".people ul")


def test_reload_keeps_identity_and_history_without_repeats(visits: Visits, room: str) -> None:
    page = visits.enter(room, "Ann")
    for text in ("one", "two", "three"):
        say(page, text)
        page.wait_for_text(".lines", text)
    who = page.evaluate("document.querySelector('.own').dataset.sender")
    live(page.reload())
    assert page.evaluate("document.querySelector('chat-room').dataset.me") == who
    assert page.texts(".own .text") == shown(page) == ["one", "two", "three"]
    page.wait_for_text(".people ul", "Ann (you)")
    say(page, "four")
    page.wait_for_text(".lines", "four")
    assert page.texts(".own .text") == ["one", "two", "three", "four"]
    assert page.text(NAME_OF) == "Ann"


def test_chosen_name_goes_with_the_guest_to_other_rooms(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page = visits.enter(room, "Ann")
    second = live(visits.open(f"{site.url}/rooms/elsewhere/", like=page))
    second.wait_for_text(".people ul", "Ann (you)")
    say(second, "here I am")
    second.wait_for_text(".lines", "here I am")
    assert second.text(NAME_OF) == "Ann"
    second.write(".people input", "Zoe")
    second.enter()
    page.wait_for_text(".people ul", "Zoe (you)")


def test_name_that_cannot_be_used_is_said_and_not_kept(visits: Visits, room: str) -> None:
    page = visits.enter(room, "Ann")
    page.write(".people input", "Guest 5")
    page.enter()
    page.wait_for_text(".people .refusal", "That name cannot be used.")
    live(page.reload()).wait_for_text(".people ul", "Ann (you)")


HOSTILE = (
    "<img src=x onerror='window.harmed=1'>",
    "<script>window.harmed=1</script>",
    "{{ 7 * 7 }} ${7*7} &lt;b&gt; </li></ol></template><h1>",
    "\u202eright to left\u202c",
)


def test_hostile_text_and_names_are_shown_as_text(visits: Visits, room: str) -> None:
    ann, bob = visits.enter(room, "<b>Ann</b>"), visits.enter(room, "Bob")
    for text in HOSTILE:
        say(ann, text)
        bob.wait_until(f"document.querySelector('.lines').innerText.includes({json.dumps(text)})")
    for page in (ann, bob, live(bob.reload())):
        assert shown(page) == list(HOSTILE)
        assert "<b>Ann</b>" in page.text(".people ul")
        assert (
            page.evaluate("document.querySelectorAll('chat-room :is(img, script, b, h1 b)').length")
            == 0
        )
        assert page.evaluate("window.harmed") is None


def test_line_breaks_are_kept_and_enter_sends(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    page.write(".post textarea", "first")
    page.enter(shift=True)
    page.evaluate("document.execCommand('insertText', false, 'second')")
    page.enter()
    page.wait_for_text(".lines", "second")
    assert shown(page) == ["first\nsecond"]
    say(page, "   ")
    say(page, "third")
    page.wait_for_text(".lines", "third")
    assert shown(page) == ["first\nsecond", "third"]


def test_message_that_is_too_long_stays_in_the_field(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    field = "document.querySelector('.post textarea').value.length"
    say(page, "x" * 4001)
    page.wait_for_text(".notice", "too long")
    assert page.evaluate(field) == 4001
    # Counted as the server counts: 4 000 characters that are two units each to the browser.
    say(page, "🐈" * 4000)
    page.wait_for_text(".lines", "🐈🐈")
    assert page.evaluate(field) == 0
    assert page.text(".notice") == ""


def test_message_that_the_server_refuses_is_given_back(
    visits: Visits, site: SiteServer, room: str
) -> None:
    make = (
        f"from chat.models import Room; Room.objects.create(slug='{slug_of(room)}', max_length=9)"
    )
    site.run(make)
    page = visits.enter(room)
    # As when the room was changed after the page was loaded.
    page.evaluate("document.querySelector('chat-room').dataset.longest = 4000")
    say(page, "much too long")
    page.wait_for_text(".line[data-state=failed]", "That message is too long.")
    page.wait_for_text("[data-part=voice]", "That message is too long.")
    assert page.text(".notice") == "", "the message itself says it"
    page.click("[data-act=discard]")
    assert page.evaluate("document.querySelector('.post textarea').value") == "much too long"
    page.wait_until("!document.querySelector('.line')")
    say(page, "short")
    page.wait_for_text(".lines", "short")
    assert shown(page) == ["short"]
    assert page.text(".notice") == ""


def test_edits_and_deletes_are_shown_as_they_happen(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page = visits.enter(room)
    with somebody(site, room) as other:
        first, second = other.post("to be edited"), other.post("to be deleted")
        page.wait_for_text(".lines", "to be deleted")
        other.do("edit", seq=first, text="as it now is")
        other.do("delete", seq=second)
        page.wait_for_text(".lines", "This message was deleted.")
        lines = ["as it now is edited", "This message was deleted."]
        assert page.texts(".lines .says") == lines
        assert "to be" not in page.evaluate("document.querySelector('.lines').textContent")
        live(page.reload())
        assert page.texts(".lines .says") == lines


def test_fast_writer_is_slowed_down_and_loses_nothing(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    texts = [f"m{number}" for number in range(30)]
    page.evaluate(
        f"for (const text of {json.dumps(texts)}) {{"
        " document.querySelector('.post textarea').value = text;"
        " document.querySelector('.post').requestSubmit(); }"
    )
    page.wait_until("document.querySelectorAll('.line:not([data-state=waiting])').length >= 30")
    assert shown(page) == texts
    assert page.text(".notice") == ""


def test_long_history_stays_where_one_reads_and_says_what_is_new(
    visits: Visits, site: SiteServer, room: str
) -> None:
    with somebody(site, room) as other:
        for number in range(19):
            other.post(f"line {number}\n\n\n")
        page = visits.enter(room)
        at_end = (
            "(e => e.scrollHeight - e.scrollTop - e.clientHeight < 2)"
            "(document.querySelector('.log'))"
        )
        assert page.wait_until(at_end)
        page.evaluate("document.querySelector('.log').scrollTop = 0")
        # The page hears of it by an event, before the next frame.
        page.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        other.post("newest")
        page.wait_for_text(".lines", "newest")
        assert page.evaluate("document.querySelector('.log').scrollTop") == 0
        page.click(".latest")
        assert page.wait_until(at_end)
        page.wait_until("!document.querySelector('.latest').checkVisibility()")


def test_rooms_are_listed_with_how_many_are_there(
    visits: Visits, site: SiteServer, room: str
) -> None:
    first = visits.enter(room)
    other = f"{site.url}/rooms/käse/"
    second = visits.enter(other)
    second.wait_for_text("#chat-rooms", slug_of(room))
    counts = (
        "Object.fromEntries(Array.from(document.querySelectorAll('#chat-rooms a'), a =>"
        " [a.querySelector('.title').innerText, a.querySelector('.count .number').innerText]))"
    )
    second.wait_until(f"({counts})[{json.dumps(slug_of(room))}] === '1'")
    assert second.evaluate(counts)["käse"] == "1"
    assert second.text("#chat-rooms [aria-current] .title") == "käse"
    second.click(f"#chat-rooms a[href$='{slug_of(room)}/']")
    second.wait_until(f"location.pathname.includes('{slug_of(room)}')")
    live(second)
    first.wait_until("document.querySelector('[data-part=online]').innerText === '2'")
    second.write("#chat-go", "Tea & biscuits")
    second.enter()
    second.wait_until("location.pathname === '/rooms/tea-biscuits/'")


def test_signing_in_and_out_changes_who_one_is(visits: Visits, site: SiteServer, room: str) -> None:
    create = (
        "from django.contrib.auth.models import User; User.objects.create_user('bob', password='s')"
    )
    site.run(create)
    page = visits.enter(room)
    guest = page.text(".people ul")
    page.click("#chat-side a[href*='login']")
    page.wait_until("location.pathname === '/accounts/login/'")
    page.write("input[name=username]", "bob")
    page.write("input[name=password]", "s")
    page.enter()
    page.wait_for_text(".people ul", "bob (you)")
    say(page, "it is me")
    page.wait_for_text(".own .text", "it is me")
    page.click(".account form button")
    page.wait_for_text(".people ul", guest)
    assert shown(page) == ["it is me"]
    assert page.texts(".own .text") == []


@pytest.mark.parametrize(
    ("language", "you", "too_long"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "(Sie)", "Diese Nachricht ist zu lang."),
        ("ar-EG,ar;q=0.9,en;q=0.5", "(أنت)", "هذه الرسالة أطول مما يُسمح به."),
        ("tlh", "(you)", "That message is too long."),
    ],
    ids=["German", "Arabic", "another"],
)
def test_page_speaks_the_visitors_language(
    visits: Visits, room: str, language: str, you: str, too_long: str
) -> None:
    page = visits.open(room, language=language)
    page.wait_for_text(".people ul", you)
    say(page, "x" * 4001)
    page.wait_for_text(".notice", too_long)


def test_without_script_the_history_can_be_read(
    visits: Visits, site: SiteServer, room: str
) -> None:
    with somebody(site, room) as other:
        other.post("what was said")
        page = visits.open("about:blank")
        page.script(enabled=False)
        page.goto(room)
        assert shown(page) == ["what was said"]
        assert "switch on JavaScript" in page.text("noscript")
        assert not page.evaluate("document.querySelector('.post').checkVisibility()")
