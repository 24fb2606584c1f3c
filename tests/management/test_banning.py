"""``chat_ban``: whom it keeps out or silences, where, until when, and who is."""

import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from chat.models import Act, Ban
from tests.management.conftest import Call, CallJson

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("main")]

GUEST = "g:1073741824"


@pytest.fixture
def anna() -> User:
    return User.objects.create(username="anna")


def act() -> Act:
    """The one entry of the record."""
    return Act.objects.get()


def test_ban_is_of_the_site_until_it_is_lifted(anna: User, call: Call, call_json: CallJson) -> None:
    (found,) = call_json("chat_ban", "anna", "--reason", "spam", "--actor", "ops")
    ban = Ban.objects.get()
    assert (ban.kind, ban.sender_key, ban.room, ban.until) == ("ban", f"u:{anna.pk}", None, None)
    assert (
        found.items()
        >= {
            "kind": "ban",
            "key": f"u:{anna.pk}",
            "name": "anna",
            "room": "",
            "until": None,
            "reason": "spam",
        }.items()
    )
    assert (act().kind, act().actor_name, act().reason) == ("ban", "ops", "spam")
    assert "for good" in call("chat_ban", "--list")
    assert "lifted now" in call("chat_ban", "anna", "--lift", "--reason", "sorry")
    assert not Ban.objects.exists()
    assert list(Act.objects.values_list("kind", "reason")) == [("unban", "sorry"), ("ban", "spam")]


def test_mute_is_of_a_room_and_for_a_time(call: Call) -> None:
    before = timezone.now()
    call("chat_ban", "guest:1073741824", "--mute", "--room", "main", "--until", "2h")
    ban = Ban.objects.get()
    assert (ban.kind, ban.sender_key, str(ban.room)) == ("mute", GUEST, "main")
    assert ban.until is not None
    assert before + timedelta(hours=2) <= ban.until <= timezone.now() + timedelta(hours=2)


def test_one_address_is_banned_without_asking_and_a_range_is_not(call: Call) -> None:
    call("chat_ban", "203.0.113.7")
    with pytest.raises(CommandError, match="256 addresses"):
        call("chat_ban", "203.0.113.0/24")
    call("chat_ban", "203.0.113.0/24", "--yes")
    networks = Ban.objects.order_by("pk").values_list("network", flat=True)
    assert list(networks) == ["203.0.113.7/32", "203.0.113.0/24"]


def test_lifting_takes_back_what_was_said_and_nothing_else(anna: User, call: Call) -> None:
    call("chat_ban", "anna")
    call("chat_ban", "anna", "--room", "main")
    call("chat_ban", "anna", "--mute")
    call("chat_ban", "anna", "--lift")
    assert list(Ban.objects.order_by("pk").values_list("kind", "room__slug")) == [
        ("ban", "main"),
        ("mute", None),
    ]
    with pytest.raises(CommandError, match=r"no ban of anna on the whole site.*--list"):
        call("chat_ban", "anna", "--lift")


def test_list_has_what_is_in_force_and_can_be_chosen_from(anna: User, call_json: CallJson) -> None:
    call_command("chat_ban", "anna", "--room", "main", stdout=io.StringIO())
    call_command("chat_ban", GUEST, "--mute", stdout=io.StringIO())
    Ban.objects.create(sender_key="g:1", until=timezone.now() - timedelta(days=1))

    def listed(*options: str) -> list[str]:
        return [ban["key"] for ban in call_json("chat_ban", "--list", *options)]

    assert listed() == [GUEST, f"u:{anna.pk}"]
    assert listed("anna") == listed("--room", "main") == [f"u:{anna.pk}"]
    assert listed("--mute") == [GUEST]
    assert call_json("chat_ban", "--list", f"u:{anna.pk}", "--mute") == []


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("bob", "no user 'bob'"),
        ("u:999", "nobody with the key"),
        ("203.0.113.0/33", "an address or a range"),
        ("0.0.0.0/0", "everybody"),
    ],
)
def test_whom_one_cannot_mean_is_told_and_nothing_is_done(
    call: Call, target: str, told: str
) -> None:
    with pytest.raises(CommandError, match=told):
        call("chat_ban", target, "--yes")
    assert not Ban.objects.exists()


def test_nobody_to_ban_is_wrong_usage(call: Call) -> None:
    with pytest.raises(CommandError) as problem:
        call("chat_ban")
    assert problem.value.returncode == 2
