"""Reasons that are given for nothing: the page says so, and the record has none."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from chat.models import Act, Membership, Room
from tests.admin.test_rooms import FORM

NOTHING = "Nothing but the reason was given, so nothing is in the record."
JOINS = {"memberships-2-TOTAL_FORMS": "1", "memberships-2-0-role": "owner"}


@pytest.fixture
def room(db: None) -> Room:
    return Room.objects.create(slug="kitchen")


def said(answer: Any) -> list[str]:
    """Return what the admin says it has done."""
    return [str(message) for message in answer.context["messages"]]


def test_reason_alone_is_said_to_be_in_no_record(boss: Client, room: Room) -> None:
    member = Membership.objects.create(room=room, user=User.objects.create_user("anna"))
    room_form = FORM | {"memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "1"}
    room_form |= {"memberships-0-id": str(member.pk), "memberships-0-role": "member"}
    pages = {f"room/{room.pk}": room_form, f"membership/{member.pk}": {"role": "member"}}
    for page, form in pages.items():
        address = f"/admin/chat/{page}/change/"
        for save in ("_save", "_continue", "_addanother"):
            reasoned = form | {"reason": "why", save: "yes"}
            assert said(boss.post(address, reasoned, follow=True)) == [NOTHING]
        (text,) = said(boss.post(address, form | {"reason": ""}, follow=True))
        assert "was changed successfully" in text
    assert not Act.objects.exists()
    assert {each.get_change_message() for each in LogEntry.objects.all()} == {"No fields changed."}


def test_reason_for_a_change_is_kept_and_nothing_more_is_said(boss: Client, room: Room) -> None:
    address, anna = f"/admin/chat/room/{room.pk}/change/", User.objects.create_user("anna")
    joins = JOINS | {"memberships-2-0-user": str(anna.pk)}
    for form in ({"locked": "on"}, {"locked": "on"} | joins):
        answer = boss.post(address, FORM | form | {"reason": "why"}, follow=True)
        (text,) = said(answer)
        assert "was changed successfully" in text
    made = {"slug": "cellar", "reason": "why"}
    (text,) = said(boss.post("/admin/chat/room/add/", FORM | made, follow=True))
    assert "was added successfully" in text
    kinds = Act.objects.order_by("pk").values_list("kind", "reason")
    assert list(kinds) == [("room", "why"), ("member", "why"), ("room", "why")]
