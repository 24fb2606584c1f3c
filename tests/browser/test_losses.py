"""What a page makes of a server that dies, and of a network that is bad or gone."""

from __future__ import annotations

import json

from tests.browser.conftest import STORED, STRICT, Visits, field, live, say, shown
from tests.browser.talk import drawn, forgive_losses, hurry, slug_of, somebody
from tests.chaos.relay import Relay
from tests.servers import Serve, SiteServer

STATE = "document.querySelector('chat-room').dataset.state"
NAME_OF = ".lines .line:last-child .name"


def test_page_goes_on_after_the_server_was_killed_with_nothing_lost_or_repeated(
    visits: Visits, own_site: SiteServer
) -> None:
    ann, bob = visits.enter(own_site.url, "Ann"), visits.enter(own_site.url, "Bob")
    say(ann, "before")
    for page in (ann, bob):
        page.wait_for_text(STORED, "before")

    own_site.kill()
    for page in (ann, bob):
        page.wait_for_text(".state", "Connection lost.")
        page.evaluate("document.querySelector('.line').dataset.kept = 'yes'")
    for number in range(3):
        say(ann, f"while away {number}")
    ann.wait_for_text(".notice", "as soon as the connection is back")
    ann.wait_for_text("[data-state=waiting] .text", "while away 2")
    assert shown(ann) == ["before", *(f"while away {number}" for number in range(3))]

    own_site.start()
    hurry(ann, bob)
    expected = ["before", *(f"while away {number}" for number in range(3))]
    for page in (ann, bob):
        page.wait_for_text(STORED, expected[-1])
        assert shown(page) == expected
        assert page.text(".state") == ""
        assert page.evaluate("document.querySelector('.line').dataset.kept"), "not drawn anew"
    say(bob, "after")
    for page in (ann, bob):
        page.wait_for_text(".lines", "after")
    assert bob.text(NAME_OF) == ann.text(NAME_OF) == "Bob"
    for page in (ann, bob):
        forgive_losses(page)
        live(page.reload())
        assert shown(page) == [*expected, "after"]
        assert page.text(".notice") == ""


def test_posts_under_way_when_the_server_is_killed_are_stored_once(
    visits: Visits, own_site: SiteServer
) -> None:
    page = visits.enter(own_site.url)
    texts = [f"m{number}" for number in range(15)]
    page.evaluate(
        f"for (const text of {json.dumps(texts)}) {{"
        " document.querySelector('.post textarea').value = text;"
        " document.querySelector('.post').requestSubmit(); }"
    )
    page.wait_for_text(STORED, texts[3])
    own_site.kill()
    own_site.start()
    hurry(page)
    page.wait_for_text(STORED, texts[-1])
    assert shown(page) == texts
    forgive_losses(page)
    live(page.reload())
    assert shown(page) == texts


def test_history_that_is_another_one_now_is_shown_from_the_start(
    visits: Visits, own_site: SiteServer
) -> None:
    page = visits.enter(own_site.url)
    say(page, "from before the backup")
    page.wait_for_text(STORED, "backup")
    own_site.kill()
    own_site.run(
        "from chat.models import Message, Room; Message.objects.all().delete();"
        " Room.objects.update(epoch='other', head=0)",
    )
    own_site.start()
    hurry(page)
    page.wait_until("document.querySelectorAll('.lines li').length === 0")
    live(page)
    say(page, "a new beginning")
    page.wait_for_text(".lines", "beginning")
    assert shown(page) == ["a new beginning"]
    forgive_losses(page)


def test_draft_stays_while_the_server_is_replaced(visits: Visits, own_site: SiteServer) -> None:
    page = visits.enter(own_site.url)
    page.click(".post textarea")
    page.type("half a ")
    own_site.kill()
    page.wait_until(f"{STATE} === 'waiting'")
    page.type("sentence ")
    own_site.start()
    hurry(page)
    live(page)
    page.type("and its end")
    assert field(page) == "half a sentence and its end"
    page.enter()
    page.wait_for_text(STORED, "half a sentence and its end")
    forgive_losses(page)


def test_edit_that_is_lost_on_its_way_is_kept_to_be_tried_again(
    visits: Visits, own_site: SiteServer
) -> None:
    page = visits.enter(own_site.url)
    say(page, "as it was")
    page.wait_for_text(STORED, "as it was")
    page.arrow("Up")
    page.write(".post textarea", "as it is")
    own_site.kill()
    page.wait_until(f"{STATE} === 'waiting'")
    page.enter()
    page.wait_for_text(".notice", "There is no connection just now. Please try again.")
    assert field(page) == "as it is"
    own_site.start()
    hurry(page)
    live(page)
    page.click(".post textarea")
    page.enter()
    page.wait_for_text(".text", "as it is")
    page.wait_until("document.querySelector('.post textarea').value === ''")
    forgive_losses(page)


def test_what_was_said_while_one_was_offline_is_there_afterwards(
    visits: Visits, site: SiteServer, room: str
) -> None:
    with Relay(site.port) as relay, somebody(site, room) as other:
        page = visits.enter(f"http://127.0.0.1:{relay.port}/rooms/{slug_of(room)}/")
        seq = other.post("before")
        page.wait_for_text(STORED, "before")
        relay.cut()
        page.wait_until(f"{STATE} !== 'open'")
        for number in range(5):
            other.post(f"meanwhile {number}")
        other.do("edit", seq=seq, text="changed meanwhile")
        other.do("delete", seq=seq + 1)
        say(page, "mine")
        relay.mend()
        hurry(page)
        page.wait_for_text(STORED, "mine")
        expected = ["changed meanwhile", "", *(f"meanwhile {number}" for number in range(1, 5))]
        assert shown(page) == [*expected, "mine"]
        forgive_losses(page)


def test_slow_network_delays_and_loses_nothing(visits: Visits, site: SiteServer, room: str) -> None:
    page = visits.enter(room)
    page.throttle(latency_ms=300, kbps=64)
    texts = [f"slowly {number}" for number in range(6)]
    with somebody(site, room) as other:
        for text in texts:
            say(page, text)
            other.post(f"answer to {text}")
        page.wait_for_text(".text", f"answer to {texts[-1]}")
        page.wait_for_text(STORED, texts[-1])
    assert [text for text in shown(page) if text in texts] == texts
    assert len(shown(page)) == 2 * len(texts)
    live(page.reload())
    drawn(page)
    assert len(shown(page)) == 2 * len(texts)


def test_burst_of_two_hundred_arrives_in_its_order(visits: Visits, serve: Serve) -> None:
    site = serve(env={**STRICT, "CHAT_POSTS_PER_SECOND": "0"})
    page = visits.enter(site.url)
    texts = [f"m{number}" for number in range(200)]
    with somebody(site, "main") as other:
        for text in texts:
            other.tell("post", text=text, id=text)
        page.wait_for_text(STORED, texts[-1])
        page.wait_until(f"document.querySelectorAll('.line').length === {len(texts)}")
        assert shown(page) == texts
