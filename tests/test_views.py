"""The room pages, as the server renders them."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any, Protocol

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import include, path
from pytest_django import Settings

from chat import identity, store
from chat.identity import GUEST_COOKIE, Identity
from chat.models import Membership, Room

pytestmark = pytest.mark.django_db


class Answer(Protocol):
    """What the test client returns."""

    @property
    def content(self) -> bytes:
        """The page."""


# A site without pages for signing in, that has the chat elsewhere: for @pytest.mark.urls(__name__).
urlpatterns = [path("talk/", include("chat.urls"))]


@pytest.fixture(autouse=True)
def open_to_guests(settings: Settings) -> None:
    settings.CHAT = {"GUESTS": "post", "ROOM_CREATION": "staff"}


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob")


@pytest.fixture
def guest(client: Client) -> Identity:
    """The guest whose cookie ``client`` has."""
    who = identity.new_guest()
    client.cookies[GUEST_COOKIE] = identity.guest_cookie(who)
    return who


def say(slug: str, *texts: str, who: Identity | None = None) -> list[int]:
    """Store messages, one after another; return their seqs."""
    store.create_room(slug)
    who = who or identity.of_system("Ann")
    outcomes = [
        store.append(
            [
                store.PostDraft(
                    room=slug,
                    sender_key=who.key,
                    sender_name=who.sender.name,
                    id=f"{slug}-{number}-{text}"[:64],
                    text=text,
                )
            ]
        )
        for number, text in enumerate(texts)
    ]
    return [stored.seq for (stored,) in outcomes if isinstance(stored, store.Stored)]


def attribute(response: Answer, name: str) -> str:
    """Return the first attribute of that name on the page."""
    found = re.search(rf'\b{name}="([^"]*)"', response.content.decode())
    assert found, f"no {name} on the page"
    return unescape(found[1])


def visible(response: Answer) -> str:
    """Return the page without its templates, which only the script sees."""
    return re.sub(r"<template.*?</template>", "", response.content.decode(), flags=re.DOTALL)


def texts(response: Answer) -> list[str]:
    """Return the texts of the messages on the page."""
    found = re.findall(r'<p class="text"[^>]*>(.*?)</p>', visible(response), flags=re.DOTALL)
    return [unescape(text) for text in found]


def rooms(response: Answer) -> list[str]:
    """Return the titles in the list of rooms."""
    return re.findall(r'<bdi class="title">(.*?)</bdi>', visible(response))


# --- What a page shows ----------------------------------------------------------------------------


def test_home_is_the_main_room_even_before_anybody_was_there(client: Client) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert attribute(response, "data-room") == "main"
    assert attribute(response, "data-epoch") == ""
    assert attribute(response, "data-head") == "0"
    assert rooms(response) == ["main"]
    assert not Room.objects.exists(), "looking makes nothing"


def test_page_has_the_last_messages_and_the_position_after_them(client: Client) -> None:
    say("main", *(f"m{number}" for number in range(1, 61)))
    response = client.get("/")
    assert texts(response) == [f"m{number}" for number in range(11, 61)]
    assert attribute(response, "data-head") == "60"
    assert attribute(response, "data-epoch") == Room.objects.get().epoch


def test_hostile_text_and_names_are_shown_as_text(client: Client) -> None:
    hostile = "<script>alert(1)</script> & \"'"
    say("main", hostile, who=identity.of_system("<b>Eve</b>"))
    response = client.get("/")
    assert texts(response) == [hostile]
    assert "<script>alert" not in response.content.decode()
    assert "<b>Eve" not in response.content.decode()


def test_edits_and_deletes_are_shown_as_they_now_are(client: Client) -> None:
    first, second = say("main", "edited soon", "deleted soon")
    author: dict[str, Any] = {"room": "main", "sender_key": "s:Ann", "sender_name": "Ann"}
    store.append([store.EditDraft(**author, seq=first, text="as it now is")])
    store.append([store.DeleteDraft(**author, seq=second)])
    response = client.get("/")
    assert texts(response) == ["as it now is", ""]
    assert "deleted soon" not in response.content.decode()
    shown = re.sub(r"<(\w+)[^>]* hidden>.*?</\1>", "", visible(response), flags=re.DOTALL)
    assert shown.count("This message was deleted.") == 1
    assert shown.count('<small class="edited">') == 1


def test_own_messages_are_told_from_others(client: Client, guest: Identity) -> None:
    say("main", "mine", who=guest)
    say("main", "not mine")
    classes = re.findall(r'<li class="([^"]*)"', visible(client.get("/")))
    assert classes == ["line own", "line"]


def test_sender_who_goes_on_is_not_named_again(client: Client) -> None:
    say("main", "one", "two")
    say("main", "three", who=identity.of_system("Bea"))
    classes = re.findall(r'<li class="([^"]*)"', visible(client.get("/")))
    assert classes == ["line", "line follows", "line"]


def test_room_is_named_in_any_script(client: Client) -> None:
    Room.objects.create(slug="käse", title="Käse & Brot")
    response = client.get("/rooms/käse/")
    assert attribute(response, "data-room") == "käse"
    assert "<title>Käse &amp; Brot · Chat</title>" in response.content.decode()


def test_list_has_the_rooms_one_may_enter_and_the_one_one_is_in(client: Client) -> None:
    Room.objects.create(slug="a", title="Atelier")
    Room.objects.create(slug="secret", kind=Room.Kind.PRIVATE)
    Room.objects.create(slug="inner", guests="none")
    Room.objects.create(slug="old", archived=True)
    assert rooms(client.get("/")) == ["Atelier", "main"]
    response = client.get("/rooms/old/")
    assert rooms(response) == ["Atelier", "main", "old"]
    assert re.findall(r'href="([^"]*)" aria-current', visible(response)) == ["/rooms/old/"]


def test_page_says_where_the_websocket_is(client: Client, settings: Settings) -> None:
    assert attribute(client.get("/"), "data-websocket") == "/ws"
    settings.CHAT = {**settings.CHAT, "WEBSOCKET_PATH": "wss://live.example.org/chat"}
    assert attribute(client.get("/"), "data-websocket") == "wss://live.example.org/chat"


def test_page_is_in_the_visitors_language(client: Client) -> None:
    german = client.get("/", headers={"accept-language": "de"})
    assert 'lang="de"' in german.content.decode()
    assert "Nachricht schreiben" in german.content.decode()


def test_page_is_never_kept_by_a_cache(client: Client) -> None:
    response = client.get("/")
    assert "no-store" in response["Cache-Control"]
    assert "Cookie" in response["Vary"]


def test_page_has_no_inline_script_or_style(client: Client, bob: User) -> None:
    client.force_login(bob)
    page = client.get("/").content.decode()
    assert re.findall(r"<script(?![^>]* src=)", page) == []
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)


def test_only_get_and_head_are_allowed(client: Client) -> None:
    assert client.head("/").status_code == 200
    assert client.post("/").status_code == 405
    assert client.post("/rooms/main/").status_code == 405


# --- Who may see it -------------------------------------------------------------------------------


def test_private_room_is_not_there_for_those_outside(client: Client, bob: User) -> None:
    room = Room.objects.create(slug="board", kind=Room.Kind.PRIVATE)
    assert client.get("/rooms/board/").status_code == 404
    client.force_login(bob)
    assert client.get("/rooms/board/").status_code == 404
    Membership.objects.create(room=room, user=bob)
    assert client.get("/rooms/board/").status_code == 200
    assert "board" in rooms(client.get("/"))


@pytest.mark.parametrize(
    ("creation", "who", "status"),
    [
        ("staff", "guest", 404),
        ("staff", "user", 404),
        ("staff", "staff", 200),
        ("users", "guest", 404),
        ("users", "user", 200),
        ("anyone", "guest", 200),
    ],
)
def test_room_that_is_not_there_is_a_page_for_those_who_may_make_it(
    client: Client, settings: Settings, creation: str, who: str, status: int
) -> None:
    settings.CHAT = {"GUESTS": "post", "ROOM_CREATION": creation}
    if who != "guest":
        client.force_login(User.objects.create_user(who, is_staff=who == "staff"))
    response = client.get("/rooms/new/")
    assert response.status_code == status
    assert not Room.objects.exists(), "only the socket makes rooms"
    may_ask = b'name="room"' in client.get("/").content
    assert may_ask == (status == 200)
    if status == 200:
        assert b"This room is new." in response.content
        assert attribute(response, "data-epoch") == ""
        assert rooms(response) == ["main", "new"]


@pytest.mark.parametrize("address", ["/", "/rooms/board/", "/rooms/no-such-room/"])
def test_guests_are_sent_to_sign_in_where_the_chat_is_not_for_them(
    client: Client, settings: Settings, address: str
) -> None:
    settings.CHAT = {"GUESTS": "none"}
    Room.objects.create(slug="board", kind=Room.Kind.PRIVATE)
    response = client.get(address)
    assert response.status_code == 302
    assert response["Location"] == f"/accounts/login/?next={address}"
    assert not response.cookies


def test_guests_are_sent_to_sign_in_for_a_room_that_is_not_for_them(client: Client) -> None:
    Room.objects.create(slug="inner", guests="none")
    assert client.get("/rooms/inner/")["Location"] == "/accounts/login/?next=/rooms/inner/"


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("login_url", ["login", "/accounts/login/"])
def test_site_without_a_sign_in_page_says_why_not(
    client: Client, settings: Settings, login_url: str
) -> None:
    settings.LOGIN_URL = login_url
    Room.objects.create(slug="inner", guests="none")
    response = client.get("/talk/rooms/inner/")
    assert response.status_code == 403
    assert b"This room is for people who are signed in." in response.content
    settings.CHAT = {"GUESTS": "none"}
    response = client.get("/talk/")
    assert response.status_code == 403
    assert b"This chat is for people who are signed in." in response.content


def test_sign_in_page_may_be_on_another_host(client: Client, settings: Settings) -> None:
    settings.CHAT = {"GUESTS": "none"}
    settings.LOGIN_URL = "https://id.example.org/enter"
    assert client.get("/")["Location"] == "https://id.example.org/enter?next=/"


# --- Who may write --------------------------------------------------------------------------------


def test_guests_who_may_only_read_are_told_how_to_write(client: Client, settings: Settings) -> None:
    assert b'id="chat-post"' in client.get("/").content
    settings.CHAT = {"GUESTS": "read"}
    page = visible(client.get("/"))
    assert 'id="chat-post"' not in page
    assert "To write here you have to be signed in." in page
    assert 'href="/accounts/login/?next=/"' in page


def test_archived_room_can_only_be_read(client: Client, bob: User) -> None:
    client.force_login(bob)
    Room.objects.create(slug="old", archived=True)
    page = visible(client.get("/rooms/old/"))
    assert 'id="chat-post"' not in page
    assert "This room is archived" in page


def test_longest_message_is_the_rooms_own(client: Client, settings: Settings) -> None:
    assert attribute(client.get("/"), "data-longest") == "4000"
    Room.objects.create(slug="short", max_length=140)
    assert attribute(client.get("/rooms/short/"), "data-longest") == "140"


# --- Who one is -----------------------------------------------------------------------------------


def test_new_visitor_gets_a_guests_number_and_keeps_it(client: Client) -> None:
    cookie = client.get("/").cookies[GUEST_COOKIE]
    who = identity.of_guest(cookie.value)
    assert who is not None
    assert cookie["httponly"]
    assert GUEST_COOKIE not in client.get("/rooms/main/").cookies
    assert attribute(client.get("/"), "data-me") == who.sender.id


def test_user_is_named_and_can_sign_out_and_come_back(client: Client, bob: User) -> None:
    client.force_login(bob)
    response = client.get("/rooms/main/")
    page = visible(response)
    assert GUEST_COOKIE not in response.cookies
    assert attribute(response, "data-me") == str(bob.pk)
    assert "<b>bob</b>" in page
    assert 'id="chat-naming"' not in page
    assert 'action="/accounts/logout/"' in page
    gone = client.post("/accounts/logout/", {"next": "/rooms/main/"})
    assert gone["Location"] == "/rooms/main/"


@pytest.mark.urls(__name__)
def test_site_may_have_no_pages_for_signing_in_and_out(client: Client, bob: User) -> None:
    assert "login" not in visible(client.get("/talk/"))
    client.force_login(bob)
    page = visible(client.get("/talk/"))
    assert "logout" not in page
    assert "<b>bob</b>" in page


# --- Addresses ------------------------------------------------------------------------------------


@pytest.mark.urls(__name__)
def test_chat_may_live_anywhere(client: Client) -> None:
    response = client.get("/talk/")
    assert attribute(response, "data-any-room") == "/talk/rooms/_room_/"
    assert 'href="/talk/rooms/main/" aria-current' in visible(response)


@pytest.mark.parametrize(
    ("asked", "address"),
    [
        ("Tea & biscuits", "/rooms/tea-biscuits/"),
        ("Käse", "/rooms/k%C3%A4se/"),
        ("x" * 80, f"/rooms/{'x' * 64}/"),
    ],
)
def test_asking_for_a_room_leads_to_it(client: Client, asked: str, address: str) -> None:
    assert client.get("/", {"room": asked})["Location"] == address


def test_asking_for_a_name_without_letters_stays(client: Client) -> None:
    assert client.get("/", {"room": " ?! "}).status_code == 200


@pytest.mark.parametrize("slug", ["a b", "a.b", "x" * 65])
def test_name_that_no_room_can_have_is_not_found(client: Client, slug: str) -> None:
    assert client.get(f"/rooms/{slug}/").status_code == 404


# --- A site's own templates -----------------------------------------------------------------------


def test_site_can_put_the_room_into_a_page_of_its_own(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    own = tmp_path / "chat" / "base.html"
    own.parent.mkdir()
    own.write_text(
        "<h1>Our site</h1>{% block scripts %}{% endblock %}{% block content %}{% endblock %}"
    )
    (templates,) = settings.TEMPLATES
    settings.TEMPLATES = [{**templates, "DIRS": [tmp_path]}]
    page = client.get("/").content.decode()
    assert page.startswith("<h1>Our site</h1>")
    assert "chat/page.js" in page
    assert 'id="chat-page"' in page
