"""``chat_rooms`` and ``chat_sessions``: what they list, for people and as JSON."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from chat import api
from chat.models import Connection, Message, Node, Room
from tests.management.conftest import Call, CallJson

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("main")]

MOMENT = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


@pytest.fixture
def nodes() -> list[Node]:
    return [Node.objects.create(name=name) for name in ("one", "two")]


def connection(node: Node, key: str, *rooms: str, **fields: Any) -> Connection:
    """A session of the sender with that key."""
    number = Connection.objects.count()
    defaults = {"sender_name": key, "session": f"s{number}", "address": f"192.0.2.{number + 1}"}
    since = MOMENT + timedelta(seconds=number)
    return Connection.objects.create(
        node=node, sender_key=key, rooms=list(rooms), since=since, **(defaults | fields)
    )


# Rooms


def test_rooms_say_how_many_are_there_and_on_which_processes(
    nodes: list[Node], call_json: CallJson
) -> None:
    Room.objects.create(slug="kitchen")
    for node, key, *rooms in (
        (nodes[0], "u:7", "main"),
        (nodes[1], "u:7", "main", "kitchen"),
        (nodes[1], "g:9", "main"),
    ):
        connection(node, key, *rooms)
    found = {room["room"]: room for room in call_json("chat_rooms")}
    assert (found["main"]["people"], found["main"]["processes"]) == (2, ["one", "two"])
    assert (found["kitchen"]["people"], found["kitchen"]["processes"]) == (1, ["two"])


def test_rooms_say_what_holds_in_them(call: Call, call_json: CallJson, settings: Settings) -> None:
    settings.CHAT = {"GUESTS": "post"}
    policy = {"slow_mode": 5, "max_length": 100, "locked": True, "retention_days": 30}
    Room.objects.filter(slug="main").update(guests="read", **policy)
    Room.objects.create(slug="den", kind="private")
    den, main = call_json("chat_rooms")
    assert policy.items() <= main.items()
    assert (main["guests"], den["guests"], den["kind"]) == ("read", "post", "private")
    _, private, public = call("chat_rooms").splitlines()
    assert "locked, guests: read, every 5 s, 100 characters, kept 30 days" in public
    assert "guests" not in private


def test_rooms_say_when_something_was_last_said(call: Call, call_json: CallJson) -> None:
    api.publish("main", "hello")
    Message.objects.update(at=MOMENT)
    (main,) = call_json("chat_rooms")
    assert (main["head"], main["last_at"]) == (1, "2026-11-28T12:00:00Z")
    assert "2026-11-28 12:00" in call("chat_rooms")


def test_archived_rooms_are_listed_with_all(call_json: CallJson) -> None:
    Room.objects.create(slug="attic", archived=True)
    assert [room["room"] for room in call_json("chat_rooms")] == ["main"]
    assert [room["room"] for room in call_json("chat_rooms", "--all")] == ["attic", "main"]


# Sessions


def test_sessions_say_who_and_from_where(
    nodes: list[Node], call: Call, call_json: CallJson
) -> None:
    connection(nodes[0], "u:7", "main", dialect="json", client="chat_tail", sender_name="\x1b[2J")
    (found,) = call_json("chat_sessions")
    assert found == {
        "session": "s0",
        "key": "u:7",
        "name": "\x1b[2J",
        "address": "192.0.2.1",
        "rooms": ["main"],
        "since": "2026-11-28T12:00:00Z",
        "heard_at": None,
        "lag": None,
        "dialect": "json",
        "client": "chat_tail",
        "process": "one",
    }
    heading, row = call("chat_sessions").splitlines()
    assert heading.split() == ["WHO", "ADDRESS", "ROOMS", "SINCE", "DIALECT", "CLIENT", "PROCESS"]
    assert row.startswith("␛[2J (u:7)")
    assert "\x1b" not in row


def test_sessions_can_be_chosen(nodes: list[Node], call_json: CallJson) -> None:
    anna = User.objects.create(username="anna")
    connection(nodes[0], f"u:{anna.pk}", "main", session="anna")
    connection(nodes[1], "g:1073741824", "main", "den", session="guest")
    connection(nodes[1], "g:1073741825", session="mapped", address="::ffff:198.51.100.7")
    Room.objects.create(slug="den")

    def chosen(*options: str) -> list[str]:
        return [session["session"] for session in call_json("chat_sessions", *options)]

    assert chosen() == ["anna", "guest", "mapped"]
    assert chosen("--user", "anna") == ["anna"]
    assert chosen("--user", "guest:1073741824") == ["guest"]
    assert chosen("--user", "192.0.2.0/31") == ["anna"]
    assert chosen("--user", "198.51.100.7") == ["mapped"]
    assert chosen("--guests") == ["guest", "mapped"]
    assert chosen("--room", "main") == ["anna", "guest"]
    assert chosen("--process", "two", "--room", "den") == ["guest"]


def test_nobody_is_no_failure_unless_somebody_was_asked_for(call: Call) -> None:
    assert call("chat_sessions") == "Nobody is connected.\n"
    with pytest.raises(CommandError, match="No session"):
        call("chat_sessions", "--guests")
    with pytest.raises(CommandError, match="no room"):
        call("chat_sessions", "--room", "nowhere")


def test_sessions_of_a_process_that_is_silent_are_not_there_any_more(
    nodes: list[Node], call_json: CallJson
) -> None:
    connection(nodes[0], "u:7", "main")
    connection(nodes[1], "u:8", "main")
    Node.objects.filter(name="two").update(figures_at=timezone.now() - timedelta(minutes=5))
    assert [found["process"] for found in call_json("chat_sessions")] == ["one"]
    (main,) = call_json("chat_rooms")
    assert (main["people"], main["processes"]) == (1, ["one"])


def test_queries_do_not_grow_with_rooms_and_sessions(
    nodes: list[Node], call: Call, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(10):
        Room.objects.create(slug=f"r{number}", created_at=timezone.now())
        connection(nodes[number % 2], f"u:{number}", f"r{number}")
    with django_assert_num_queries(2):
        call("chat_rooms", "--skip-checks")
    with django_assert_num_queries(1):
        call("chat_sessions", "--skip-checks")
