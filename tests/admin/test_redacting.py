import pytest
from django.apps import apps
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries

from chat import moderation, store
from chat.admin import MessageAdmin, redacting
from chat.admin.forms import EVER
from chat.models import Membership, Message, Room
from chat.store import retention
from tests.admin.conftest import Admit, Fill, admit_staff, fill_room, shown
from tests.hub.clients import Connect, off_loop

LIST = "/admin/chat/message/"
MAY = ("view_message", "redact_message")
SECRET = "my number is 555-0100"


def button(message: Message) -> str:
    return f"{LIST}{message.pk}/redact/"


def choose(client: Client, *chosen: Message, **fields: str) -> HttpResponse:
    """Do what the list's action does; with ``confirmed`` what the page that asks does."""
    form = {"action": "redact_selected", "_selected_action": [row.pk for row in chosen]}
    return client.post(LIST, form | fields, follow=True)  # type: ignore[return-value]


def texts() -> list[str]:
    return [row.text for row in Message.objects.filter(kind="post").order_by("pk")]


def everywhere() -> str:
    """Return all that the database has."""
    return repr([list(model._default_manager.values()) for model in apps.get_models()])


# Asking first


def test_button_asks_and_then_redacts(admit: Admit, fill: Fill) -> None:
    message, _ = fill("main", SECRET, "stays")
    staff = admit(*MAY)
    page = f"{LIST}{message.pk}/change/"
    assert f'href="{button(message)}"' in staff.get(page).content.decode()
    question = staff.get(button(message))
    assert SECRET in shown(question)
    assert f'href="{page}"' in question.content.decode()
    assert texts() == [SECRET, "stays"]
    answer = staff.post(button(message), follow=True)
    assert answer.redirect_chain == [(page, 302)]
    assert "1 message was redacted." in shown(answer)
    assert texts() == ["", "stays"]


def test_page_tells_of_changes_where_there_were_some(boss: Client, fill: Fill) -> None:
    (message,) = fill("main", SECRET)
    page = f"{LIST}{message.pk}/change/"
    assert not {"State:", "Changes:"} & set(shown(boss.get(page)).split())
    boss.post(button(message))
    text = shown(boss.get(page))
    assert "State: deleted Changes: delete: boss, " in text


def test_action_asks_and_then_redacts(admit: Admit, fill: Fill) -> None:
    first, second, _ = fill("main", SECRET, "this too", "stays")
    staff = admit(*MAY)
    question = choose(staff, first, second)
    assert "The texts of 2 messages are taken away" in shown(question)
    for message in (first, second):
        field = f'<input type="hidden" name="_selected_action" value="{message.pk}">'
        assert field in question.content.decode()
    assert texts() == [SECRET, "this too", "stays"]
    answer = choose(staff, first, second, confirmed="yes")
    assert "2 messages were redacted." in shown(answer)
    assert texts() == ["", "", "stays"]


def test_question_has_neither_script_nor_style_of_its_own(admit: Admit, fill: Fill) -> None:
    (message,) = fill("main", "hello")
    content = admit(*MAY).get(button(message)).content.decode()
    block = content.partition('<div id="content-main"')[0].partition('id="main"')[2]
    assert "<script>" not in content
    assert "style=" not in block
    assert "onclick" not in content


def test_what_is_redacted_is_not_asked_about_again(admit: Admit, fill: Fill) -> None:
    (message,) = fill("main", SECRET)
    staff = admit(*MAY)
    staff.post(button(message))
    assert button(message) not in staff.get(f"{LIST}{message.pk}/change/").content.decode()
    assert "Nothing to redact." in shown(staff.get(button(message), follow=True))
    staff.post(button(message))
    assert "Nothing to redact." in shown(choose(staff, message, confirmed="yes"))
    assert Message.objects.filter(kind="delete").count() == 1
    assert LogEntry.objects.count() == 1


def test_too_many_at_once_are_refused(
    admit: Admit, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redacting, "REDACTED_AT_ONCE", 2)
    chosen = fill("main", "a", "b", "c")
    answer = choose(admit(*MAY), *chosen, confirmed="yes", select_across="1")
    assert "Choose at most 2 messages at a time." in shown(answer)
    assert texts() == ["a", "b", "c"]


@pytest.mark.parametrize(("answer", "queries"), [({}, 10), ({"confirmed": "yes"}, 30)])
@pytest.mark.parametrize("count", [2, 100])
def test_question_and_answer_take_as_many_queries_for_many_as_for_few(
    admit: Admit,
    fill: Fill,
    count: int,
    answer: dict[str, str],
    queries: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    chosen = fill("main", *["hello"] * count)
    staff = admit(*MAY)
    with django_assert_max_num_queries(queries):
        choose(staff, *chosen, **answer)


# What is left


def test_text_is_nowhere_afterwards(admit: Admit, fill: Fill) -> None:
    first, second = fill("main", SECRET, SECRET)
    staff = admit(*MAY)
    staff.post(button(first))
    choose(staff, second, confirmed="yes")
    assert SECRET not in everywhere()
    for address in (LIST, f"{LIST}{first.pk}/change/", f"{LIST}{first.pk}/history/", "/admin/"):
        assert SECRET not in shown(staff.get(address))


def test_history_has_an_entry_for_each_message(admit: Admit, fill: Fill) -> None:
    chosen = fill("main", "a", "b")
    choose(admit(*MAY), *chosen, confirmed="yes")
    entries = LogEntry.objects.order_by("object_id")
    assert [entry.object_id for entry in entries] == [str(message.pk) for message in chosen]
    assert {entry.get_change_message() for entry in entries} == {"Redacted."}
    assert {entry.user for entry in entries} == {User.objects.get(username="staff")}


def test_log_says_who_deleted_it(admit: Admit, fill: Fill) -> None:
    (message,) = fill("main", SECRET)
    admit(*MAY).post(button(message))
    change = Message.objects.get(kind="delete")
    assert (change.target, change.seq, change.sender_name) == (message, 2, "staff")
    assert Room.objects.get().head == 2


# Who may


@pytest.mark.parametrize("permissions", [(), ("view_message",), ("redact_message",)])
def test_forged_post_without_permission_is_refused(
    admit: Admit, fill: Fill, permissions: tuple[str, ...]
) -> None:
    (message,) = fill("main", "hello")
    staff = admit(*permissions, "view_room")
    assert staff.post(button(message)).status_code == 403
    choose(staff, message, confirmed="yes")
    assert texts() == ["hello"]
    assert not LogEntry.objects.exists()


def test_action_checks_for_itself(rf: RequestFactory, fill: Fill) -> None:
    fill("main", "hello")
    request = rf.post(LIST, {"confirmed": "yes"})
    request.user = User.objects.create_user("staff", is_staff=True)
    with pytest.raises(PermissionDenied):
        MessageAdmin(Message, site).redact_selected(request, Message.objects.all())
    assert texts() == ["hello"]


def test_strangers_and_other_sites_are_refused(fill: Fill, admit: Admit) -> None:
    (message,) = fill("main", "hello")
    assert Client().post(button(message)).url.startswith("/admin/login/")  # type: ignore[attr-defined]
    elsewhere = Client(enforce_csrf_checks=True)
    elsewhere.cookies = admit(*MAY).cookies
    assert elsewhere.post(button(message)).status_code == 403
    assert texts() == ["hello"]


def test_messages_that_are_hidden_cannot_be_redacted(admit: Admit, fill: Fill) -> None:
    (message,) = fill("board", "confidential", kind="private")
    staff = admit(*MAY)
    assert staff.post(button(message)).status_code == 404
    choose(staff, message, confirmed="yes")
    assert texts() == ["confidential"]
    Membership.objects.create(room=message.room, user=User.objects.get(username="staff"))
    staff.post(button(message))
    assert texts() == [""]


@pytest.mark.parametrize("key", ["0", "x", "999"])
def test_message_that_is_not_there_is_not_found(admit: Admit, key: str) -> None:
    assert admit(*MAY).post(f"{LIST}{key}/redact/").status_code == 404


def test_edits_and_deletes_cannot_be_redacted(admit: Admit, fill: Fill) -> None:
    (message,) = fill("main", "hello")
    staff = admit(*MAY)
    staff.post(button(message))
    change = Message.objects.get(kind="delete")
    assert staff.post(button(change)).status_code == 404


# What those who are connected notice


@pytest.mark.usefixtures("told_only")
async def test_redacting_is_told_to_everyone_connected(connect: Connect) -> None:
    first, second = await off_loop(fill_room, "main", SECRET, "this too")
    clients = [await connect(), await connect()]
    for client in clients:
        await client.join("main")
        await client.event("message", seq=2)

    def redact() -> None:
        choose(admit_staff("staff", *MAY), first, second, confirmed="yes")

    await off_loop(redact)
    for client in clients:
        found = [await client.event("deleted", room="main") for _ in range(2)]
        assert [(event["seq"], event["target"]) for event in found] == [(3, 1), (4, 2)]
    late = await connect()
    await late.join("main")
    await late.event("deleted", seq=4)
    assert SECRET not in repr(late.events)


def test_what_was_cleared_is_not_there_though_its_rows_still_are(
    boss: Client, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moderation.histories, "SWEPT_FOR", 0.0)
    monkeypatch.setattr(retention, "SWEPT_AT_ONCE", 1)
    old, *_ = fill("main", "one secret", "two", "three")
    moderation.clear_history(old.room, by=moderation.by_command())
    assert old in Message.objects.all()
    fill("main", "four")
    for query, found in (("", ["four"]), ("q=secret", [])):
        rows = boss.get(f"{LIST}?{query}").context["cl"].result_list
        assert [message.text for message in rows] == found
    assert boss.get(button(old)).status_code == 404
    assert store.count_posts_of("u:7", EVER) == 1
