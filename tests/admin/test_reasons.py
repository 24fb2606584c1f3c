"""Reasons that are given for nothing: the page says so, and the record has none."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from chat.models import Act, Membership, Room
from tests.admin.conftest import shown
from tests.admin.test_rooms import FORM

NOTHING = "Nothing but the reason was given, so nothing is in the record."
JOINS = {"memberships-2-TOTAL_FORMS": "1", "memberships-2-0-role": "owner"}


@pytest.fixture
def room(db: None) -> Room:
    return Room.objects.create(slug="kitchen")


def test_reason_alone_is_said_to_be_in_no_record(boss: Client, room: Room) -> None:
    member = Membership.objects.create(room=room, user=User.objects.create_user("anna"))
    room_form = FORM | {"memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "1"}
    room_form |= {"memberships-0-id": str(member.pk), "memberships-0-role": "member"}
    pages = {f"room/{room.pk}": room_form, f"membership/{member.pk}": {"role": "member"}}
    for page, form in pages.items():
        address = f"/admin/chat/{page}/change/"
        assert NOTHING in shown(boss.post(address, form | {"reason": "why"}, follow=True))
        assert NOTHING not in shown(boss.post(address, form | {"reason": ""}, follow=True))
    assert not Act.objects.exists()
    assert {each.get_change_message() for each in LogEntry.objects.all()} == {"No fields changed."}


def test_reason_for_a_change_is_kept_and_nothing_more_is_said(boss: Client, room: Room) -> None:
    address, anna = f"/admin/chat/room/{room.pk}/change/", User.objects.create_user("anna")
    joins = JOINS | {"memberships-2-0-user": str(anna.pk)}
    for form in ({"locked": "on"}, {"locked": "on"} | joins):
        answer = boss.post(address, FORM | form | {"reason": "why"}, follow=True)
        assert NOTHING not in shown(answer)
    made = {"slug": "cellar", "reason": "why"}
    assert NOTHING not in shown(boss.post("/admin/chat/room/add/", FORM | made, follow=True))
    kinds = Act.objects.order_by("pk").values_list("kind", "reason")
    assert list(kinds) == [("room", "why"), ("member", "why"), ("room", "why")]
