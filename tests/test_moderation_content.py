"""What is done to what was said: by a site's own code, its admin and its commands alike."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from chat import api, moderation, store
from chat.hub.heart import Heart
from chat.models import Act, Connection, Membership, Message, Node, Room
from chat.moderation import content
from chat.protocol.errors import UnknownRoom
from chat.store import Actor
from tests.hub.clients import OPEN_SITE, Connect, ConnectTerminal, off_loop, sign_up
from tests.store.drafts import ANN, BOB, post, stored

BY = Actor(key="u:9", name="mod", via=Act.Via.ADMIN)


@pytest.fixture(autouse=True)
def open_site(settings: Settings) -> None:
    """Let guests post and make rooms."""
    settings.CHAT = OPEN_SITE


@pytest.fixture
def told_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hubs find out nothing by themselves, so that what they know they were told."""
    monkeypatch.setattr(Heart, "_beat", 3600.0)


def say(*drafts: store.Draft) -> list[Message]:
    """Store drafts, and return the messages among them."""
    for slug in {draft.room for draft in drafts}:
        store.create_room(slug)
    seqs = [outcome.seq for outcome in stored(store.append(drafts))]
    return list(Message.objects.filter(seq__in=seqs, kind="post").select_related("room"))


def talk() -> tuple[Message, Message, Message]:
    """Three messages in the kitchen: two of Ann's, one of Bob's between them."""
    first, second, third = say(
        post(1, "kitchen"), post(2, "kitchen", sender=BOB), post(3, "kitchen")
    )
    return first, second, third


def left(room: str = "kitchen") -> list[str]:
    """Return the texts there are in a room."""
    posts = Message.objects.filter(room__slug=room, kind="post").order_by("seq")
    return list(posts.values_list("text", flat=True))


def acts() -> list[tuple[str, str, str, str, str, str]]:
    """Return the record, oldest first: what, by whom, how, where, to whom, and details."""
    fields = ("kind", "actor_key", "via", "room", "target_key", "detail")
    return list(Act.objects.order_by("pk").values_list(*fields))


# Redacting


@pytest.mark.django_db(transaction=True)
def test_redacting_is_recorded_for_each_sender_with_its_reason() -> None:
    first, second, third = talk()
    assert moderation.redact([first, second, third], by=BY, reason="spam") == 3
    assert left() == ["", "", ""]
    assert acts() == [
        ("redact", "u:9", "admin", "kitchen", ANN, "2 messages: 1, 3"),
        ("redact", "u:9", "admin", "kitchen", BOB, "message 2"),
    ]
    assert {act.reason for act in Act.objects.all()} == {"spam"}
    assert "text" not in repr(list(Act.objects.values()))


@pytest.mark.django_db(transaction=True)
def test_record_of_many_scattered_messages_names_none_that_was_not_redacted() -> None:
    say(*[post(number, "kitchen", sender=(ANN, BOB)[number % 2]) for number in range(400)])
    Message.objects.update(seq=F("seq") + 20_000)
    chosen = Message.objects.filter(sender_key=ANN).select_related("room")
    seqs = set(chosen.values_list("seq", flat=True))
    assert moderation.redact(chosen, by=BY) == 200
    (act,) = acts()
    detail = act[-1]
    named = set(map(int, re.findall(r"\d{4,}", detail)))
    assert named < seqs
    assert detail.startswith("200 messages: 20001, 20003, ")
    assert detail.endswith(f" and {200 - len(named)} more")


@pytest.mark.django_db(transaction=True)
def test_what_has_no_text_is_passed_over_and_not_recorded() -> None:
    (first, *_) = talk()
    moderation.redact([first], by=BY)
    assert moderation.redact([first], by=BY) == 0
    assert moderation.redact([], by=BY) == 0
    assert len(acts()) == 1


@pytest.mark.django_db(transaction=True)
def test_rollback_takes_the_entry_with_the_change() -> None:
    messages = talk()
    with suppress(ZeroDivisionError), transaction.atomic():
        moderation.redact(messages, by=BY)
        raise ZeroDivisionError
    assert (len(acts()), left()[0]) == (0, "text 1")


@pytest.mark.django_db(transaction=True)
def test_site_code_redacts_by_way_of_code() -> None:
    (first, *_) = talk()
    user = User.objects.create_user("anna")
    assert api.redact([first], user) == 1
    assert acts() == [("redact", f"u:{user.pk}", "code", "kitchen", ANN, "message 1")]


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.django_db(transaction=True)
def test_many_are_redacted_in_batches(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "REDACTED_AT_ONCE", 2)
    messages = say(*[post(number, "kitchen") for number in range(count)])
    assert moderation.redact(messages, by=BY) == count
    assert set(left()) == {""}
    assert len(acts()) == -(-count // 2)


@pytest.mark.django_db(transaction=True)
def test_all_of_one_sender_goes_in_batches_and_is_one_entry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(content, "REDACTED_AT_ONCE", 2)
    say(*[post(number, "kitchen") for number in range(5)], post("b", "kitchen", sender=BOB))
    say(post(1, "garden"))
    since = timezone.now() - timedelta(hours=1)
    assert moderation.redact_by(ANN, since=since, by=BY, reason="spam") == 6
    assert (left(), left("garden")) == ([""] * 5 + ["text b"], [""])
    ((kind, *_, room, key, detail),) = acts()
    assert (kind, room, key) == ("redact", "", ANN)
    assert detail.startswith("6 messages since ")
    assert (Act.objects.get().target_name, Act.objects.get().reason) == (ANN.upper(), "spam")


@pytest.mark.django_db(transaction=True)
def test_what_one_sender_said_is_limited_by_time_and_room() -> None:
    old, *_ = say(post(1, "kitchen"), post(2, "kitchen"))
    Message.objects.filter(pk=old.pk).update(at=timezone.now() - timedelta(days=2))
    say(post(3, "garden"))
    since = timezone.now() - timedelta(days=1)
    room = Room.objects.get(slug="kitchen")
    assert moderation.redact_by(ANN, since=since, by=BY, room=room) == 1
    assert (left(), left("garden")) == (["text 1", ""], ["text 3"])
    assert moderation.redact_by("u:5", since=since, by=BY) == 0
    assert len(acts()) == 1


@pytest.mark.django_db(transaction=True)
def test_name_from_a_room_that_is_hidden_is_not_recorded() -> None:
    say(post(1, "kitchen"))
    say(post(2, "board"))
    Message.objects.filter(room__slug="board").update(sender_name="Merger lead")
    hidden = Room.objects.filter(slug="board")
    since = timezone.now() - timedelta(hours=1)
    assert moderation.redact_by(ANN, since=since, by=BY, hidden=hidden) == 1
    assert (left(), left("board")) == ([""], ["text 2"])
    assert Act.objects.get().target_name == ANN.upper()


@pytest.mark.django_db(transaction=True)
def test_what_was_done_is_recorded_where_the_rest_is_not_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(content, "REDACTED_AT_ONCE", 2)
    say(*[post(number, "kitchen") for number in range(5)])
    append, calls = store.append, iter(range(9))

    def append_twice(drafts: list[store.Draft]) -> list[store.Outcome]:
        if next(calls) == 2:
            raise ZeroDivisionError
        return append(drafts)

    monkeypatch.setattr(store, "append", append_twice)
    with pytest.raises(ZeroDivisionError):
        moderation.redact_by(ANN, since=datetime(1970, 1, 1, tzinfo=UTC), by=BY)
    assert left() == ["", "", "", "", "text 4"]
    assert acts()[0][-1] == "4 messages since 1970-01-01 00:00 UTC"


# In the chat


async def test_moderators_deletes_in_the_chat_are_recorded_and_ones_own_are_not(
    connect: Connect,
) -> None:
    await off_loop(talk)
    account = await sign_up("anna")
    room = await off_loop(Room.objects.get, slug="kitchen")
    await off_loop(Membership.objects.create, room=room, user=account.user, role="moderator")
    client = await connect(cookies=account.cookies)
    await client.join("kitchen")
    own = await client.post("mine", "kitchen")
    assert (await client.ask("delete", room="kitchen", seq=own["seq"]))["type"] == "ack"
    assert (await client.ask("delete", room="kitchen", seq=2))["type"] == "ack"
    found = await off_loop(acts)
    assert found == [("redact", f"u:{account.user.pk}", "chat", "kitchen", BOB, "message 2")]


# Announcing


@pytest.mark.usefixtures("told_only")
async def test_notice_reaches_every_session_once_in_both_dialects(
    connect: Connect, connect_terminal: ConnectTerminal
) -> None:
    in_two, in_none, terminal = await connect(), await connect(), await connect_terminal()
    await in_two.join("kitchen")
    await in_two.join("garden")
    await off_loop(moderation.announce, "We close at\nsix", by=BY, level="warning")
    for client in (in_two, in_none):
        event = await client.event("notice")
        assert event == {"type": "notice", "text": "We close at\nsix", "level": "warning"}
        await client.answered()
        assert sum(event["type"] == "notice" for event in client.events) == 1
    await terminal.until("* We close at ⏎ six")
    found = await off_loop(acts)
    assert found == [("announce", "u:9", "admin", "", "", "We close at\nsix")]
    assert not await off_loop(Message.objects.exists)


@pytest.mark.usefixtures("told_only")
async def test_notice_to_a_room_reaches_those_who_are_in_it(
    connect: Connect, connect_terminal: ConnectTerminal
) -> None:
    inside, outside, terminal = await connect(), await connect(), await connect_terminal()
    await inside.join("kitchen")
    await outside.join("garden")
    await terminal.say("/join kitchen")
    await terminal.until("joined kitchen")
    room = await off_loop(Room.objects.get, slug="kitchen")
    await off_loop(moderation.announce, "Dinner", by=BY, room=room)
    assert await inside.event("notice") == {
        "type": "notice",
        "text": "Dinner",
        "level": "info",
        "room": "kitchen",
    }
    await terminal.until("* Dinner")
    await off_loop(moderation.announce, "To all", by=BY)
    await outside.event("notice", text="To all")
    assert "Dinner" not in repr(outside.events)


@pytest.mark.django_db(transaction=True)
def test_notice_says_how_many_there_are_to_see_it() -> None:
    node = Node.objects.create(name="here")
    for number, names in enumerate((["kitchen"], ["kitchen", "küche"], [])):
        Connection.objects.create(node=node, session=str(number), rooms=names)
    rooms = [Room.objects.create(slug=slug) for slug in ("kitchen", "küche", "empty")]
    assert moderation.announce("hello", by=BY) == 3
    assert [moderation.announce("hello", by=BY, room=room) for room in rooms] == [2, 1, 0]


@pytest.mark.parametrize("batch", [1, 100])
@pytest.mark.django_db(transaction=True)
def test_logged_announcement_is_in_every_open_room_once(
    batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "ROOMS_AT_ONCE", batch)
    for slug, archived in (("a", False), ("b", False), ("c", True)):
        Room.objects.create(slug=slug, archived=archived)
    assert moderation.announce("hello", by=BY, logged=True, id="once") == 2
    assert moderation.announce("hello", by=BY, logged=True, id="once") == 0
    assert [left(slug) for slug in "abc"] == [["hello"], ["hello"], []]
    assert {message.sender_key for message in Message.objects.all()} == {"s:System"}
    assert acts() == [("announce", "u:9", "admin", "", "", "a message in 2 rooms")]


@pytest.mark.usefixtures("told_only")
async def test_logged_announcement_to_a_room_is_a_message_there(connect: Connect) -> None:
    client = await connect()
    await client.join("kitchen")
    room = await off_loop(Room.objects.get, slug="kitchen")
    assert await off_loop(moderation.announce, "Dinner", by=BY, room=room, logged=True) == 1
    message = await client.event("message", room="kitchen")
    assert (message["text"], message["sender"]["name"]) == ("Dinner", "System")
    assert await off_loop(acts) == [
        ("announce", "u:9", "admin", "kitchen", "", f"message {message['seq']}")
    ]


# New epochs


@pytest.mark.django_db(transaction=True)
def test_new_epochs_are_recorded_by_room_or_as_all() -> None:
    for slug in ("a", "b"):
        store.create_room(slug)
    assert moderation.new_epochs(["b"], by=BY).keys() == {"b"}
    api.new_epoch()
    call_command("chat_new_epoch", "a", "--actor", "cron")
    assert acts() == [
        ("epoch", "u:9", "admin", "b", "", ""),
        ("epoch", "s:System", "code", "", "", "every room: 2"),
        ("epoch", "s:cron", "command", "a", "", ""),
    ]
    with pytest.raises(UnknownRoom):
        moderation.new_epochs(["a", "nowhere"], by=BY)
    assert len(acts()) == 3


@pytest.mark.parametrize(
    ("name", "key"), [("", "s:System"), ("cron", "s:cron")], ids=["nobody", "cron"]
)
def test_command_acts_as_the_site_or_under_a_name(name: str, key: str) -> None:
    actor = moderation.by_command(name)
    assert (actor.key, actor.name, actor.via) == (key, key[2:], Act.Via.COMMAND)
