"""People who talk with each other on the room page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.browser.chromium import Page
from tests.browser.conftest import STRICT, Visits, live, say, shown
from tests.servers import Serve, SiteServer

NAME_OF = "#chat-lines .line:last-child .name"


def slug_of(room: str) -> str:
    return room.rstrip("/").rpartition("/")[2]


class Client:
    """Somebody who is in the room without a browser."""

    def __init__(self, socket: Any, room: str) -> None:
        self._socket = socket
        self.room = slug_of(room)

    def do(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send a command and return its reply."""
        command = {"type": kind, "room": self.room, "ref": "r", **fields}
        self._socket.send(json.dumps(command))
        while True:
            for event in json.loads(self._socket.recv(timeout=10)):
                if event.get("ref") == "r":
                    return dict(event)

    def post(self, text: str) -> int:
        """Say something; return its seq."""
        return int(self.do("post", text=text, id=text[:64])["seq"])


@contextmanager
def somebody(site: SiteServer, room: str) -> Iterator[Client]:
    """A client that speaks the protocol."""
    with connect(site.ws_url, subprotocols=["chat.v1.json"]) as socket:  # type: ignore[list-item]
        client = Client(socket, room)
        client.do("join")
        yield client


def hurry(*pages: Page) -> None:
    """Let pages come back now rather than in a while."""
    for page in pages:
        page.evaluate("dispatchEvent(new Event('online'))")


def test_two_people_talk(visits: Visits, room: str) -> None:
    ann, bob = visits.enter(room, "Ann"), visits.enter(room, "Bob")
    ann.wait_for_text("#chat-people", "Bob")
    assert ann.text("#chat-online") == "2"
    say(ann, "Hello Bob")
    bob.wait_for_text("#chat-lines", "Hello Bob")
    assert bob.text(NAME_OF) == "Ann"
    say(bob, "Hello Ann")
    for page in (ann, bob):
        page.wait_for_text("#chat-lines", "Hello Ann")
    assert shown(ann) == shown(bob) == ["Hello Bob", "Hello Ann"]
    assert ann.texts(".own .text") == ["Hello Bob"]
    assert bob.texts(".own .text") == ["Hello Ann"]
    assert ann.evaluate("document.getElementById('chat-text').value") == ""
    bob.goto("about:blank")
    ann.wait_until("document.getElementById('chat-online').innerText === '1'")
    assert "Bob" not in ann.text("#chat-people")


def test_reload_keeps_identity_and_history_without_repeats(visits: Visits, room: str) -> None:
    page = visits.enter(room, "Ann")
    for text in ("one", "two", "three"):
        say(page, text)
        page.wait_for_text("#chat-lines", text)
    who = page.evaluate("document.querySelector('.own').dataset.sender")
    live(page.reload())
    assert page.evaluate("document.getElementById('chat-page').dataset.me") == who
    assert page.texts(".own .text") == shown(page) == ["one", "two", "three"]
    page.wait_for_text("#chat-people", "Ann (you)")
    say(page, "four")
    page.wait_for_text("#chat-lines", "four")
    assert page.texts(".own .text") == ["one", "two", "three", "four"]
    assert page.text(NAME_OF) == "Ann"


def test_chosen_name_goes_with_the_guest_to_other_rooms(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page = visits.enter(room, "Ann")
    second = live(visits.open(f"{site.url}/rooms/elsewhere/", like=page))
    second.wait_for_text("#chat-people", "Ann (you)")
    say(second, "here I am")
    second.wait_for_text("#chat-lines", "here I am")
    assert second.text(NAME_OF) == "Ann"


def test_name_that_cannot_be_used_is_said_and_not_kept(visits: Visits, room: str) -> None:
    page = visits.enter(room, "Ann")
    page.write("#chat-name", "Guest 5")
    page.enter()
    page.wait_for_text("#chat-notice", "That name cannot be used.")
    assert page.evaluate("document.getElementById('chat-name').value") == "Ann"
    live(page.reload()).wait_for_text("#chat-people", "Ann (you)")


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
        bob.wait_until(
            f"document.getElementById('chat-lines').innerText.includes({json.dumps(text)})"
        )
    for page in (ann, bob, live(bob.reload())):
        assert shown(page) == list(HOSTILE)
        assert "<b>Ann</b>" in page.text("#chat-people")
        assert (
            page.evaluate(
                "document.querySelectorAll('#chat-page :is(img, script, b, h1 b)').length"
            )
            == 0
        )
        assert page.evaluate("window.harmed") is None


def test_line_breaks_are_kept_and_enter_sends(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    page.write("#chat-text", "first")
    page.enter(shift=True)
    page.evaluate("document.execCommand('insertText', false, 'second')")
    page.enter()
    page.wait_for_text("#chat-lines", "second")
    assert shown(page) == ["first\nsecond"]
    say(page, "   ")
    say(page, "third")
    page.wait_for_text("#chat-lines", "third")
    assert shown(page) == ["first\nsecond", "third"]


def test_message_that_is_too_long_stays_in_the_field(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    field = "document.getElementById('chat-text').value.length"
    say(page, "x" * 4001)
    page.wait_for_text("#chat-notice", "too long")
    assert page.evaluate(field) == 4001
    # Counted as the server counts: 4 000 characters that are two units each to the browser.
    say(page, "🐈" * 4000)
    page.wait_for_text("#chat-lines", "🐈🐈")
    assert page.evaluate(field) == 0
    assert page.text("#chat-notice") == ""


def test_message_that_the_server_refuses_is_given_back(
    visits: Visits, site: SiteServer, room: str
) -> None:
    make = (
        f"from chat.models import Room; Room.objects.create(slug='{slug_of(room)}', max_length=9)"
    )
    site.manage("shell", "-c", make)
    page = visits.enter(room)
    # As when the room was changed after the page was loaded.
    page.evaluate("document.getElementById('chat-page').dataset.longest = 4000")
    say(page, "much too long")
    page.wait_for_text("#chat-notice", "too long")
    assert page.evaluate("document.getElementById('chat-text').value") == "much too long"
    say(page, "short")
    page.wait_for_text("#chat-lines", "short")
    assert shown(page) == ["short"]
    assert page.text("#chat-notice") == ""


def test_edits_and_deletes_are_shown_as_they_happen(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page = visits.enter(room)
    with somebody(site, room) as other:
        first, second = other.post("to be edited"), other.post("to be deleted")
        page.wait_for_text("#chat-lines", "to be deleted")
        other.do("edit", seq=first, text="as it now is")
        other.do("delete", seq=second)
        page.wait_for_text("#chat-lines", "This message was deleted.")
        lines = ["as it now is\n\nedited", "This message was deleted."]
        assert page.texts("#chat-lines .says") == lines
        assert "to be" not in page.evaluate("document.getElementById('chat-lines').textContent")
        live(page.reload())
        assert page.texts("#chat-lines .says") == lines


def test_fast_writer_is_slowed_down_and_loses_nothing(visits: Visits, room: str) -> None:
    page = visits.enter(room)
    texts = [f"m{number}" for number in range(30)]
    page.evaluate(
        f"for (const text of {json.dumps(texts)}) {{"
        " document.getElementById('chat-text').value = text;"
        " document.getElementById('chat-post').requestSubmit(); }"
    )
    page.wait_until("document.querySelectorAll('#chat-lines li').length >= 30")
    assert shown(page) == texts
    assert page.text("#chat-notice") == ""


def test_long_history_stays_where_one_reads_and_says_what_is_new(
    visits: Visits, site: SiteServer, room: str
) -> None:
    with somebody(site, room) as other:
        for number in range(19):
            other.post(f"line {number}\n\n\n")
        page = visits.enter(room)
        at_end = (
            "(e => e.scrollHeight - e.scrollTop - e.clientHeight < 2)"
            "(document.getElementById('chat-log'))"
        )
        assert page.wait_until(at_end)
        page.evaluate("document.getElementById('chat-log').scrollTop = 0")
        # The page hears of it by an event, before the next frame.
        page.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        other.post("newest")
        page.wait_for_text("#chat-lines", "newest")
        assert page.evaluate("document.getElementById('chat-log').scrollTop") == 0
        page.click("#chat-latest")
        assert page.wait_until(at_end)
        assert not page.evaluate("document.getElementById('chat-latest').checkVisibility()")


def test_rooms_are_listed_with_how_many_are_there(
    visits: Visits, site: SiteServer, room: str
) -> None:
    first = visits.enter(room)
    other = f"{site.url}/rooms/käse/"
    second = visits.enter(other)
    second.wait_for_text("#chat-rooms", slug_of(room))
    counts = (
        "Object.fromEntries(Array.from(document.querySelectorAll('#chat-rooms a'), a =>"
        " [a.querySelector('.title').innerText, a.querySelector('.count').innerText]))"
    )
    second.wait_until(f"({counts})[{json.dumps(slug_of(room))}] === '1'")
    assert second.evaluate(counts)["käse"] == "1"
    assert second.text("#chat-rooms [aria-current] .title") == "käse"
    second.click(f"#chat-rooms a[href$='{slug_of(room)}/']")
    second.wait_until(f"location.pathname.includes('{slug_of(room)}')")
    live(second)
    first.wait_until("document.getElementById('chat-online').innerText === '2'")
    second.write("#chat-go", "Tea & biscuits")
    second.enter()
    second.wait_until("location.pathname === '/rooms/tea-biscuits/'")


def test_signing_in_and_out_changes_who_one_is(visits: Visits, site: SiteServer, room: str) -> None:
    create = (
        "from django.contrib.auth.models import User; User.objects.create_user('bob', password='s')"
    )
    site.manage("shell", "-c", create)
    page = visits.enter(room)
    guest = page.text("#chat-people")
    page.click("#chat-side a[href*='login']")
    page.wait_until("location.pathname === '/accounts/login/'")
    page.write("input[name=username]", "bob")
    page.write("input[name=password]", "s")
    page.enter()
    page.wait_for_text("#chat-people", "bob (you)")
    say(page, "it is me")
    page.wait_for_text(".own .text", "it is me")
    page.click(".account form button")
    page.wait_for_text("#chat-people", guest)
    assert shown(page) == ["it is me"]
    assert page.texts(".own .text") == []


def test_page_speaks_the_visitors_language(visits: Visits, room: str) -> None:
    page = visits.open(room, language="de")
    page.wait_for_text("#chat-state", "Verbunden")
    page.wait_for_text("#chat-people", "(Sie)")
    say(page, "x" * 4001)
    page.wait_for_text("#chat-notice", "Diese Nachricht ist zu lang.")


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
        assert not page.evaluate("document.getElementById('chat-post').checkVisibility()")


# --- Losses ---------------------------------------------------------------------------------------


@pytest.fixture
def own_site(serve: Serve) -> SiteServer:
    """A server that the test may kill."""
    return serve(env=STRICT)


def test_page_goes_on_after_the_server_was_killed_with_nothing_lost_or_repeated(
    visits: Visits, own_site: SiteServer
) -> None:
    ann, bob = visits.enter(own_site.url, "Ann"), visits.enter(own_site.url, "Bob")
    say(ann, "before")
    bob.wait_for_text("#chat-lines", "before")

    own_site.kill()
    for page in (ann, bob):
        page.wait_for_text("#chat-state", "Connection lost.")
        page.evaluate("document.querySelector('.line').dataset.kept = 'yes'")
    for number in range(3):
        say(ann, f"while away {number}")
    ann.wait_for_text("#chat-notice", "as soon as the connection is back")
    assert shown(ann) == ["before"]

    own_site.start()
    hurry(ann, bob)
    expected = ["before", *(f"while away {number}" for number in range(3))]
    for page in (ann, bob):
        page.wait_for_text("#chat-lines", expected[-1])
        assert shown(page) == expected
        assert page.text("#chat-state") == "Connected"
        assert page.evaluate("document.querySelector('.line').dataset.kept"), "not drawn anew"
    say(bob, "after")
    for page in (ann, bob):
        page.wait_for_text("#chat-lines", "after")
    assert bob.text(NAME_OF) == ann.text(NAME_OF) == "Bob"
    for page in (ann, bob):
        page.forgive("ERR_CONNECTION_REFUSED")
        live(page.reload())
        assert shown(page) == [*expected, "after"]
        assert page.text("#chat-notice") == ""


def test_posts_under_way_when_the_server_is_killed_are_stored_once(
    visits: Visits, own_site: SiteServer
) -> None:
    page = visits.enter(own_site.url)
    texts = [f"m{number}" for number in range(15)]
    page.evaluate(
        f"for (const text of {json.dumps(texts)}) {{"
        " document.getElementById('chat-text').value = text;"
        " document.getElementById('chat-post').requestSubmit(); }"
    )
    page.wait_for_text("#chat-lines", texts[3])
    own_site.kill()
    own_site.start()
    hurry(page)
    page.wait_for_text("#chat-lines", texts[-1])
    assert shown(page) == texts
    page.forgive("ERR_CONNECTION_REFUSED")
    live(page.reload())
    assert shown(page) == texts


def test_history_that_is_another_one_now_is_shown_from_the_start(
    visits: Visits, own_site: SiteServer
) -> None:
    page = visits.enter(own_site.url)
    say(page, "from before the backup")
    page.wait_for_text("#chat-lines", "backup")
    own_site.kill()
    own_site.manage(
        "shell",
        "-c",
        "from chat.models import Message, Room; Message.objects.all().delete();"
        " Room.objects.update(epoch='other', head=0)",
    )
    own_site.start()
    hurry(page)
    page.wait_until("document.getElementById('chat-state').innerText === 'Connected'")
    page.wait_until("document.querySelectorAll('#chat-lines li').length === 0")
    say(page, "a new beginning")
    page.wait_for_text("#chat-lines", "beginning")
    assert shown(page) == ["a new beginning"]
    page.forgive("ERR_CONNECTION_REFUSED")
