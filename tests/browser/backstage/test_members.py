"""Rooms, members and bans are made, changed and taken away in the admin, as those in them see."""

from __future__ import annotations

import csv
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.backstage.tab import Backstage
from tests.browser.conftest import STORED, Visits, live, say
from tests.browser.page import Page
from tests.browser.talk import let_in, sign_in, slug_of, somebody
from tests.servers import SiteServer
from tests.talker import Client

SAVE = "[name=_save]"
MODERATES = "!!document.querySelector('.people li button:not([hidden])')"
OUT = "You are no longer in this room."
UNKNOWN = "There is no such room."
WRITES = "document.querySelector('.post').checkVisibility()"

Users = Callable[[str], Page]


@pytest.fixture
def name() -> str:
    """A name that no other user has, nor any room."""
    return f"ann-{secrets.token_hex(4)}"


@pytest.fixture
def ann(visits: Visits, site: SiteServer, name: str) -> Page:
    """A tab of a user of that name, who is nowhere yet."""
    page = visits.open("about:blank")
    sign_in(site, page, name)
    return page


@pytest.fixture
def guest(site: SiteServer, room: str) -> Iterator[Client]:
    """A guest in the room."""
    with somebody(site, room) as client:
        yield client


def save(boss: Backstage, **fields: str) -> None:
    """Change the form of the page, and have that saved."""
    boss.fill(**fields)
    boss.submit(SAVE)
    assert "successfully" in boss.said


def find_ban(boss: Backstage, name: str) -> None:
    """Go to the page of what somebody is under."""
    boss.goto(f"ban/?q={name}")
    boss.press_link("#result_list .field-who a")


def record(boss: Backstage, wanted: str) -> list[str]:
    """Return the reasons and details of acts that are about somebody or something."""
    boss.goto(f"act/?q={wanted}")
    return boss.page.texts("#result_list .field-why")


def test_private_room_is_made_for_its_members_and_opened_to_all(
    boss: Backstage, visits: Visits, site: SiteServer, ann: Page, name: str
) -> None:
    room = f"{site.url}/rooms/{name}/"
    boss.goto("room/add/")
    boss.fill(title=name.title())
    boss.page.click("[name=slug]")
    boss.page.wait_until(f"document.querySelector('[name=slug]').value === '{name}'")
    boss.page.click("#memberships-group .add-row a")
    boss.find(name, "memberships-0-user")
    save(boss, kind="private")
    live(ann.goto(room))
    ann.wait_for_text("#chat-rooms [aria-current] .title", name.title())
    other = visits.open(room)
    assert UNKNOWN in other.text("main")
    boss.find_room(room)
    save(boss, kind="public")
    let_in(other, room)
    other.forgive("404")


def test_room_that_is_made_private_throws_out_who_is_no_member(
    boss: Backstage, visits: Visits, ann: Page, room: str, name: str
) -> None:
    live(ann.goto(room))
    other = visits.enter(room)
    boss.goto("membership/add/")
    boss.find(slug_of(room), "room")
    boss.find(name, "user")
    save(boss)
    boss.find_room(room)
    save(boss, kind="private")
    other.wait_for_text(".notice", OUT)
    assert other.text(".state") == "Disconnected"
    say(ann, "among ourselves")
    ann.wait_for_text(STORED, "among ourselves")
    assert "ourselves" not in other.text("body")
    assert record(boss, name) == ["now member"]


def test_member_becomes_moderator_and_is_removed_on_the_page_of_the_room(
    boss: Backstage, ann: Page, guest: Client, room: str, name: str
) -> None:
    live(ann.goto(room))
    assert not ann.evaluate(MODERATES)
    boss.find_room(room)
    boss.page.click("#memberships-2-group .add-row a")
    boss.find(name, "memberships-2-0-user")
    save(boss)
    boss.find_room(room)
    save(boss, **{"memberships-0-role": "moderator"})
    ann.wait_until(MODERATES)
    boss.find_room(room)
    save(boss, **{"memberships-0-DELETE": "on", "kind": "private"})
    ann.wait_for_text(".notice", OUT)
    assert record(boss, name) == ["no longer a member", "now moderator", "now member"]


def test_membership_is_changed_and_ended_on_its_own_page(
    boss: Backstage, site: SiteServer, ann: Page, room: str, name: str
) -> None:
    site.run(
        "from django.contrib.auth.models import User; from chat.models import Membership, Room;"
        f"room = Room.objects.create(slug={slug_of(room)!r}, kind='private', locked=True);"
        f"Membership.objects.create(room=room, user=User.objects.get(username={name!r}))"
    )
    live(ann.goto(room))
    assert not ann.evaluate(WRITES)
    boss.goto(f"membership/?q={name}")
    boss.press_link("#result_list .field-user a")
    boss.fill(role="owner")
    boss.submit("[name=_continue]")
    ann.wait_until(WRITES)
    say(ann, "I look after this")
    ann.wait_for_text(STORED, "I look after this")
    boss.press_link(".deletelink")
    boss.submit("[type=submit]")
    ann.wait_for_text(".notice", OUT)
    ann.goto(room)
    assert UNKNOWN in ann.text("main")
    assert record(boss, name) == ["no longer a member", "now owner"]
    ann.forgive("404")


def test_members_who_are_chosen_on_their_list_are_out_together(
    boss: Backstage, site: SiteServer, ann: Page, room: str, name: str
) -> None:
    site.run(
        "from django.contrib.auth.models import User; from chat.models import Membership, Room;"
        f"room = Room.objects.create(slug={slug_of(room)!r}, kind='private');"
        f"users = [User.objects.create_user({name!r} + end) for end in '12'];"
        f"users.append(User.objects.get(username={name!r}));"
        "Membership.objects.bulk_create(Membership(room=room, user=user) for user in users)"
    )
    live(ann.goto(room))
    boss.goto(f"membership/?q={slug_of(room)}")
    boss.choose("delete_selected", f"{name}\t", f"{name}1")
    boss.fill(reason="moved on")
    boss.submit("[type=submit]")
    assert boss.said == "Successfully deleted 2 memberships."
    ann.wait_for_text(".notice", OUT)
    boss.goto(f"membership/?q={slug_of(room)}")
    assert boss.page.texts("#result_list .field-user") == [f"{name}2"]
    assert record(boss, name) == ["moved on · no longer a member"] * 2


def test_slow_mode_and_retention_are_set_and_hold(
    boss: Backstage, visits: Visits, site: SiteServer, room: str
) -> None:
    page = visits.enter(room, "Ann")
    for text in ("old", "new"):
        say(page, text)
        page.wait_for_text(STORED, text)
    boss.find_room(room)
    save(boss, retention_days="30", slow_mode="600")
    say(page, "too soon")
    page.wait_for_text(".notice", "Slowly, please: your next message is sent in ")
    slug = slug_of(room)
    site.run(
        "from datetime import timedelta; from django.utils import timezone;"
        "from django.core.management import call_command; from chat.models import Message;"
        "Message.objects.filter(text='old').update(at=timezone.now() - timedelta(days=31));"
        f"call_command('chat_prune', {slug!r})"
    )
    page = visits.enter(room)
    assert page.texts(STORED) == ["new"]


def test_room_is_deleted_with_all_that_was_said(boss: Backstage, visits: Visits, room: str) -> None:
    page = visits.enter(room, "Ann")
    say(page, "hello")
    page.wait_for_text(STORED, "hello")
    boss.find_room(room)
    boss.press_link(".deletelink")
    assert "Messages: 1" in boss.page.text("#content")
    boss.submit("[type=submit]")
    assert "was deleted successfully" in boss.said
    page.wait_for_text(".notice", OUT)
    boss.goto(f"room/?q={slug_of(room)}")
    assert boss.page.texts("#result_list .field-slug") == []
    boss.goto(f"act/?room={slug_of(room)}")
    assert boss.page.texts("#result_list .field-why") == ["deleted"]
    # Whoever comes by the name opens another room.
    assert live(page.goto(room)).texts(STORED) == []


def test_mute_is_prolonged_with_another_reason_lifted_and_exported(
    boss: Backstage, ann: Page, room: str, name: str, tmp_path: Path
) -> None:
    live(ann.goto(room))
    boss.goto("ban/add/")
    boss.find(name, "user")
    boss.find(slug_of(room), "room")
    save(boss, kind="mute", reason=f"{name} is loud")
    ann.wait_for_text(".silence", "You are muted: you can read")
    find_ban(boss, name)
    save(boss, until_0="2199-12-31", until_1="23:59", reason=f"{name} is <b>very</b> loud")
    ann.wait_for_text(".silence", "<b>very</b> loud")
    assert "You are muted until " in ann.text(".silence")
    find_ban(boss, name)
    boss.press_link(".deletelink")
    boss.submit("[type=submit]")
    ann.wait_until(WRITES)
    boss.goto(f"act/?q={name}&kind__exact=mute")
    file = boss.page.download(".object-tools a[href*=export]", tmp_path)
    with file.open(newline="") as lines:
        last, first = csv.DictReader(lines)
    assert (first["reason"], first["until"]) == (f"{name} is loud", "")
    assert (last["reason"], last["until"][:4]) == (f"{name} is <b>very</b> loud", "2199")
    assert {last["target_name"], last["room"], last["via"]} == {name, slug_of(room), "admin"}
