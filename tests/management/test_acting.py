"""The commands that act: what they do, to whom, and what the record has of it."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from chat import api
from chat.management.base import AskingCommand
from chat.models import Act, Ban, Connection, Message, Room
from tests.hub.clients import OPEN_SITE, Connect, off_loop, sign_up
from tests.management.conftest import Call, CallJson

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("main")]

GUEST = "g:1073741824"


@pytest.fixture
def anna() -> User:
    return User.objects.create(username="anna")


@pytest.fixture
def old() -> Room:
    """A room with ten messages, of which seven are 40 days old."""
    room = Room.objects.create(slug="old")
    for number in range(10):
        api.publish("old", f"m{number + 1}", "Bot")
    Message.objects.filter(seq__lte=7).update(at=timezone.now() - timedelta(days=40))
    return room


def seqs(room: str) -> list[int]:
    return list(Message.objects.filter(room__slug=room).values_list("seq", flat=True))


def act() -> Act:
    """The one entry of the record."""
    return Act.objects.get()


# Bans


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


# Redacting


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


# Pruning


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


# With people connected


@pytest.fixture
def _open_site(settings: Settings) -> None:
    settings.CHAT = OPEN_SITE


def command(name: str, *arguments: str) -> str:
    stdout = io.StringIO()
    call_command(name, *arguments, stdout=stdout)
    return stdout.getvalue()


async def registered(count: int) -> None:
    """Wait until so many sessions are in the database."""

    def look() -> bool:
        return Connection.objects.count() == count

    while not await off_loop(look):
        pass


@pytest.mark.usefixtures("_open_site")
async def test_announcement_is_seen_by_all_or_by_a_room(connect: Connect) -> None:
    one, two = await connect(), await connect()
    await one.join()
    await two.join("kitchen")
    await registered(2)
    with pytest.raises(CommandError, match="--yes"):
        await off_loop(command, "chat_announce", "hello")
    printed = await off_loop(command, "chat_announce", "soon", "--level", "warning", "--yes")
    assert printed == "Told sessions: 2\n"
    for client in (one, two):
        assert (await client.event("notice"))["level"] == "warning"
    await off_loop(command, "chat_announce", "dinner", "--room", "kitchen")
    assert (await two.event("notice"))["text"] == "dinner"
    logged = ["chat_announce", "stay", "--logged", "--room", "kitchen", "--id", "x"]
    assert await off_loop(command, *logged) == "Said in rooms: 1\n"
    assert await off_loop(command, *logged) == "Said in rooms: 0\n"
    assert (await two.event("message"))["text"] == "stay"
    assert not [event for event in one.events if event.get("text") in ("dinner", "stay")]


@pytest.mark.usefixtures("_open_site")
async def test_disconnected_are_those_who_were_meant(connect: Connect) -> None:
    account = await sign_up("anna")
    anna = await connect(cookies=account.cookies)
    others = [await connect(address="198.51.100.7"), await connect(address="198.51.100.8")]
    stays = await connect()
    await registered(4)
    assert await off_loop(command, "chat_disconnect", "anna") == "Disconnected sessions: 1\n"
    assert await anna.closed() == 4503
    with pytest.raises(CommandError, match="disconnect 2 sessions"):
        await off_loop(command, "chat_disconnect", "198.51.100.0/24")
    await off_loop(command, "chat_disconnect", "198.51.100.0/24", "--yes")
    for other in others:
        assert await other.closed() == 4503
    await stays.answered()


@pytest.mark.usefixtures("_open_site")
async def test_banned_guest_is_out_at_once(connect: Connect) -> None:
    guest = await connect()
    number = guest.events[0]["sender"]["id"]
    await off_loop(command, "chat_ban", f"guest:{number}", "--until", "1h")
    assert await guest.closed() == 4503


# What can be wrong


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["chat_announce", " ", "--yes"], "empty"),
        (["chat_announce", "x" * 4001, "--yes"], "4001 characters; at most 4000"),
        (["chat_announce", "x", "--id", "y", "--yes"], "needs --logged"),
        (["chat_disconnect", "--session", "nobody"], "No session"),
        (["chat_disconnect", "--room", "nowhere"], "no room"),
        (["chat_new_epoch", "nowhere"], "no room"),
        (["chat_prune", "nowhere"], "no room"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_done(
    call: Call, arguments: list[str], told: str
) -> None:
    with pytest.raises(CommandError, match=told):
        call(*arguments)
    assert not Act.objects.exists()


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
