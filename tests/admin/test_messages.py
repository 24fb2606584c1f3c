import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from chat import store
from chat.models import Membership, Message
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
