"""What is done to rooms from the admin, besides changing their rows, and who may do it."""

import re
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory

from chat.admin import RoomAdmin
from chat.models import Act, Message, Room
from tests.admin.conftest import Admit, Fill, shown

LIST = "/admin/chat/room/"
EVERYBODY = f"{LIST}announce/"
WORDS = {"text": "We close at six", "level": "warning", "logged": "", "id": "0" * 32}
ACTS = ("announce", "clear_history", "begin_epoch")


def page(room: Room, act: str) -> str:
    address = {"clear_history": "clear-history", "begin_epoch": "new-epoch"}.get(act, act)
    return f"{LIST}{room.pk}/{address}/"


def choose(client: Client, action: str, *rooms: Room, **fields: str) -> Any:
    form = {"action": action, "_selected_action": [room.pk for room in rooms]}
    return client.post(LIST, form | fields, follow=True)


def acts() -> list[tuple[str, str, str]]:
    return list(Act.objects.order_by("pk").values_list("kind", "room", "via"))


# Clearing, and new epochs


def test_history_is_cleared_after_asking(boss: Client, fill: Fill) -> None:
    (message, *_) = fill("kitchen", "a", "b")
    fill("garden", "stays")
    room, epoch = message.room, message.room.epoch
    button = f'href="{page(room, "clear_history")}"'
    assert button in boss.get(f"{LIST}{room.pk}/change/").content.decode()
    text = shown(boss.get(page(room, "clear_history")))
    assert "All that was said in “kitchen” is deleted for good" in text
    assert "2 entries of the log go." in text
    assert Message.objects.count() == 3
    form = {"confirmed": "yes", "reason": "fresh start"}
    answer = boss.post(page(room, "clear_history"), form, follow=True)
    assert "The history was cleared." in shown(answer)
    assert [row.text for row in Message.objects.all()] == ["stays"]
    room.refresh_from_db()
    assert room.epoch != epoch
    assert acts() == [("clear", "kitchen", "admin")]
    assert Act.objects.get().reason == "fresh start"
    assert LogEntry.objects.get().get_change_message() == "Cleared the history."


def test_histories_of_chosen_rooms_are_cleared(boss: Client, fill: Fill) -> None:
    rooms = [fill(slug, "hello")[0].room for slug in ("kitchen", "garden", "main")]
    assert "“garden”, “kitchen”" in shown(choose(boss, "clear_history", *rooms[:2]))
    choose(boss, "clear_history", *rooms[:2], confirmed="yes", reason="")
    assert [message.room.slug for message in Message.objects.all()] == ["main"]


@pytest.mark.parametrize("by_list", [False, True])
def test_new_epoch_begins_after_asking(boss: Client, fill: Fill, by_list: bool) -> None:
    (message,) = fill("kitchen", "stays")
    room, epoch = message.room, message.room.epoch
    if by_list:
        assert "Begin a new epoch?" in shown(choose(boss, "begin_epoch", room))
        choose(boss, "begin_epoch", room, confirmed="yes")
    else:
        assert "Begin a new epoch?" in shown(boss.get(page(room, "begin_epoch")))
        boss.post(page(room, "begin_epoch"), {"confirmed": "yes"})
    room.refresh_from_db()
    assert room.epoch != epoch
    assert Message.objects.get().text == "stays"
    assert acts() == [("epoch", "kitchen", "admin")]
    assert LogEntry.objects.get().get_change_message() == "Began a new epoch."


@pytest.mark.parametrize("act", ACTS)
def test_room_that_goes_before_the_answer_is_said_to_be_gone(
    boss: Client, fill: Fill, act: str
) -> None:
    rooms = [fill(slug, "hello")[0].room for slug in ("kitchen", "garden", "main")]
    answers = WORDS | {"confirmed": "yes", "reason": ""}
    done = {"announce": "was made", "clear_history": "was cleared", "begin_epoch": "has begun"}[act]
    Room.objects.filter(slug="kitchen").delete()
    text = shown(choose(boss, act, rooms[0], **answers))
    assert "1 chosen room is gone, or not in this list any more." in text
    assert done not in text
    assert acts() == []
    text = shown(choose(boss, act, *rooms, **answers))
    assert "1 chosen room is gone" in text
    assert done in text
    assert [room for _kind, room, _via in acts()] == ["garden", "main"]
    text = shown(choose(boss, act, rooms[0]))  # gone before the question
    assert "1 chosen room is gone" in text


# Who may


@pytest.mark.parametrize("act", ACTS)
def test_forged_post_without_permission_is_refused(admit: Admit, fill: Fill, act: str) -> None:
    (message,) = fill("kitchen", "stays")
    lacks = "announce" if act != "announce" else "change_room"
    staff = admit("view_room", lacks)
    form = WORDS | {"confirmed": "yes", "reason": ""}
    assert staff.post(page(message.room, act), form).status_code == 403
    choose(staff, act, message.room, **form)
    assert (
        page(message.room, act)
        not in staff.get(f"{LIST}{message.room.pk}/change/").content.decode()
    )
    if act == "announce":
        assert staff.post(EVERYBODY, form).status_code == 403
        assert EVERYBODY not in staff.get(LIST).content.decode()
    message.room.refresh_from_db()
    assert (acts(), message.room.pruned) == ([], 0)
    assert Client().post(page(message.room, act), form).status_code == 302


@pytest.mark.parametrize("act", ACTS)
def test_action_checks_for_itself(rf: RequestFactory, fill: Fill, act: str) -> None:
    fill("kitchen", "stays")
    request = rf.post(LIST, WORDS | {"confirmed": "yes"})
    request.user = User.objects.create_user("staff", is_staff=True)
    with pytest.raises(PermissionDenied):
        getattr(RoomAdmin(Room, site), act)(request, Room.objects.all())
    assert acts() == []


@pytest.mark.parametrize("act", ACTS)
def test_room_that_is_hidden_or_not_there_is_not_found(admit: Admit, fill: Fill, act: str) -> None:
    (message,) = fill("board", "confidential", kind="private")
    staff = admit("view_room", "announce")
    assert staff.get(page(message.room, act)).status_code == 404
    assert staff.get(page(Room(pk=999), act)).status_code == 404
    choose(staff, act, message.room, confirmed="yes", **WORDS)
    assert acts() == []


@pytest.mark.parametrize("address", ["{}announce/", "{}1/clear-history/", "{}1/new-epoch/"])
def test_pages_that_ask_have_neither_script_nor_style_of_their_own(
    boss: Client, db: None, address: str
) -> None:
    Room.objects.create(pk=1, slug="kitchen")
    content = boss.get(address.format(LIST)).content.decode()
    assert not re.search(r"<script>|<style|onclick| style=", content.partition('id="main"')[2])
