"""What a page shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from chat import identity, store
from chat.identity import Identity
from chat.models import Room
from chat.protocol.errors import Problem
from tests.views.pages import attribute, rooms, say, texts, visible

pytestmark = pytest.mark.django_db

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


def test_numbers_for_scripts_are_plain_where_those_for_people_are_grouped(
    client: Client, settings: Settings
) -> None:
    settings.USE_THOUSAND_SEPARATOR = True
    store.create_room("main")
    Room.objects.update(head=1233)
    assert say("main", "hello") == [1234]
    page = client.get("/").content.decode()
    for name, number in (("head", 1234), ("seq", 1234), ("longest", 4000)):
        assert f'data-{name}="{number}"' in page
    assert re.findall(r'data-[\w-]+="\d{1,3}(?:[.,\s]\d{3})+"', page) == []


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
    assert shown.count('<bdi class="edited">') == 1


def test_own_messages_are_told_from_others(client: Client, guest: Identity) -> None:
    say("main", "mine", who=guest)
    say("main", "not mine")
    classes = re.findall(r'<li class="([^"]*)"', visible(client.get("/")))
    assert classes == ["line own", "line"]


@pytest.mark.parametrize(("language", "word"), [("en", "Guest"), ("de", "Gast"), ("ar", "ضيف")])
def test_guest_without_a_name_is_called_so_in_the_pages_language(
    client: Client, guest: Identity, language: str, word: str
) -> None:
    say("main", "hello", who=guest)
    say("main", "my name is like that", who=identity.of_system("Guest 7"))
    page = visible(client.get("/", headers={"accept-language": language}))
    names = re.findall(r'<bdi class="name">(.*?)</bdi>', page)
    assert names == [f"{word} {guest.sender.id}", "Guest 7"]


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


def test_list_is_in_the_order_of_titles(client: Client) -> None:
    for slug, title in (("a", "Zebra"), ("b", "aardvark"), ("c", "Badger")):
        Room.objects.create(slug=slug, title=title)
    assert rooms(client.get("/")) == ["aardvark", "Badger", "main", "Zebra"]


def test_page_says_where_the_websocket_is(client: Client, settings: Settings) -> None:
    assert attribute(client.get("/"), "data-socket") == "/ws"
    settings.CHAT = {**settings.CHAT, "WEBSOCKET_PATH": "wss://live.example.org/chat"}
    assert attribute(client.get("/"), "data-socket") == "wss://live.example.org/chat"


def test_page_is_in_the_visitors_language(client: Client) -> None:
    german = client.get("/", headers={"accept-language": "de"})
    assert 'lang="de"' in german.content.decode()
    assert "Nachricht schreiben" in german.content.decode()


@pytest.mark.parametrize("code", sorted(each.code for each in Problem.__subclasses__()))
def test_page_has_a_sentence_for_each_error(client: Client, code: str) -> None:
    notice = re.search(
        r'<p [^>]*data-part="notice".*?></p>', client.get("/").content.decode(), re.S
    )
    assert notice
    assert re.search(rf'\sdata-{code}="[^"]+"', notice[0])


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
    assert "chat/rooms.js" in page
    assert "<chat-room " in page
