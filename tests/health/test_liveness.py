"""Liveness says that the process runs, and asks nothing of anybody."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

# These tests ask for no database, so that any query would be refused: by a session, too.


@pytest.mark.parametrize("address", ["/healthcheck", "/healthcheck/"])
def test_liveness_is_text_and_touches_neither_database_nor_session(
    client: Client, settings: Settings, address: str
) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "no.such.Layer"}}
    client.cookies[settings.SESSION_COOKIE_NAME] = "somebody"
    response = client.get(address)
    assert (response.status_code, response.content) == (200, b"chat is live")
    assert response["Content-Type"] == "text/plain"
    assert "Cookie" not in response.get("Vary", "")
    assert "no-store" in response["Cache-Control"]
    assert not response.cookies


@pytest.mark.parametrize("address", ["/healthcheck", "/healthcheck/ready"])
def test_other_methods_are_not_allowed(settings: Settings, address: str) -> None:
    client = Client(enforce_csrf_checks=True)
    for method in ("post", "put", "patch", "delete", "options"):
        response = getattr(client, method)(address)
        assert response.status_code == 405, method
        assert response["Allow"] == "GET, HEAD"


def test_liveness_answers_head_without_a_body(client: Client) -> None:
    response = client.head("/healthcheck")
    assert (response.status_code, response.content) == (200, b"")


def test_neither_check_asks_for_sign_in_where_the_site_does(
    client: Client, settings: Settings
) -> None:
    required = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, required]
    assert client.get("/healthcheck").status_code == 200
