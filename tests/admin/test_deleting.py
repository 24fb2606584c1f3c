"""Deleting more rooms at a time than a form has fields for."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from chat.admin import confirming
from chat.models import Act, Room

LIST = "/admin/chat/room/"


def choose_all(client: Client, query: str) -> tuple[Any, list[tuple[str, str]]]:
    """Delete all rooms of a list, as far as the page that asks; what that sends."""
    shown = list(Room.objects.values_list("pk", flat=True)[:50])
    form = {"action": "delete_selected", "select_across": "1", "_selected_action": shown}
    asked = client.post(f"{LIST}?{query}", form)
    sent = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', asked.content.decode())
    return asked, sent


def test_page_that_asks_about_all_of_a_long_list_sends_few_fields(boss: Client) -> None:
    Room.objects.bulk_create(Room(slug=f"room-{number}") for number in range(1100))
    asked, sent = choose_all(boss, "")
    assert asked.status_code == 200
    assert "room-1099" in asked.content.decode()
    assert len(sent) < 20
    assert ("select_across", "1") in sent


def test_all_of_a_long_list_are_deleted_and_no_other(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirming, "CHOSEN_SENT", 3)
    Room.objects.bulk_create(Room(slug=f"room-{number}") for number in range(5))
    Room.objects.create(slug="kitchen")
    _asked, sent = choose_all(boss, "q=room-")
    boss.post(f"{LIST}?q=room-", dict(sent) | {"reason": "old"})
    assert [room.slug for room in Room.objects.all()] == ["kitchen"]
    assert list(Act.objects.values_list("detail", "reason")) == [("deleted", "old")] * 5


def test_all_of_a_short_list_are_those_that_were_shown(boss: Client) -> None:
    room = Room.objects.create(slug="kitchen")
    _asked, sent = choose_all(boss, "")
    assert ("_selected_action", str(room.pk)) in sent
    assert "select_across" not in dict(sent)
