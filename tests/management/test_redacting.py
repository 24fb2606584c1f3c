"""``chat_redact``: what it takes away, and what the record has of it."""

from datetime import timedelta

import pytest
from django.core.management import CommandError
from django.utils import timezone

from chat import api
from chat.models import Act, Message, Room
from tests.management.conftest import Call, CallJson

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("main")]


def act() -> Act:
    """The one entry of the record."""
    return Act.objects.get()


def test_messages_are_redacted_by_number(old: Room, call: Call, call_json: CallJson) -> None:
    options = ["--room", "old", "--reason", "private"]
    with pytest.raises(CommandError, match="redact 2 messages in old"):
        call("chat_redact", "--seq", "2", "4", *options)
    assert call_json("chat_redact", "--seq", "2", "4", "--yes", *options) == {"redacted": 2}
    gone = Message.objects.filter(kind="post", text="").values_list("seq", flat=True)
    assert sorted(gone) == [2, 4]
    assert (act().kind, act().via, act().reason, act().room) == (
        "redact",
        "command",
        "private",
        "old",
    )
    with pytest.raises(CommandError, match="no text"):
        call("chat_redact", "--seq", "2", *options)


def test_nothing_is_redacted_where_a_number_is_wrong(old: Room, call: Call) -> None:
    with pytest.raises(CommandError, match="no message 99"):
        call("chat_redact", "--room", "old", "--seq", "2", "99", "--yes")
    assert not Message.objects.filter(text="").exists()


def test_all_that_one_sender_said_lately_is_redacted(
    old: Room, call: Call, call_json: CallJson
) -> None:
    api.publish("main", "elsewhere", "Bot")
    api.publish("main", "of another", "Anna")
    since = ("--sender", "s:Bot", "--since", "30d", "--yes")
    assert call_json("chat_redact", *since, "--room", "old") == {"redacted": 3}
    assert call_json("chat_redact", *since) == {"redacted": 1}
    left = Message.objects.filter(kind="post", at__gte=timezone.now() - timedelta(days=1))
    assert [message.text for message in left if message.text] == ["of another"]
    with pytest.raises(CommandError, match="no text"):
        call("chat_redact", *since)


@pytest.mark.parametrize("options", [["--seq", "2"], ["--sender", "s:Bot"]])
def test_half_of_what_has_to_be_said_is_wrong_usage(call: Call, options: list[str]) -> None:
    with pytest.raises(CommandError) as problem:
        call("chat_redact", *options)
    assert problem.value.returncode == 2
