"""``chat_new_epoch``: of which rooms, and what the record has of it."""

from typing import Any

import pytest
from django.core.management import CommandError

from chat.management.base import AskingCommand
from chat.models import Act, Room
from tests.management.conftest import Call, CallJson

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("main")]


def test_epochs_of_many_rooms_are_asked_about(call: Call, call_json: CallJson) -> None:
    Room.objects.create(slug="kitchen")
    with pytest.raises(CommandError, match="2 rooms"):
        call("chat_new_epoch")
    before = dict(Room.objects.values_list("slug", "epoch"))
    changed = {line["room"]: line["epoch"] for line in call_json("chat_new_epoch", "--yes")}
    assert changed == dict(Room.objects.values_list("slug", "epoch"))
    assert all(before[slug] != epoch for slug, epoch in changed.items())


@pytest.mark.parametrize("rooms", [[], ["kitchen", "main"]])
def test_record_has_the_reason_for_new_epochs(call_json: CallJson, rooms: list[str]) -> None:
    Room.objects.create(slug="kitchen")
    call_json("chat_new_epoch", *rooms, "--yes", "--reason", "restored", "--actor", "ops")
    found = Act.objects.order_by("room").values_list("kind", "room", "reason", "actor_name")
    assert list(found) == [("epoch", room, "restored", "ops") for room in rooms or [""]]


def test_room_that_goes_while_one_is_asked_is_told(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    Room.objects.create(slug="kitchen")

    def ask(self: AskingCommand, what: str, options: dict[str, Any]) -> None:
        Room.objects.filter(slug="kitchen").delete()

    monkeypatch.setattr(AskingCommand, "ask", ask)
    with pytest.raises(CommandError, match="no room kitchen"):
        call("chat_new_epoch", "main", "kitchen")
