import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.test import AsyncClient, Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from chat import store
from chat.admin import acts
from chat.models import Act, Membership, Room
from chat.store import Actor
from tests.admin.conftest import Admit, shown
from tests.hub.clients import off_loop

LIST = "/admin/chat/act/"

QUERIES = 5
"""Of the list: session, user, number of acts, rooms to choose from, acts."""

BY = Actor(key="u:9", name="mod", via=Act.Via.ADMIN)


def act(kind: Act.Kind = Act.Kind.BAN, by: Actor = BY, **fields: Any) -> Act:
    return store.record(kind, by, **fields)


def reasons(client: Client, query: str = "") -> list[str]:
    return [row.reason for row in client.get(f"{LIST}?{query}").context["cl"].result_list]


def exported(client: Client, query: str = "") -> list[list[str]]:
    answer = client.get(f"{LIST}export/?{query}")
    assert answer.status_code == 200
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    return list(csv.reader(io.StringIO(content.decode())))


@pytest.mark.parametrize("count", [3, 100])
def test_list_takes_as_many_queries_for_many_acts_as_for_few(
    boss: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(count):
        act(room=f"room-{number}")
    with django_assert_num_queries(QUERIES):
        answer = boss.get(LIST)
    assert answer.context["cl"].result_count == count


def test_list_and_page_say_who_did_what_to_whom_and_why(boss: Client) -> None:
    room = Room.objects.create(slug="kitchen")
    found = act(
        Act.Kind.MUTE,
        room=room.slug,
        target_key="u:5",
        target_name="bob",
        until=timezone.now() + timedelta(days=1),
        reason="too loud",
        detail="for a day",
    )
    text = shown(boss.get(LIST))
    assert "mod muted bob kitchen too loud · for a day admin" in text
    text = shown(boss.get(f"{LIST}{found.pk}/change/"))
    assert "Who, by key: u:9 Act: muted Whom: bob Whom, by key: u:5 Room: kitchen" in text
    assert "Reason: too loud Details: for a day Way: admin" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["four", "three", "two", "one"]),
        ("kind__exact=announce", ["three"]),
        ("via__exact=command", ["four"]),
        ("room=kitchen", ["two"]),
        ("day=today", ["four", "three", "two"]),
        ("day=yesterday", ["one"]),
        ("q=cron", ["four"]),
        ("q=bob", ["two"]),
        ("q=u:5", ["two"]),
        ("q=THRE", ["three"]),
        ("q=nobody", []),
    ],
)
def test_acts_are_found_by_kind_way_room_day_and_words(
    boss: Client, query: str, found: list[str]
) -> None:
    old = act(reason="one")
    Act.objects.filter(pk=old.pk).update(at=timezone.localtime() - timedelta(days=1))
    act(room="kitchen", target_key="u:5", target_name="bob", reason="two")
    act(Act.Kind.ANNOUNCE, reason="three")
    act(by=Actor(key="s:cron", name="cron", via=Act.Via.COMMAND), reason="four")
    assert reasons(boss, query) == found
    assert [row[8] for row in exported(boss, query)[1:]] == found


def test_file_has_all_of_each_act_and_calculates_nothing(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acts, "ROWS_AT_ONCE", 2)
    until = timezone.now()
    first = act(target_name="=cmd|'/c calc'!A1", reason="+1", detail="@x", until=until)
    for beginning in ("-", "\t", 'harmless, "quoted"\n'):
        act(reason=f"{beginning}1")
    head, *rows = exported(boss)
    assert head == list(acts.COLUMNS)
    assert [row[8] for row in rows] == ['harmless, "quoted"\n1', "'\t1", "'-1", "'+1"]
    assert rows[-1] == [
        first.at.isoformat(timespec="seconds"),
        "u:9",
        "mod",
        "ban",
        "",
        "'=cmd|'/c calc'!A1",
        "",
        until.isoformat(timespec="seconds"),
        "'+1",
        "'@x",
        "admin",
    ]


@pytest.mark.django_db(transaction=True)
async def test_file_is_streamed_by_asynchronous_servers_too() -> None:
    user = await off_loop(User.objects.create_superuser, "boss")
    await off_loop(act, reason="because")
    client = AsyncClient()
    await off_loop(client.force_login, user)
    answer: Any = await client.get(f"{LIST}export/")
    assert isinstance(answer.asgi_request, ASGIRequest)
    assert answer.is_async
    content = b"".join([part async for part in answer.streaming_content])
    assert "because" in content.decode()
    await sync_to_async(connections.close_all)()  # of the thread in which Django serves it


def test_list_links_to_the_file_of_what_it_shows(boss: Client) -> None:
    act()
    content = boss.get(f"{LIST}?kind__exact=ban&q=mod").content.decode()
    assert 'href="/admin/chat/act/export/?kind__exact=ban&amp;q=mod"' in content


@pytest.mark.parametrize("query", ["from=2026-02-30", "to=x", "from=2026-13-01&kind__exact=ban"])
def test_file_of_what_makes_no_sense_leads_back_to_the_list(boss: Client, query: str) -> None:
    act()
    answer: Any = boss.get(f"{LIST}export/?{query}")
    assert answer.url == f"{LIST}?e=1"


# Who may see what


def test_nobody_writes_the_record(boss: Client) -> None:
    found = act(reason="because")
    page = f"{LIST}{found.pk}/"
    assert boss.get(f"{LIST}add/").status_code == 403
    assert boss.post(f"{page}change/", {"reason": "other"}).status_code == 403
    assert boss.post(f"{page}delete/", {"post": "yes"}).status_code == 403
    form = {"action": "delete_selected", "_selected_action": [found.pk], "post": "yes"}
    boss.post(LIST, form)
    assert [row.reason for row in Act.objects.all()] == ["because"]
    assert boss.post(f"{LIST}export/").status_code == 405


def test_staff_need_permission_to_read_the_record(admit: Admit) -> None:
    found = act()
    staff = admit("view_message", "change_room", "ban")
    for address in (LIST, f"{LIST}{found.pk}/change/", f"{LIST}export/"):
        assert staff.get(address).status_code == 403
    assert Client().get(f"{LIST}export/").status_code == 302


def test_acts_in_rooms_that_one_may_not_know_are_hidden(admit: Admit) -> None:
    board = Room.objects.create(slug="board", kind="private")
    Room.objects.create(slug="kitchen")
    hidden = act(room="board", reason="confidential")
    act(room="gone", reason="of a room that is gone")
    act(room="kitchen", reason="known")
    act(reason="everywhere")
    staff = admit("view_act")
    assert reasons(staff) == ["everywhere", "known"]
    assert reasons(staff, "q=confidential") == reasons(staff, "room=board") == []
    assert [row[8] for row in exported(staff)[1:]] == ["everywhere", "known"]
    assert "board" not in shown(staff.get(LIST))
    assert staff.get(f"{LIST}{hidden.pk}/change/").status_code == 302
    Membership.objects.create(room=board, user=User.objects.get(username="staff"))
    assert reasons(staff) == ["everywhere", "known", "confidential"]
    assert len(reasons(admit("view_act", "change_room", name="other"))) == 4


def test_acts_of_a_private_room_stay_hidden_when_another_takes_its_name(admit: Admit) -> None:
    merger = Room.objects.create(slug="merger", kind="private")
    hidden = act(room="merger", reason="confidential")
    merger.delete()
    Room.objects.create(slug="merger")
    act(room="merger", reason="known")
    staff = admit("view_act")
    assert reasons(staff) == reasons(staff, "room=merger") == ["known"]
    assert [row[8] for row in exported(staff)[1:]] == ["known"]
    assert staff.get(f"{LIST}{hidden.pk}/change/").status_code == 302
    assert reasons(admit("view_act", "change_room", name="other")) == ["known", "confidential"]
