"""What becomes of rooms and members in the admin is in the record, with its reason."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chat.models import Act, Ban, Membership, Room
from tests.admin.conftest import Admit, shown
from tests.admin.test_acting import LIST, choose, page
from tests.admin.test_rooms import FORM


def test_changes_of_rooms_and_members_are_recorded(boss: Client) -> None:
    anna = User.objects.create_user("anna")
    made = FORM | {"slug": "kitchen", "memberships-TOTAL_FORMS": "1"}
    made |= {"memberships-0-user": str(anna.pk), "memberships-0-role": "owner"}
    boss.post(f"{LIST}add/", made)
    room = Room.objects.get()
    member = Membership.objects.get()
    changed = FORM | {"title": "The Kitchen", "locked": "on", "retention_days": "30"}
    changed |= {"memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "1"}
    changed |= {"memberships-0-id": str(member.pk), "memberships-0-role": "member"}
    boss.post(f"{LIST}{room.pk}/change/", changed)
    boss.post(f"{LIST}{room.pk}/change/", changed)  # nothing new
    boss.post(f"{LIST}{room.pk}/change/", changed | {"memberships-0-DELETE": "on"})
    boss.post(f"{LIST}{room.pk}/delete/", {"post": "yes"})
    room_acts = Act.objects.order_by("pk").values_list("kind", "room", "target_name", "detail")
    assert list(room_acts) == [
        ("room", "kitchen", "", "made"),
        ("member", "kitchen", "anna", "now owner"),
        ("room", "kitchen", "", "title=The Kitchen, locked=yes, retention_days=30"),
        ("member", "kitchen", "anna", "now member"),
        ("member", "kitchen", "anna", "no longer a member"),
        ("room", "kitchen", "", "deleted"),
    ]
    assert set(Act.objects.values_list("via", "actor_name")) == {("admin", "boss")}


def test_record_says_what_a_setting_is_now(boss: Client) -> None:
    room = Room.objects.create(slug="kitchen", guests="read", max_length=9)
    title = "x" * 200
    changes: list[dict[str, str]] = [{"max_length": "9", "guests": "read", "locked": "on"}]
    changes += [{"title": title, "slow_mode": "5"}, {"title": title, "kind": "private"}]
    for fields in changes:
        boss.post(f"{LIST}{room.pk}/change/", FORM | fields)
    assert list(Act.objects.order_by("pk").values_list("detail", flat=True)) == [
        "locked=yes",
        f"title={title}, guests=, slow_mode=5, max_length=, locked=no",
        "kind=private, slow_mode=0",
    ]


def test_record_has_the_reason_of_every_change(boss: Client) -> None:
    room = Room.objects.create(slug="kitchen")
    anna = User.objects.create_user("anna")
    own = f"{LIST}{room.pk}/change/"
    boss.post(f"{LIST}add/", FORM | {"slug": "garden", "reason": "spring"})
    boss.post(own, FORM | {"archived": "on", "reason": "closed"})
    boss.post(own, FORM | {"archived": "on", "reason": "nothing is done, so nothing is recorded"})
    joins = {"memberships-2-TOTAL_FORMS": "1", "memberships-2-0-user": str(anna.pk)}
    joins |= {"memberships-2-0-role": "member"}
    boss.post(own, FORM | joins | {"archived": "on", "reason": "hired"})
    hers = f"/admin/chat/membership/{Membership.objects.get().pk}/"
    boss.post(f"{hers}change/", {"role": "owner", "reason": "promoted"})
    boss.post(f"{hers}change/", {"role": "owner", "reason": "again"})
    boss.post(f"{hers}delete/", {"post": "yes", "reason": " retired\0 "})
    member = Membership.objects.create(room=room, user=anna)
    chosen = {"action": "delete_selected", "_selected_action": [member.pk], "post": "yes"}
    boss.post("/admin/chat/membership/", chosen | {"reason": "retired again"})
    boss.post(page(room, "begin_epoch"), {"confirmed": "yes", "reason": "restored"})
    assert list(Act.objects.order_by("pk").values_list("detail", "reason")) == [
        ("made", "spring"),
        ("archived=yes", "closed"),
        ("now member", "hired"),
        ("now owner", "promoted"),
        ("no longer a member", "retired"),
        ("no longer a member", "retired again"),
        ("", "restored"),
    ]


def test_record_has_the_reason_for_which_a_room_is_deleted(boss: Client) -> None:
    for slug in ("garden", "kitchen"):
        room = Room.objects.create(slug=slug)
    boss.post(f"{LIST}{room.pk}/delete/", {"post": "yes", "reason": "closed"})
    choose(boss, "delete_selected", Room.objects.get(), post="yes", reason="winter")
    found = Act.objects.order_by("pk").values_list("room", "detail", "reason")
    assert list(found) == [("kitchen", "deleted", "closed"), ("garden", "deleted", "winter")]


@pytest.mark.parametrize(
    "address",
    [
        "room/add/",
        "room/1/change/",
        "room/1/delete/",
        "room/1/new-epoch/",
        "membership/add/",
        "membership/1/change/",
        "membership/1/delete/",
        "ban/1/delete/",
    ],
)
def test_pages_that_change_something_ask_why(boss: Client, address: str) -> None:
    room = Room.objects.create(pk=1, slug="kitchen")
    Membership.objects.create(pk=1, room=room, user=User.objects.get())
    Ban.objects.create(pk=1, sender_key="u:99")
    answer = boss.get(f"/admin/chat/{address}")
    assert answer.content.decode().count('name="reason"') == 1
    assert "It is kept in the record." in shown(answer)


@pytest.mark.parametrize("model", ["room", "membership"])
def test_pages_that_only_show_ask_for_no_reason(admit: Admit, model: str) -> None:
    room = Room.objects.create(pk=1, slug="kitchen")
    Membership.objects.create(pk=1, room=room, user=User.objects.create_user("anna"))
    answer = admit(f"view_{model}").get(f"/admin/chat/{model}/1/change/")
    assert "Reason" not in shown(answer)


def test_memberships_own_pages_are_recorded_too(boss: Client) -> None:
    room = Room.objects.create(slug="kitchen")
    anna, bob = (User.objects.create_user(name) for name in ("anna", "bob"))
    for user in (anna, bob):
        form = {"room": room.pk, "user": user.pk, "role": "member"}
        boss.post("/admin/chat/membership/add/", form)
    first, second = Membership.objects.order_by("pk")
    page = f"/admin/chat/membership/{first.pk}/"
    boss.post(f"{page}change/", {"room": room.pk, "user": anna.pk, "role": "moderator"})
    boss.post(f"{page}delete/", {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [second.pk], "post": "yes"}
    boss.post("/admin/chat/membership/", chosen)
    found = Act.objects.order_by("pk").values_list("target_key", "detail")
    assert list(found) == [
        (f"u:{anna.pk}", "now member"),
        (f"u:{bob.pk}", "now member"),
        (f"u:{anna.pk}", "now moderator"),
        (f"u:{anna.pk}", "no longer a member"),
        (f"u:{bob.pk}", "no longer a member"),
    ]
