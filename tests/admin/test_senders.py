"""Redacting all that one sender has said, from a message of theirs."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from chat import store
from chat.models import Act, Membership, Message
from tests.admin.conftest import Admit, Fill, admit_staff, fill_room, shown
from tests.hub.clients import Connect, off_loop

LIST = "/admin/chat/message/"
MAY = ("view_message", "redact_message")
FORM = {"since": "ever", "at_0": "", "at_1": "", "scope": "site", "reason": "spam"}


def page(message: Message) -> str:
    return f"{LIST}{message.pk}/redact-sender/"


def others(room: str = "main") -> None:
    """Let somebody else say something."""
    store.append(
        [store.PostDraft(room=room, sender_key="u:8", sender_name="ann", id="o", text="of ann")]
    )


def texts() -> list[str]:
    return [row.text for row in Message.objects.filter(kind="post").order_by("pk")]


def test_page_asks_then_says_how_many_and_shows_some_and_then_redacts(
    admit: Admit, fill: Fill
) -> None:
    (message, *_) = fill("main", *[f"spam {number}" for number in range(8)])
    fill("kitchen", "spam in the kitchen")
    others()
    staff = admit(*MAY)
    link = f'href="{page(message)}"'
    assert link in staff.get(f"{LIST}{message.pk}/change/").content.decode()
    assert "Redact everything by bob?" in shown(staff.get(page(message)))
    asked = staff.post(page(message), FORM | {"asked": "yes"})
    text = shown(asked)
    assert "The texts of 9 messages are taken away for good" in text
    assert "spam in the kitchen" in text
    assert "spam 3" not in text  # only the newest five are shown
    hidden = '<input type="hidden" name="reason" value="spam"'
    assert hidden in asked.content.decode()
    assert "" not in texts()
    answer = staff.post(page(message), FORM | {"confirmed": "yes"}, follow=True)
    assert "9 messages were redacted." in shown(answer)
    assert texts() == [""] * 9 + ["of ann"]
    act = Act.objects.get()
    assert (act.kind, act.via, act.target_key, act.reason) == ("redact", "admin", "u:7", "spam")
    (entry,) = LogEntry.objects.all()
    assert entry.get_change_message() == "9 messages were redacted."


@pytest.mark.parametrize(
    ("form", "left"),
    [
        ({"since": "hour"}, ["old", "week", "day", "", ""]),
        ({"since": "day"}, ["old", "week", "", "", ""]),
        ({"since": "week"}, ["old", "", "", "", ""]),
        ({"since": "ever"}, ["", "", "", "", ""]),
        ({"since": "ever", "scope": "room"}, ["", "", "", "", "elsewhere"]),
        ({"since": "at", "at_0": "2026-01-02", "at_1": "03:04"}, ["old", "", "", "", ""]),
    ],
)
def test_since_when_and_where_can_be_chosen(
    boss: Client, fill: Fill, form: dict[str, str], left: list[str]
) -> None:
    messages = fill("main", "old", "week", "day", "now")
    fill("kitchen", "elsewhere")
    now = timezone.now()
    ages: list[Any] = [
        timezone.make_aware(timezone.datetime(2025, 12, 31)),  # type: ignore[attr-defined]
        now - timedelta(days=6),
        now - timedelta(hours=20),
        now,
    ]
    for message, at in zip(messages, ages, strict=True):
        Message.objects.filter(pk=message.pk).update(at=at)
    boss.post(page(messages[0]), FORM | form | {"confirmed": "yes"})
    assert texts() == left


def hidden_fields(answer: Any) -> dict[str, str]:
    """Return what the page that asks sends when it is answered."""
    sent = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', answer.content.decode())
    return {name: html.unescape(value) for name, value in sent}


def test_moment_is_the_one_of_the_page_that_said_how_many_however_late_one_answers(
    boss: Client, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = fill("main", "too old", "almost an hour ago", "now")
    now = timezone.now()
    for message, minutes in zip(messages, (61, 59, 0), strict=True):
        Message.objects.filter(pk=message.pk).update(at=now - timedelta(minutes=minutes))
    monkeypatch.setattr(timezone, "now", lambda: now)
    asked = boss.post(page(messages[0]), FORM | {"since": "hour", "asked": "yes"})
    assert "The texts of 2 messages are taken away" in shown(asked)
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(minutes=10))
    boss.post(page(messages[0]), hidden_fields(asked))
    assert texts() == ["too old", "", ""]
    assert f"{now - timedelta(hours=1):%H:%M} UTC" in Act.objects.get().detail


def test_moment_counts_where_it_is_confirmed_and_who_asks_anew_gets_another(
    boss: Client, fill: Fill
) -> None:
    (message,) = fill("main", "hello")
    Message.objects.update(at=timezone.now() - timedelta(hours=20))
    asked = boss.post(page(message), FORM | {"since": "hour", "asked": "yes"})
    sent = hidden_fields(asked)
    del sent["confirmed"]
    again = boss.post(page(message), sent | {"since": "day", "asked": "yes"})
    assert "The text of 1 message is taken away" in shown(again)
    boss.post(page(message), hidden_fields(again))
    assert texts() == [""]


@pytest.mark.parametrize("fixed", ["soon", "2026-02-30", "2026-01-01T00:00+99:00"])
def test_forged_moment_is_refused_as_a_typed_one_is(boss: Client, fill: Fill, fixed: str) -> None:
    (message,) = fill("main", "hello")
    answer = boss.post(page(message), FORM | {"confirmed": "yes", "fixed": fixed})
    assert list(answer.context["form"].errors) == ["fixed"]
    assert texts() == ["hello"]


@pytest.mark.parametrize(
    ("moment", "left"),
    [("0001-01-01T00:00:00+14:00", ""), ("9999-12-31T23:59:59-14:00", "hello")],
)
@pytest.mark.parametrize("typed", [False, True])
def test_moment_that_no_database_has_is_the_beginning_or_now(
    boss: Client, fill: Fill, settings: Settings, moment: str, left: str, typed: bool
) -> None:
    (message,) = fill("main", "hello")
    form = FORM | {"confirmed": "yes", "fixed": moment}
    if typed:
        settings.TIME_ZONE = "Etc/GMT-14" if moment.startswith("0") else "Etc/GMT+12"
        form |= {"fixed": "", "since": "at", "at_0": moment[:10], "at_1": moment[11:19]}
    assert boss.post(page(message), form).status_code == 302
    assert texts() == [left]


@pytest.mark.parametrize(
    "form", [{"since": "at"}, {"since": "never"}, {"scope": ""}, {"reason": "x" * 501}]
)
def test_answers_that_make_no_sense_are_asked_for_again(
    boss: Client, fill: Fill, form: dict[str, str]
) -> None:
    (message,) = fill("main", "hello")
    answer = boss.post(page(message), FORM | form | {"confirmed": "yes"})
    assert answer.context["form"].errors
    assert texts() == ["hello"]


def test_list_leads_to_the_page_for_messages_of_one_sender(boss: Client, fill: Fill) -> None:
    first, second = fill("main", "a", "b")
    others()
    ann = Message.objects.get(sender_key="u:8")
    form = {"action": "redact_sender", "_selected_action": [first.pk, second.pk]}
    answer: Any = boss.post(LIST, form)
    assert answer.url in (page(first), page(second))
    form["_selected_action"] = [first.pk, ann.pk]
    assert "Choose messages of one sender." in shown(boss.post(LIST, form, follow=True))


@pytest.mark.parametrize("permissions", [(), ("view_message",), ("redact_message",)])
def test_forged_post_without_permission_is_refused(
    admit: Admit, fill: Fill, permissions: tuple[str, ...]
) -> None:
    (message,) = fill("main", "hello")
    staff = admit(*permissions, "view_room")
    assert staff.post(page(message), FORM | {"confirmed": "yes"}).status_code == 403
    assert staff.get(page(message)).status_code == 403
    form = {"action": "redact_sender", "_selected_action": [message.pk]}
    assert "redact-sender" not in str(staff.post(LIST, form).headers.get("Location"))
    assert texts() == ["hello"]
    assert "redact-sender" not in staff.get(f"{LIST}{message.pk}/change/").content.decode()


def test_rooms_that_are_hidden_are_passed_over(admit: Admit, fill: Fill) -> None:
    (message,) = fill("main", "hello")
    (secret,) = fill("board", "confidential", kind="private")
    staff = admit(*MAY)
    assert staff.get(page(secret)).status_code == 404
    text = shown(staff.post(page(message), FORM | {"asked": "yes"}))
    assert "The text of 1 message is taken away" in text
    assert "confidential" not in text
    staff.post(page(message), FORM | {"confirmed": "yes"})
    assert texts() == ["", "confidential"]
    Membership.objects.create(room=secret.room, user=User.objects.get(username="staff"))
    staff.post(page(message), FORM | {"confirmed": "yes"})
    assert texts() == ["", ""]


@pytest.mark.usefixtures("told_only")
async def test_it_is_told_to_everyone_connected(connect: Connect) -> None:
    (message, *_) = await off_loop(fill_room, "main", *["spam"] * 300)
    client = await connect()
    await client.join("main", history=200)

    def redact() -> None:
        admit_staff("staff", *MAY).post(page(message), FORM | {"confirmed": "yes"})

    await off_loop(redact)
    await client.event("deleted", seq=600)
    assert [event["seq"] for event in client.log()][-300:] == list(range(301, 601))
