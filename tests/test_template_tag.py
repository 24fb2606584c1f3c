"""``{% chat_room %}`` in a template of the site's, and who its guests are."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.template import Context, Template
from django.test import Client, RequestFactory
from pytest_django import Settings

from chat import identity, store
from chat.identity import GUEST_COOKIE
from chat.models import Membership, Room

pytestmark = pytest.mark.django_db

SOURCE = "{% load chat %}{% chat_room room %}"


@pytest.fixture(autouse=True)
def open_to_guests(settings: Settings) -> None:
    settings.CHAT = {"GUESTS": "post", "ROOM_CREATION": "staff"}


@pytest.fixture
def request_() -> HttpRequest:
    """A guest's request for a page that is not ours."""
    request = RequestFactory().get("/shop/")
    request.user = AnonymousUser()
    return request


def render(request: HttpRequest | None, room: object, source: str = SOURCE) -> str:
    context = {"room": room} if request is None else {"room": room, "request": request}
    return Template(source).render(Context(context))


def attribute(html: str, name: str) -> str:
    found = re.search(rf'{name}="([^"]*)"', html)
    assert found, f"no {name}"
    return found[1]


def test_room_comes_with_its_history_script_and_style(request_: HttpRequest) -> None:
    room = Room.objects.create(slug="shop", title="The shop")
    draft = store.PostDraft(
        room="shop", sender_key="s:Ann", sender_name="Ann", id="1", text="We are <open>"
    )
    store.append([draft])
    html = render(request_, room)
    assert "We are &lt;open&gt;" in html
    assert "The shop" in html
    assert attribute(html, "data-head") == "1"
    assert attribute(html, "data-room") == "shop"
    assert '<script type="module" src="/static/chat/chat-room.js">' in html
    assert '<link rel="stylesheet" href="/static/chat/chat-room.css">' in html


def test_level_is_that_of_the_heading(request_: HttpRequest) -> None:
    assert attribute(render(request_, "main"), "aria-level") == "2"
    source = SOURCE.replace("room room", "room room level=4")
    assert attribute(render(request_, "main", source), "aria-level") == "4"


def test_room_that_is_on_a_page_twice_has_ids_of_its_own_each_time(
    request_: HttpRequest,
) -> None:
    request_.user = User.objects.create_user("bob")
    html = render(request_, "main", SOURCE + SOURCE + SOURCE.replace(" room %", " 'tea' %"))
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids)) > 3
    meant = re.findall(r'\b(?:for|popovertarget|aria-labelledby)="([^"]+)"', html)
    assert set(meant) == set(ids), "each is what something is of"


def test_template_without_its_request_is_told_what_it_lacks() -> None:
    with pytest.raises(ImproperlyConfigured, match="needs the request"):
        render(None, "main")


def test_who_may_not_see_the_room_is_told_so_in_its_place(request_: HttpRequest) -> None:
    Room.objects.create(slug="staff", guests=Room.Guests.NONE)
    html = render(request_, "staff")
    assert "This room is for people who are signed in." in html
    assert "/accounts/login/?next=/shop/" in html
    assert "<chat-room" not in html


def test_private_room_is_no_room_to_those_outside(request_: HttpRequest) -> None:
    room = Room.objects.create(slug="board", kind=Room.Kind.PRIVATE, title="The board")
    html = render(request_, room)
    assert html == render(request_, "nowhere")
    assert "There is no such room." in html
    request_.user = User.objects.create_user("bob")
    Membership.objects.create(room=room, user=request_.user)
    assert "The board" in render(request_, room)


def test_guest_who_is_not_known_yet_is_made_one_before_connecting(
    request_: HttpRequest, client: Client
) -> None:
    html = render(request_, "main")
    assert attribute(html, "data-me") == ""
    address = attribute(html, "data-guest")
    response = client.post(address)
    assert response.status_code == 204
    cookie = client.cookies[GUEST_COOKIE].value
    assert GUEST_COOKIE not in client.post(address).cookies, "the same one from now on"
    request_.COOKIES[GUEST_COOKIE] = cookie
    html = render(request_, "main")
    assert attribute(html, "data-guest") == ""
    known = identity.of_guest(cookie)
    assert known is not None
    assert attribute(html, "data-me") == known.sender.id
    assert client.get(address).status_code == 405
    assert Client(enforce_csrf_checks=True).post(address).status_code == 403, "no other site's"


def test_users_need_no_guests_cookie(request_: HttpRequest, client: Client) -> None:
    user = request_.user = User.objects.create_user("bob")
    html = render(request_, "main")
    assert attribute(html, "data-guest") == ""
    assert attribute(html, "data-me") == str(user.pk)
    client.force_login(user)
    assert GUEST_COOKIE not in client.post("/guest").cookies
