"""``chat_prune``: what it lets go of, and when."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from chat import api, moderation
from chat.models import Act, Message, Room
from chat.store import retention
from tests.management.conftest import Call, CallJson

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("main")]


def seqs(room: str) -> list[int]:
    return list(Message.objects.filter(room__slug=room).values_list("seq", flat=True))


def act() -> Act:
    """The one entry of the record."""
    return Act.objects.get()


def test_rooms_are_pruned_as_their_retention_says(
    old: Room, call: Call, call_json: CallJson
) -> None:
    assert call("chat_prune") == "No room has a retention.\n"
    Room.objects.filter(slug="old").update(retention_days=30)
    api.publish("main", "ancient")
    Message.objects.filter(room__slug="main").update(at=timezone.now() - timedelta(days=4000))
    (dry,) = call_json("chat_prune", "--dry-run")
    assert (dry["room"], dry["removed"]) == ("old", 7)
    assert len(seqs("old")) == 10
    assert not Act.objects.exists()
    (done,) = call_json("chat_prune", "--actor", "cron", "--reason", "as every night")
    assert (done["room"], done["removed"]) == ("old", 7)
    assert seqs("old") == [8, 9, 10]
    assert seqs("main") == [1]
    assert call_json("chat_prune")[0]["removed"] == 0
    kept = act()
    assert (kept.kind, kept.via, kept.room, kept.actor_name) == ("prune", "command", "old", "cron")
    assert (kept.reason, kept.detail.partition(" before ")[0]) == ("as every night", "7 entries")


def test_age_can_be_said_in_place_of_a_retention(old: Room, call: Call) -> None:
    with pytest.raises(CommandError, match=r"old has no retention: say --older-than"):
        call("chat_prune", "old")
    with pytest.raises(CommandError, match="prune 2 rooms"):
        call("chat_prune", "--older-than", "30d")
    assert "WOULD GO" in call("chat_prune", "--older-than", "30d", "--dry-run")
    assert "7" in call("chat_prune", "old", "--older-than", "30d")
    assert seqs("old") == [8, 9, 10]
    call("chat_prune", "--older-than", "30d", "--yes")


def test_age_is_a_hundred_years_at_most(old: Room, call: Call, call_json: CallJson) -> None:
    with pytest.raises(CommandError, match="at most 36500 days"):
        call("chat_prune", "old", "--older-than", "9999w")
    (done,) = call_json("chat_prune", "old", "--older-than", "5214w")
    assert done["removed"] == 0
    Room.objects.filter(slug="old").update(retention_days=999999)  # as code may say
    (done,) = call_json("chat_prune")
    assert (done["room"], done["removed"]) == ("old", 0)


def test_progress_is_for_people_and_in_batches(old: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stdout, stderr = io.StringIO(), Terminal()
    options = ["old", "--older-than", "30d", "--batch", "3", "--no-color", "--json"]
    call_command("chat_prune", *options, stdout=stdout, stderr=stderr)
    steps = [line.split("] ")[-1] for line in stderr.getvalue().split("\r\x1b[K")[1:-1]]
    assert steps == ["3 of 7", "6 of 7", "7 of 7"]
    assert '"removed":7' in stdout.getvalue()


def test_what_clearing_has_left_goes_in_rooms_without_a_retention_too(
    old: Room, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moderation.histories, "SWEPT_FOR", 0.0)
    monkeypatch.setattr(retention, "SWEPT_AT_ONCE", 4)
    moderation.clear_history(old, by=moderation.by_command())
    assert len(seqs("old")) == 6
    assert call("chat_prune", "--dry-run") == "No room has a retention.\n"
    assert len(seqs("old")) == 6
    printed = call("chat_prune")
    assert printed == "No room has a retention.\nRemoved of histories that were cleared: 6\n"
    assert seqs("old") == []
