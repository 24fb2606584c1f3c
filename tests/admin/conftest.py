"""Those who use the admin, and what there is for them to see."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import Settings

from chat import store
from chat.hub.heart import Heart
from chat.models import Message, Room
from tests.hub.clients import OPEN_SITE

Admit = Callable[..., Client]
Fill = Callable[..., list[Message]]


@pytest.fixture(autouse=True)
def open_site(settings: Settings) -> None:
    """Let guests post and make rooms, so that tests have somebody to watch."""
    settings.CHAT = OPEN_SITE


@pytest.fixture
def told_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hubs find out nothing by themselves, so that what they know they were told."""
    monkeypatch.setattr(Heart, "_beat", 3600.0)


def admit_staff(name: str, *permissions: str, superuser: bool = False) -> Client:
    """Return the browser of a new staff member with these permissions of the chat's."""
    user = User.objects.create_user(name, is_staff=True, is_superuser=superuser)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def admit(db: None) -> Admit:
    """Let a staff member into the admin: ``admit("view_message")``."""

    def admit(*permissions: str, name: str = "staff") -> Client:
        return admit_staff(name, *permissions)

    return admit


@pytest.fixture
def boss(db: None) -> Client:
    """A superuser's browser."""
    return admit_staff("boss", superuser=True)


@pytest.fixture
def fill(db: None) -> Fill:
    """Say something in a room, which is made if need be; the messages."""
    return fill_room


def shown(answer: Any) -> str:
    """Return a page as it is read: without its tags."""
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", answer.content.decode()).split()))


def fill_room(slug: str, *texts: str, **fields: object) -> list[Message]:
    """Say ``texts`` in a room, which is made with ``fields`` if need be; the messages."""
    room, _ = Room.objects.get_or_create(slug=slug, defaults=fields)
    before = room.head
    store.append(
        [
            store.PostDraft(
                room=slug, sender_key="u:7", sender_name="bob", id=f"{before}-{number}", text=text
            )
            for number, text in enumerate(texts)
        ]
    )
    return list(room.log.filter(seq__gt=before).select_related("room"))
