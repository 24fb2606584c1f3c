"""A site that is open to guests, and who visits it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from chat import identity
from chat.identity import GUEST_COOKIE, Identity


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
