"""What people call users, senders, rooms and moments on a command line, and call by nothing."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from chat import api
from chat.management import naming
from chat.models import Act, Ban, Message
from tests.management.conftest import Call


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90m", timedelta(minutes=90)),
        ("2h", timedelta(hours=2)),
        ("3d", timedelta(days=3)),
        ("1w", timedelta(weeks=1)),
    ],
)
def test_lengths_of_time(text: str, meant: timedelta) -> None:
    assert naming.length(text) == meant
    before = timezone.now()
    assert before + meant <= naming.from_now(text) <= timezone.now() + meant
    assert before - meant <= naming.ago(text) <= timezone.now() - meant


def test_moments_are_in_the_sites_time_zone_unless_they_say(settings: Settings) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    assert naming.ago("2026-01-31T18:00") == datetime(2026, 1, 31, 17, tzinfo=UTC)
    assert naming.ago("2026-01-31T18:00Z") == datetime(2026, 1, 31, 18, tzinfo=UTC)
    assert naming.ago("2026-01-31") == datetime(2026, 1, 30, 23, tzinfo=UTC)
    assert naming.from_now("2999-01-31") == datetime(2999, 1, 30, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (naming.length, "0h"),
        (naming.length, "3y"),
        (naming.length, "2026-01-31"),
        (naming.ago, "2026-02-30"),
        (naming.ago, "soon"),
        (naming.ago, "2999-01-01"),
        (naming.from_now, "2020-01-01"),
        (naming.from_now, "9000-01-01T00:00Z"),
        (naming.from_now, "9999-12-31T23:59:59-05:00"),
        (naming.whole, "0"),
        (naming.whole, "-1"),
        (naming.whole, "1" * 30),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_was_said(
    read: Callable[[str], Any], text: str
) -> None:
    with pytest.raises(ArgumentTypeError, match=f"'{text}'"):
        read(text)


@pytest.mark.django_db
def test_senders_are_called_by_key_or_by_a_users_name() -> None:
    anna = User.objects.create(username="anna")
    assert naming.sender_key("anna") == f"u:{anna.pk}"
    for text, key in (("u:7", "u:7"), ("g:12", "g:12"), ("guest:12", "g:12"), ("s:A b", "s:A b")):
        assert naming.sender_key(text) == key


@pytest.mark.django_db
def test_who_and_what_is_not_there_is_told() -> None:
    with pytest.raises(CommandError, match="no user 'bob'"):
        naming.sender_key("bob")
    with pytest.raises(CommandError, match=r"no room 'nowhere'.*chat_rooms"):
        naming.room_named("nowhere")


@pytest.mark.usefixtures("main")
def test_rooms_are_all_where_none_is_named() -> None:
    assert [room.slug for room in naming.rooms_named([])] == ["main"]
    assert [room.slug for room in naming.rooms_named(["main", "main"])] == ["main"]


@pytest.mark.parametrize("text", ["", " ", "\t"])
def test_empty_name_is_refused(text: str) -> None:
    assert naming.named("anna") == "anna"
    with pytest.raises(ArgumentTypeError, match="empty"):
        naming.named(text)


@pytest.mark.parametrize(
    ("arguments", "about"),
    [
        (["chat_ban", "anna", "--room", ""], "--room"),
        (["chat_ban", "anna", "--lift", "--room", " "], "--room"),
        (["chat_ban", "--list", "--room", ""], "--room"),
        (["chat_ban", ""], "TARGET"),
        (["chat_announce", "hello", "--room", ""], "--room"),
        (["chat_announce", "hello", "--logged", "--room", ""], "--room"),
        (["chat_announce", "hello", "--logged", "--id", ""], "--id"),
        (["chat_redact", "--sender", "s:Bot", "--since", "2h", "--room", ""], "--room"),
        (["chat_redact", "--sender", "", "--since", "2h", "--room", "main"], "--sender"),
        (["chat_disconnect", ""], "TARGET"),
        (["chat_disconnect", "--room", ""], "--room"),
        (["chat_disconnect", "--session", ""], "--session"),
        (["chat_sessions", "--room", ""], "--room"),
        (["chat_sessions", "--user", ""], "--user"),
        (["chat_sessions", "--process", ""], "--process"),
        (["chat_new_epoch", ""], "ROOM"),
        (["chat_prune", "", "--older-than", "2h"], "ROOM"),
        (["chat_tail", ""], "ROOM"),
        (["chat_tail", "main", "--user", ""], "--user"),
        (["chat_bench", "ws://127.0.0.1:9/ws", "--room", ""], "--room"),
    ],
)
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("main")
def test_empty_option_does_not_mean_everything(
    call: Call, arguments: list[str], about: str
) -> None:
    User.objects.create(username="anna")
    api.publish("main", "hello", "Bot")
    yes = [] if arguments[0] in ("chat_tail", "chat_bench", "chat_sessions") else ["--yes"]
    with pytest.raises(CommandError, match=f"{about}: it is empty"):
        call(*arguments, *yes)
    assert not Act.objects.exists()
    assert not Ban.objects.exists()
    assert Message.objects.get().text == "hello"


@pytest.mark.usefixtures("main")
def test_empty_option_from_code_is_no_room_either() -> None:
    User.objects.create(username="anna")
    with pytest.raises(CommandError, match="no room ''"):
        call_command("chat_ban", "anna", room="")
    assert not Ban.objects.exists()
