"""A site that has the chat elsewhere, and no pages for signing in."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import include, path
from pytest_django import Settings

from chat.models import Room
from tests.views.pages import attribute, visible

pytestmark = pytest.mark.django_db

# A site without pages for signing in, that has the chat elsewhere: for @pytest.mark.urls(__name__).
urlpatterns = [path("talk/", include("chat.urls"))]


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


@pytest.mark.urls(__name__)
def test_site_may_have_no_pages_for_signing_in_and_out(client: Client, bob: User) -> None:
    page = visible(client.get("/talk/"))
    assert "login" not in page
    assert "account" not in page, "there is nothing in it"
    client.force_login(bob)
    page = visible(client.get("/talk/"))
    assert "logout" not in page
    assert "<b>bob</b>" in page


@pytest.mark.urls(__name__)
def test_chat_may_live_anywhere(client: Client) -> None:
    response = client.get("/talk/")
    assert attribute(response, "data-any-room") == "/talk/rooms/"
    assert 'href="/talk/rooms/main/" aria-current' in visible(response)
