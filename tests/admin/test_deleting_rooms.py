"""Rooms are deleted with their logs, which may be long, and `main` never."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from chat.models import Act, Membership, Message, Room
from chat.moderation import batches
from chat.store import retention
from tests.admin.conftest import Admit, Fill, admit_staff, fill_room, shown

LIST = "/admin/chat/room/"


def page(room: Room) -> str:
    return f"{LIST}{room.pk}/change/"


def test_deleting_a_room_takes_its_log_and_nothing_else(boss: Client, fill: Fill) -> None:
    (message,) = fill("kitchen", "hello")
    Membership.objects.create(room=message.room, user=User.objects.create_user("anna"))
    Message.objects.create(room=message.room, seq=2, kind="delete", target=message)
    fill("other", "stays")
    address = f"{LIST}{message.room.pk}/delete/"
    assert "Messages: 1 Memberships: 1" in shown(boss.get(address))
    assert boss.post(address, {"post": "yes"}).status_code == 302
    assert [room.slug for room in Room.objects.all()] == ["other"]
    assert [row.text for row in Message.objects.all()] == ["stays"]
    assert not Membership.objects.exists()
    assert LogEntry.objects.get().is_deletion()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("many", [False, True])
def test_deleting_a_long_log_keeps_nobody_waiting(
    many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes in short transactions, between which others may write."""
    monkeypatch.setattr(retention, "SWEPT_AT_ONCE", 2)
    boss = admit_staff("boss", superuser=True)
    room = fill_room("kitchen", *"abcde")[0].room
    sizes, delete = [], retention._delete

    def delete_some(rows: QuerySet[Message]) -> int:
        sizes.append(delete(rows))
        return sizes[-1]

    def rest(began: float) -> None:
        assert not connection.in_atomic_block
        fill_room("other", "meanwhile")

    monkeypatch.setattr(retention, "_delete", delete_some)
    monkeypatch.setattr(batches, "_rest", rest)
    if many:
        chosen = {"action": "delete_selected", "_selected_action": [room.pk]}
        boss.post(LIST, chosen | {"post": "yes"})
    else:
        boss.post(f"{LIST}{room.pk}/delete/", {"post": "yes"})
    assert sizes == [2, 2, 1, 0]
    assert [room.slug for room in Room.objects.all()] == ["other"]
    assert [(act.room, act.detail) for act in Act.objects.all()] == [("kitchen", "deleted")]


def test_deleting_takes_as_many_queries_for_a_long_log_as_for_a_short_one(
    boss: Client, fill: Fill, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    (room, *_) = {message.room for message in fill("kitchen", *["hello"] * 300)}
    with django_assert_max_num_queries(6):
        boss.get(f"{LIST}{room.pk}/delete/")


def test_main_cannot_be_deleted(boss: Client, fill: Fill) -> None:
    (message,) = fill("main", "hello")
    address = f"{LIST}{message.room.pk}/delete/"
    assert boss.get(address).status_code == 403
    assert boss.post(address, {"post": "yes"}).status_code == 403
    assert address not in boss.get(page(message.room)).content.decode()
    assert Room.objects.get().slug == "main"


def test_main_cannot_be_deleted_among_others(boss: Client, fill: Fill) -> None:
    chosen = [fill(slug, "hello")[0].room.pk for slug in ("main", "kitchen")]
    form = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    assert "The room “main” is always there." in boss.post(LIST, form).content.decode()
    assert Room.objects.count() == 2
    form["_selected_action"] = chosen[1:]
    boss.post(LIST, form)
    assert [room.slug for room in Room.objects.all()] == ["main"]


def test_deleting_needs_permission(admit: Admit, fill: Fill) -> None:
    (message,) = fill("kitchen", "hello")
    form = {"action": "delete_selected", "_selected_action": [message.room.pk], "post": "yes"}
    staff = admit("view_room", "change_room")
    assert staff.post(f"{LIST}{message.room.pk}/delete/", {"post": "yes"}).status_code == 403
    staff.post(LIST, form)
    assert Room.objects.exists()
