"""Publishing from a site's own code: what is in the log when, and who hears of it."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connections, transaction
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from chat import api, store
from chat.api import publish
from chat.hub.heart import Heart
from chat.models import Message, Outbox, Room
from tests.hub.clients import OPEN_SITE, Connect, off_loop, sign_up


@contextmanager
def rolled_back() -> Iterator[None]:
    """A transaction, or a part of one, that is taken back."""
    with suppress(ZeroDivisionError), transaction.atomic():
        yield
        raise ZeroDivisionError


@pytest.fixture
def told_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hubs find out nothing by themselves, so that what they know they were told."""
    monkeypatch.setattr(Heart, "_beat", 3600.0)


def log(room: str = "main") -> list[str]:
    """Return the texts of a room's log, in order."""
    messages = Message.objects.filter(room__slug=room).order_by("seq")
    return list(messages.values_list("text", flat=True))


# Outside a transaction


@pytest.mark.django_db(transaction=True)
def test_message_is_in_the_log_on_return() -> None:
    Room.objects.create(slug="kitchen")
    given = publish("kitchen", "Dinner is ready", id="dinner-1")
    message = Message.objects.get()
    assert (message.text, message.seq, message.client_id) == ("Dinner is ready", 1, given)
    assert given == "dinner-1"
    assert not Outbox.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_same_id_again_adds_nothing_for_the_same_sender_and_room() -> None:
    Room.objects.create(slug="kitchen")
    for text in ("first", "second"):
        assert publish("main", text, id="same") == "same"
    with transaction.atomic():
        publish("main", "third", id="same")
    assert log() == ["first"]
    publish("main", "of another", "Anna", id="same")
    publish("kitchen", "in another", id="same")
    assert (log(), log("kitchen")) == (["first", "of another"], ["in another"])


@pytest.mark.django_db(transaction=True)
def test_without_an_id_every_call_is_a_message() -> None:
    assert publish("main", "hello") != publish("main", "hello")
    assert log() == ["hello", "hello"]


@pytest.mark.django_db(transaction=True)
def test_room_may_be_a_row() -> None:
    publish(Room.objects.create(slug="kitchen"), "hello")
    assert log("kitchen") == ["hello"]


@pytest.mark.django_db(transaction=True)
def test_senders_are_the_site_a_name_or_a_user(settings: Settings) -> None:
    settings.CHAT = {"SYSTEM_NAME": "The shop"}
    anna = User.objects.create_user("anna")
    publish("main", "hello")
    publish("main", "hello", "Till 3")
    publish("main", "hello", anna)
    senders = Message.objects.order_by("seq").values_list("sender_key", "sender_name")
    assert list(senders) == [
        ("s:The shop", "The shop"),
        ("s:Till 3", "Till 3"),
        (f"u:{anna.pk}", "anna"),
    ]


async def test_name_that_is_a_number_is_nobody_s_id(connect: Connect) -> None:
    account = await sign_up("anna")
    guest, anna = await connect(), await connect(cookies=account.cookies)
    for client in (guest, anna):
        await client.join()
    ids = [event["sender"]["id"] for client in (guest, anna) for event in client.events[:1]]
    for name in ids:
        await off_loop(publish, "main", "it was me", name)
        message = await guest.event("message")
        assert message["sender"]["name"] == name
        assert message["sender"]["id"] not in ids


@pytest.mark.usefixtures("told_only")
async def test_everyone_connected_sees_it_once(connect: Connect) -> None:
    clients = [await connect(), await connect()]
    for client in clients:
        await client.join()
    given = await off_loop(publish, "main", "hello", "Anna")
    for client in clients:
        message = await client.event("message")
        assert (message["text"], message["seq"], message["id"]) == ("hello", 1, given)
        assert message["sender"] == {"id": "s:Anna", "name": "Anna"}
        await client.post("and now?")
        await client.answered()
        assert client.seqs() == list(range(1, len(client.seqs()) + 1))


@pytest.mark.usefixtures("told_only")
async def test_async_code_publishes_too(connect: Connect) -> None:
    client = await connect()
    await client.join()
    await api.apublish("main", "hello")
    assert (await client.event("message"))["text"] == "hello"
    await sync_to_async(connections.close_all)()


# Inside one


@pytest.mark.django_db(transaction=True)
def test_nothing_is_said_before_the_commit_and_all_in_order_after_it() -> None:
    Room.objects.create(slug="kitchen")
    with transaction.atomic():
        for number in range(3):
            publish("main", f"m{number}")
            publish("kitchen", f"k{number}")
        assert not Message.objects.exists()
    assert log() == ["m0", "m1", "m2"]
    assert log("kitchen") == ["k0", "k1", "k2"]
    assert not Outbox.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_said_after_a_rollback() -> None:
    with rolled_back():
        publish("main", "never")
    assert not Outbox.objects.exists()
    publish("main", "after")
    assert log() == ["after"]


@pytest.mark.django_db(transaction=True)
def test_what_a_savepoint_takes_back_is_not_said() -> None:
    with transaction.atomic():
        publish("main", "before")
        with rolled_back():
            publish("main", "never")
        publish("main", "after")
    assert log() == ["before", "after"]


@pytest.mark.django_db(transaction=True)
def test_more_than_move_at_once_are_all_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.store.outbox.MOVED_AT_ONCE", 2)
    with transaction.atomic():
        for number in range(7):
            publish("main", str(number))
    assert log() == list("0123456")


@pytest.mark.django_db
def test_tests_in_a_transaction_see_it_when_they_run_what_follows_a_commit(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        publish("main", "hello")
    assert log() == ["hello"]


@pytest.mark.usefixtures("told_only")
async def test_everyone_sees_it_after_the_commit(connect: Connect) -> None:
    client = await connect()
    await client.join()

    def both() -> None:
        with rolled_back():
            publish("main", "never")
        with transaction.atomic():
            publish("main", "first")
            publish("main", "second")

    await off_loop(both)
    assert [(await client.event("message"))["text"] for _ in range(2)] == ["first", "second"]
    assert client.seqs() == [1, 2]


async def test_publisher_that_dies_after_its_commit_is_still_heard(
    connect: Connect, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHAT = OPEN_SITE | {"HEARTBEAT": 0.2}
    monkeypatch.setattr("chat.hub.heart.SILENT_HEARTBEATS", 1e6)  # it answers no ping
    client = await connect()
    await client.join()

    def die() -> None:
        draft = store.PostDraft(
            room="main", sender_key="s:A", sender_name="A", id="1", text="last words"
        )
        with transaction.atomic():
            store.put_aside(draft)

    await off_loop(die)
    assert (await client.event("message"))["text"] == "last words"
    assert not await off_loop(Outbox.objects.exists)


# What cannot be published


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (api.UnknownRoom, {"room": "nowhere"}),
        (api.Empty, {"text": ""}),
        (api.Empty, {"text": " \n\t"}),
        (api.TooLong, {"text": "x" * 4001}),
        (ValueError, {"text": "a\0b"}),
        (ValueError, {"id": ""}),
        (ValueError, {"id": "x" * 65}),
        (ValueError, {"id": "a\0b"}),
        (ValueError, {"sender": "x" * 79}),
        (ValueError, {"sender": "a\0b"}),
        (TypeError, {"sender": User(username="not saved")}),
        (TypeError, {"sender": 7}),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_published_is_refused_at_once(
    error: type[Exception], arguments: dict[str, Any], inside: bool
) -> None:
    with transaction.atomic() if inside else nullcontext(), pytest.raises(error):
        publish(**{"room": "main", "text": "hello", **arguments})
    assert not Message.objects.exists()
    assert not Outbox.objects.exists()


@pytest.mark.parametrize(
    "arguments", [{"text": "x" * 4000}, {"id": "x" * 64}, {"sender": "x" * 78}, {"text": " x "}]
)
@pytest.mark.django_db(transaction=True)
def test_what_is_just_within_bounds_is_published(arguments: dict[str, str]) -> None:
    publish(**{"room": "main", "text": "hello", **arguments})
    assert len(log()) == 1


# Redacting


@pytest.fixture
def moderator(transactional_db: None) -> User:
    """Somebody who redacts."""
    return User.objects.create_user("mod")


def test_redacting_takes_the_texts_that_there_are(moderator: User) -> None:
    for text in ("a", "b", "c"):
        publish("main", text)
    messages = list(Message.objects.select_related("room"))
    assert api.redact(messages[:2], moderator) == 2
    assert api.redact(messages, moderator) == 1
    assert api.redact([], moderator) == 0
    assert log() == ["", "", "", "", "", ""]
    assert Message.objects.filter(kind="delete", sender_name="mod").count() == 3


def test_redacting_is_undone_with_its_transaction(moderator: User) -> None:
    publish("main", "stays")
    with rolled_back():
        api.redact(Message.objects.select_related("room"), moderator)
    assert log() == ["stays"]
    assert Room.objects.get().head == 1
