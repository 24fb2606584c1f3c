"""Private rooms are the business of their members, and of who may change rooms."""

import pytest
from django.contrib.auth.models import User

from chat.models import Membership, Room
from tests.admin.conftest import Admit, shown
from tests.admin.test_acting import LIST


def test_private_rooms_are_closed_to_staff_who_are_not_members(admit: Admit) -> None:
    board = Room.objects.create(slug="board", title="The Directors", kind="private")
    Room.objects.create(slug="kitchen")
    anna = User.objects.create_user("anna")
    member = Membership.objects.create(room=board, user=anna)
    staff = admit("view_room", "delete_room", "view_membership", "delete_membership")
    assert "board" not in shown(staff.get(LIST))
    assert "Directors" not in shown(staff.get(f"{LIST}?q=Directors"))
    assert "Directors" not in shown(staff.get(f"{LIST}?kind__exact=private"))
    for page in ("change", "history", "delete"):
        for address in (f"{LIST}{board.pk}/{page}/", f"/admin/chat/membership/{member.pk}/{page}/"):
            assert "Directors" not in shown(staff.get(address, follow=True)), address
    assert "anna" not in shown(staff.get("/admin/chat/membership/"))
    staff.post(f"{LIST}{board.pk}/delete/", {"post": "yes"})
    staff.post(f"/admin/chat/membership/{member.pk}/delete/", {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [board.pk], "post": "yes"}
    staff.post(LIST, chosen)
    assert Room.objects.count() == 2
    assert Membership.objects.count() == 1
    Membership.objects.create(room=board, user=User.objects.get(username="staff"))
    assert "Directors" in shown(staff.get(LIST))
    assert "anna" in shown(staff.get("/admin/chat/membership/"))


@pytest.mark.parametrize(
    ("permissions", "found"),
    [(("view_room",), {"kitchen"}), (("view_room", "change_room"), {"board", "kitchen"})],
)
def test_private_rooms_are_not_suggested_to_staff_who_may_not_know_them(
    admit: Admit, permissions: tuple[str, ...], found: set[str]
) -> None:
    Room.objects.create(slug="board", kind="private")
    Room.objects.create(slug="kitchen")
    asked = {"app_label": "chat", "model_name": "membership", "field_name": "room", "term": ""}
    answer = admit(*permissions, "add_membership").get("/admin/autocomplete/", asked)
    assert {row["text"] for row in answer.json()["results"]} == found
