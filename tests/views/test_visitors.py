"""What a page says of its visitor: who one is, and whether one may write."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from chat import identity
from chat.identity import GUEST_COOKIE
from chat.models import Ban, Membership, Room
from tests.views.pages import attribute, silence, visible

pytestmark = pytest.mark.django_db

# --- Who may write --------------------------------------------------------------------------------


def test_guests_who_may_only_read_are_told_how_to_write(client: Client, settings: Settings) -> None:
    assert silence(client.get("/")) == ""
    settings.CHAT = {"GUESTS": "read"}
    response = client.get("/")
    assert silence(response) == "To write here you have to be signed in."
    assert 'href="/accounts/login/?next=/" data-part="sign-in">' in visible(response)


def test_archived_room_can_only_be_read(client: Client, bob: User) -> None:
    client.force_login(bob)
    Room.objects.create(slug="old", archived=True)
    assert silence(client.get("/rooms/old/")).startswith("This room is archived")


def test_longest_message_is_the_rooms_own(client: Client, settings: Settings) -> None:
    assert attribute(client.get("/"), "data-longest") == "4000"
    Room.objects.create(slug="short", max_length=140)
    assert attribute(client.get("/rooms/short/"), "data-longest") == "140"


def test_who_is_muted_sees_no_form(client: Client, bob: User) -> None:
    Ban.objects.create(kind="mute", sender_key=f"u:{bob.pk}")
    client.force_login(bob)
    assert silence(client.get("/")).startswith("You are muted")


def test_room_that_is_locked_has_a_form_for_those_who_look_after_it(
    client: Client, bob: User
) -> None:
    Room.objects.create(slug="main", locked=True)
    client.force_login(bob)
    assert silence(client.get("/")).startswith("This room is locked")
    Membership.objects.create(room=Room.objects.get(), user=bob, role="owner")
    assert silence(client.get("/")) == ""


# --- Who one is -----------------------------------------------------------------------------------


def test_new_visitor_gets_a_guests_number_and_keeps_it(client: Client) -> None:
    cookie = client.get("/").cookies[GUEST_COOKIE]
    who = identity.of_guest(cookie.value)
    assert who is not None
    assert cookie["httponly"]
    assert GUEST_COOKIE not in client.get("/rooms/main/").cookies
    assert attribute(client.get("/"), "data-me") == who.sender.id


def test_page_sets_the_cookie_that_posting_by_http_needs(client: Client) -> None:
    assert "csrftoken" in client.get("/").cookies


def test_user_is_named_and_can_sign_out_and_come_back(client: Client, bob: User) -> None:
    client.force_login(bob)
    response = client.get("/rooms/main/")
    page = visible(response)
    assert GUEST_COOKIE not in response.cookies
    assert attribute(response, "data-me") == str(bob.pk)
    assert "<b>bob</b>" in page
    assert 'data-part="naming"' not in page
    assert 'action="/accounts/logout/"' in page
    gone = client.post("/accounts/logout/", {"next": "/rooms/main/"})
    assert gone["Location"] == "/rooms/main/"
