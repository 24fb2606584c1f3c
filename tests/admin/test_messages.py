from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from chat import store
from chat.admin import messages
from chat.models import Membership, Message, Room
from tests.admin.conftest import Admit, Fill, shown

LIST = "/admin/chat/message/"

QUERIES = 5
"""Of the list: session, user, number of messages, messages, rooms to choose from."""


def page(message: Message) -> str:
    return f"{LIST}{message.pk}/change/"


def texts(client: Client, query: str = "") -> list[str]:
    """Return the texts of the messages that a list shows, in its order."""
    return [message.text for message in client.get(f"{LIST}?{query}").context["cl"].result_list]


def edit(message: Message, text: str) -> None:
    draft = store.EditDraft(
        room=message.room.slug, sender_key="u:7", sender_name="bob", seq=message.seq, text=text
    )
    store.append([draft])


def delete(message: Message, by: str = "bob") -> None:
    draft = store.DeleteDraft(
        room=message.room.slug, sender_key="u:9", sender_name=by, seq=message.seq, moderator=True
    )
    store.append([draft])


# The list


@pytest.mark.parametrize("count", [3, 100])
def test_list_takes_as_many_queries_for_many_messages_as_for_few(
    boss: Client, fill: Fill, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for slug in ("kitchen", "main", "garden"):
        fill(slug, *["hello"] * count)
    with django_assert_num_queries(QUERIES):
        answer = boss.get(LIST)
    assert answer.context["cl"].result_count == 3 * count


@pytest.mark.parametrize("count", [3, 100])
def test_list_takes_two_queries_more_for_the_permissions_of_staff(
    admit: Admit, fill: Fill, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    staff = admit("view_message", "redact_message")
    fill("main", *["hello"] * count)
    with django_assert_num_queries(QUERIES + 2):
        staff.get(LIST)


def test_list_shows_messages_with_their_state_and_not_what_changed_them(
    boss: Client, fill: Fill
) -> None:
    first, second, _ = fill("kitchen", "frist", "secret", "x" * 200, title="The Kitchen")
    edit(first, "first")
    delete(second)
    assert texts(boss) == ["x" * 200, "", "first"]
    text = shown(boss.get(LIST))
    when = timezone.localtime(first.at).strftime("%m/%d/%Y")
    assert f"The Kitchen 1 {when}" in text
    assert "bob edited first" in text
    assert "bob deleted -" in text
    assert "bob - " + "x" * 100 + "…" in text
    assert "secret" not in text


def test_newest_comes_first_in_all_rooms_and_in_one(boss: Client, fill: Fill) -> None:
    (old, *_) = fill("kitchen", "k1")
    fill("main", "m1", "m2")
    fill("kitchen", "k2")
    assert texts(boss) == ["k2", "m2", "m1", "k1"]
    assert texts(boss, f"room={old.room.pk}") == ["k2", "k1"]


def test_text_is_shown_as_text(boss: Client, fill: Fill) -> None:
    (message,) = fill("main", "<script>alert(1)</script>")
    for address in (LIST, page(message), f"{LIST}{message.pk}/redact/"):
        assert "<script>alert" not in boss.get(address).content.decode()


# Searching and filtering


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("open", ["The shop is open"]),
        ("SHOP open", ["The shop is open"]),
        ("kitchen", ["The oven is hot"]),
        ("kitch", []),
        ("kitchen goodbye", []),
        ("kitchen hot", ["The oven is hot"]),
        ("ope", ["The shop is open"]),
        ("pen", []),
        ("bob", ["The oven is hot", "Goodbye", "The shop is open"]),
        ("bob goodbye", ["Goodbye"]),
        ("Directors", []),
    ],
)
def test_messages_are_found_by_text_sender_and_whole_name_of_a_room(
    boss: Client, fill: Fill, query: str, found: list[str]
) -> None:
    fill("main", "The shop is open", "Goodbye", title="Directors")
    fill("kitchen", "The oven is hot")
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
@pytest.mark.parametrize(
    "query", ["", "room={}", "state=sent", "day=today", "q=hello", "sender=u:7"]
)
def test_no_list_is_sorted(admit: Admit, fill: Fill, query: str) -> None:
    (message,) = fill("main", "hello")
    answer = admit("view_message").get(f"{LIST}?{query.format(message.room.pk)}")
    plan = answer.context["cl"].queryset[:50].explain()
    assert "TEMP B-TREE" not in plan, plan


# What one may see


@pytest.mark.parametrize("permission", ["view_message", "redact_message"])
def test_private_rooms_are_hidden_from_staff(admit: Admit, fill: Fill, permission: str) -> None:
    (hidden,) = fill("board", "confidential", kind="private")
    fill("main", "hello")
    staff = admit("view_message", permission)
    assert texts(staff) == ["hello"]
    assert texts(staff, f"room={hidden.room.pk}") == []
    assert texts(staff, "q=confidential") == []
    assert "board" not in shown(staff.get(f"{LIST}?room={hidden.room.pk}"))
    for address in (page(hidden), f"{LIST}{hidden.pk}/history/", f"{LIST}{hidden.pk}/redact/"):
        answer = staff.get(address, follow=True)
        assert "confidential" not in answer.content.decode()


def test_private_rooms_are_shown_to_their_members(admit: Admit, fill: Fill) -> None:
    (message,) = fill("board", "confidential", kind="private")
    fill("cellar", "also confidential", kind="private")
    staff = admit("view_message")
    Membership.objects.create(room=message.room, user=User.objects.get(username="staff"))
    assert texts(staff) == ["confidential"]
    assert staff.get(page(message)).status_code == 200


def test_private_rooms_are_shown_to_those_who_could_open_them(
    admit: Admit, boss: Client, fill: Fill
) -> None:
    fill("board", "confidential", kind="private")
    for client in (boss, admit("view_message", "change_room")):
        assert texts(client) == ["confidential"]


def test_staff_need_permission_to_see_messages(admit: Admit, fill: Fill) -> None:
    (message,) = fill("main", "hello")
    staff = admit("redact_message", "change_room")
    for address in (LIST, page(message), f"{LIST}{message.pk}/redact/"):
        assert staff.get(address).status_code == 403


# The page of one


def test_page_shows_the_message_and_who_changed_it(boss: Client, fill: Fill) -> None:
    (message,) = fill("main", "frist\nline two")
    edit(message, "first\nline two")
    delete(message, by="moderator")
    text = shown(boss.get(page(message)))
    assert "Room: main" in text
    assert "Sender: bob Sender’s key: u:7" in text
    assert "State: deleted" in text
    assert "edit: bob, " in text
    assert "delete: moderator, " in text


def test_what_changed_a_message_has_no_page(boss: Client, fill: Fill) -> None:
    (message,) = fill("main", "hello")
    delete(message)
    change = Message.objects.get(kind="delete")
    assert boss.get(page(change)).status_code == 302


def test_messages_are_neither_written_nor_deleted_here(boss: Client, fill: Fill) -> None:
    (message,) = fill("main", "hello")
    assert boss.get(f"{LIST}add/").status_code == 403
    assert boss.post(page(message), {"text": "other"}).status_code == 403
    assert boss.post(f"{LIST}{message.pk}/delete/", {"post": "yes"}).status_code == 403
    form = {"action": "delete_selected", "_selected_action": [message.pk], "post": "yes"}
    boss.post(LIST, form)
    assert [row.text for row in Message.objects.all()] == ["hello"]
    assert "Delete" not in shown(boss.get(LIST))


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
