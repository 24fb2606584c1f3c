"""Messages are found by words, rooms, senders, states and days, and no list of them is sorted."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from chat.admin import messages
from chat.models import Message, Room
from tests.admin.conftest import Admit, Fill, shown
from tests.admin.test_messages import LIST, QUERIES, delete, edit, texts


@pytest.mark.parametrize("long", [messages.LONG_LOG, 0])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("open", ["The shop is open"]),
        ("SHOP open", ["The shop is open"]),
        ("kitchen", ["The oven is hot"]),
        ("kitch", []),
        ("kitchen goodbye", []),
        ("kitchen hot", ["The oven is hot"]),
        ("garden", ["See you in the garden", "Roses"]),
        ("garden main", ["See you in the garden"]),
        ("ope", ["The shop is open"]),
        ("pen", []),
        (
            "bob",
            [
                "See you in the garden",
                "The oven is hot",
                "Goodbye",
                "The shop is open",
                "Roses",
            ],
        ),
        ("bob goodbye", ["Goodbye"]),
        ("Directors", []),
    ],
)
def test_messages_are_found_by_text_sender_and_whole_name_of_a_room(
    boss: Client,
    fill: Fill,
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    found: list[str],
    long: int,
) -> None:
    monkeypatch.setattr(messages, "LONG_LOG", long)
    fill("garden", "Roses")
    fill("main", "The shop is open", "Goodbye", title="Directors")
    fill("kitchen", "The oven is hot")
    fill("main", "See you in the garden")
    assert texts(boss, f"q={query}") == found


def test_name_of_a_hidden_room_finds_no_messages(admit: Admit, fill: Fill) -> None:
    fill("board", "confidential", kind="private")
    assert texts(admit("view_message"), "q=board") == []


def test_name_of_a_sender_leads_to_all_they_said(boss: Client, fill: Fill) -> None:
    (message,) = fill("main", "of bob")
    fill("kitchen", "also of bob")
    Message.objects.create(room=message.room, seq=2, sender_key="u:8", sender_name="bob", text="x")
    assert 'href="?sender=u%3A7"' in boss.get(LIST).content.decode()
    assert texts(boss, "sender=u:7") == ["also of bob", "of bob"]
    assert "u:7" in shown(boss.get(f"{LIST}?sender=u:7"))
    assert "By sender" not in shown(boss.get(LIST))


def test_search_takes_as_many_queries_for_many_messages_as_for_few(
    boss: Client, fill: Fill, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    fill("main", *["hello"] * 200)
    boss.get(f"{LIST}?q=hello")  # the index is up to date now
    with django_assert_max_num_queries(QUERIES + 8):
        boss.get(f"{LIST}?q=hello")


def test_states_are_told_apart(boss: Client, fill: Fill) -> None:
    _, edited, deleted, both = fill("main", "as it was", "edited", "deleted", "both")
    for message in (edited, both):
        edit(message, message.text)
    for message in (deleted, both):
        delete(message)
    assert texts(boss, "state=sent") == ["as it was"]
    assert texts(boss, "state=edited") == ["edited"]
    rows = boss.get(f"{LIST}?state=deleted").context["cl"].result_list
    assert [message.pk for message in rows] == [both.pk, deleted.pk]
    assert len(texts(boss, "state=nonsense")) == 4


def test_days_are_told_apart(boss: Client, fill: Fill) -> None:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    for days in (40, 20, 3, 1, 0):
        (message,) = fill("main", f"{days} days ago")
        at = midnight - timedelta(days=days)
        Message.objects.filter(pk=message.pk).update(at=at)
    assert texts(boss, "day=today") == ["0 days ago"]
    assert texts(boss, "day=yesterday") == ["1 days ago"]
    assert texts(boss, "day=week") == ["0 days ago", "1 days ago", "3 days ago"]
    assert texts(boss, "day=month") == [f"{days} days ago" for days in (0, 1, 3, 20)]
    assert len(texts(boss, "day=nonsense")) == 5


def test_row_that_was_numbered_before_an_older_one_is_found_by_day(
    boss: Client, fill: Fill
) -> None:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    late, early = fill("main", "just after midnight", "just before it")
    Message.objects.filter(pk=late.pk).update(at=midnight)
    Message.objects.filter(pk=early.pk).update(at=midnight - timedelta(minutes=5))
    assert texts(boss, "day=today") == ["just after midnight"]


def test_room_that_is_not_among_the_longest_can_be_chosen_by_its_number(
    boss: Client, fill: Fill
) -> None:
    for number in range(25):
        fill(f"room-{number:02}", *["hello"] * (number + 1))
    choices = [str(choice["display"]) for choice in _choices(boss, "")]
    assert choices == ["All", *(f"room-{number:02}" for number in range(5, 25))]
    small = Room.objects.get(slug="room-00")
    chosen = [choice for choice in _choices(boss, f"room={small.pk}") if choice["selected"]]
    assert [choice["display"] for choice in chosen] == ["room-00"]


def _choices(client: Client, query: str) -> Iterator[dict[str, str]]:
    changelist = client.get(f"{LIST}?{query}").context["cl"]
    return changelist.filter_specs[0].choices(changelist)  # type: ignore[no-any-return]


@pytest.mark.parametrize("value", ["x", "-1", "1 or 1=1", "²"])
def test_room_that_is_no_number_is_refused(boss: Client, fill: Fill, value: str) -> None:
    fill("main", "hello")
    assert boss.get(LIST, {"room": value}).url == f"{LIST}?e=1"  # type: ignore[attr-defined]


def test_no_more_are_counted_than_can_be_paged_through(
    boss: Client, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "COUNTED_MOST", 60)
    fill("main", *[f"m{number}" for number in range(100)])
    assert len(texts(boss, "p=2")) == 10
    hint = "These are the newest 60; filter or search to find others."
    assert hint in shown(boss.get(LIST))
    fill("kitchen", "hello")
    assert hint not in shown(boss.get(f"{LIST}?q=kitchen"))


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plans")
@pytest.mark.parametrize("long", [messages.LONG_LOG, 0])
@pytest.mark.parametrize(
    "query", ["", "room={}", "state=sent", "day=today", "q=hello", "q=main", "sender=u:7"]
)
def test_no_list_is_sorted(
    admit: Admit, fill: Fill, monkeypatch: pytest.MonkeyPatch, query: str, long: int
) -> None:
    monkeypatch.setattr(messages, "LONG_LOG", long)
    (message,) = fill("main", "hello")
    answer = admit("view_message").get(f"{LIST}?{query.format(message.room.pk)}")
    plan = answer.context["cl"].queryset[:50].explain()
    assert "TEMP B-TREE" not in plan, plan


# Addresses that make no sense


@pytest.mark.parametrize(
    "address",
    [
        f"message/?room={'9' * 5000}",
        "message/?sender=%00",
        "connection/?room=%00",
        "connection/?dialect=%00",
        "act/?room=%00",
        "act/?kind__exact=%00",
        "room/?kind__exact=%00",
    ],
)
def test_what_no_row_can_have_leads_back_to_the_list(
    boss: Client, fill: Fill, address: str
) -> None:
    fill("main", "hello")
    answer: Any = boss.get(f"/admin/chat/{address}")
    assert answer.status_code == 302
    assert answer.url == f"/admin/chat/{address.partition('?')[0]}?e=1"


def test_number_that_no_room_can_have_is_no_fault(boss: Client, fill: Fill) -> None:
    fill("main", "hello")
    # SQLite cannot be asked for it, which leads back to the list; PostgreSQL finds nothing.
    assert boss.get(f"{LIST}?room={'9' * 23}", follow=True).status_code == 200
