import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from chat import store
from chat.models import Connection, Node, Room
from tests.admin.conftest import Admit, Fill, admit_staff, shown
from tests.hub.clients import OPEN_SITE, Connect, off_loop

LIST = "/admin/chat/connection/"

QUERIES = 6
"""Of the list: session, user, the number of sessions, a page of them, processes and rooms to choose
from."""


def arrive(session: str, *rooms: str, key: str = "g:1073741825", **fields: Any) -> Connection:
    """Let a session be connected to the process ``host:7``, unless ``node`` is another one."""
    node = fields.pop("node", None) or serving()
    fields = {"sender_name": session.title(), "address": "203.0.113.7", "dialect": "json"} | fields
    return Connection.objects.create(
        node=node, session=session, sender_key=key, rooms=list(rooms), **fields
    )


def serving(name: str = "host:7:abc", **fields: Any) -> Node:
    """Return a process, which beats just now."""
    return Node.objects.get_or_create(name=name, defaults={"figures_at": timezone.now()} | fields)[
        0
    ]


def sessions(client: Client, query: str = "") -> list[str]:
    """Return the sessions that a list shows, in its order."""
    return [row.session for row in client.get(f"{LIST}?{query}").context["cl"].result_list]


def column(client: Client, field: str, query: str = "") -> list[str]:
    """Return what a column of the list shows."""
    content = client.get(f"{LIST}?{query}").content.decode()
    found = re.findall(rf'<td class="field-{field}[^"]*">(.*?)</td>', content, re.DOTALL)
    if not found:
        found = re.findall(rf'<th class="field-{field}[^"]*">(.*?)</th>', content, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", cell).split()) for cell in found]


def page(row: Connection) -> str:
    return f"{LIST}{row.pk}/change/"


# The list


@pytest.mark.parametrize("count", [1, 80])
def test_list_takes_as_many_queries_for_many_sessions_as_for_few(
    boss: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(count):
        node = serving(f"host:{number % 3}:x")
        arrive(f"s{number}", "main", f"room{number}", key=f"u:{number}", node=node)
    with django_assert_num_queries(QUERIES):
        answer = boss.get(LIST)
    assert answer.context["cl"].result_count == count


@pytest.mark.parametrize("count", [1, 80])
def test_list_takes_three_queries_more_for_staff_and_the_rooms_they_may_see(
    admit: Admit, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    staff = admit("view_connection", "disconnect", "ban", "view_user")
    for number in range(count):
        arrive(f"s{number}", "main", f"room{number}", key=f"u:{number}")
    with django_assert_num_queries(QUERIES + 3):
        staff.get(LIST)


def test_row_says_all_there_is_to_know(boss: Client) -> None:
    arrive(
        "s1",
        "kitchen",
        "main",
        sender_name="ann",
        key="u:7",
        since=timezone.now() - timedelta(hours=3),
        heard_at=timezone.now() - timedelta(seconds=12),
        lag=42,
        client="Mozilla/5.0 " + "x" * 50,
        address="2001:db8::7",
    )
    row = {name: column(boss, name) for name in ("who", "address", "where", "behind", "way")}
    assert row == {
        "who": ["ann"],
        "address": ["2001:db8::7"],
        "where": ["kitchen, main"],
        "behind": ["42"],
        "way": ["JSON"],
    }
    assert "Lag, in events" in shown(boss.get(LIST))
    assert column(boss, "connected") == ["3 hours"]
    assert re.fullmatch(r"1\d seconds", column(boss, "heard")[0])
    assert column(boss, "process") == ["host:7"]
    assert column(boss, "program") == [f"Mozilla/5.0 {'x' * 28}…"]
    content = boss.get(LIST).content.decode()
    assert f'title="Mozilla/5.0 {"x" * 50}"' in content


def test_text_of_clients_is_shown_as_text(boss: Client) -> None:
    evil = "<script>alert(1)</script>"
    row = arrive("s1", sender_name=evil, client=evil, address=evil)
    for address in (LIST, page(row), f"{LIST}{row.pk}/ban/", f"{LIST}{row.pk}/disconnect/"):
        assert "<script>alert" not in boss.get(address).content.decode()


def test_users_lead_to_their_page_where_one_may_see_it(admit: Admit, boss: Client) -> None:
    user = User.objects.create_user("ann")
    row = arrive("s1", key=f"u:{user.pk}", sender_name="ann")
    arrive("s2", key="g:1073741825", sender_name="Guest 1073741825")
    link = f'<a href="/admin/auth/user/{user.pk}/change/">ann</a>'
    staff = admit("view_connection")
    for address in (LIST, page(row)):
        assert link in boss.get(address).content.decode()
        assert link not in staff.get(address).content.decode()
        assert "ann" in shown(staff.get(address))
    assert column(boss, "who") == ["Guest 1073741825 (guest)", "ann"]


def test_more_rooms_than_fit_are_counted_and_named_on_the_page_of_the_session(
    boss: Client,
) -> None:
    row = arrive("s1", *(f"r{number}" for number in range(8)))
    assert column(boss, "where") == ["r0, r1, r2, r3, r4, 3 more"]
    assert "r0, r1, r2, r3, r4, r5, r6, r7" in shown(boss.get(page(row)))


def test_process_whose_heartbeat_stopped_is_marked(boss: Client) -> None:
    ago = timezone.now() - timedelta(minutes=5)
    arrive("s1", node=serving("dead:1:x", figures_at=ago))
    # Late, but not yet by two heartbeats of 20 s.
    late = timezone.now() - timedelta(seconds=32)
    arrive("s2", node=serving("live:2:x", figures_at=late))
    arrive("s3", node=serving("new:3:x", figures_at=None))
    assert column(boss, "process") == ["new:3", "live:2", "dead:1 no heartbeat for 5 minutes"]


def test_process_leads_to_its_live_page_for_those_who_may_see_that(admit: Admit) -> None:
    node = arrive("s1").node
    live = f'href="/admin/chat/node/{node.pk}/change/"'
    assert live in admit("view_connection", "view_live").get(LIST).content.decode()
    assert live not in admit("view_connection", name="other").get(LIST).content.decode()


def test_list_says_how_fresh_it_is(boss: Client, settings: Settings) -> None:
    settings.CHAT = {**OPEN_SITE, "HEARTBEAT": 10}
    text = shown(boss.get(LIST))
    assert "This is how it was at " in text
    assert "within 2.5 seconds" in text


def test_page_of_a_session_shows_the_rest(boss: Client) -> None:
    row = arrive("s1", "main", client="Browser/1 " + "x" * 100)
    text = shown(boss.get(page(row)))
    for part in ("g:1073741825", "s1", "203.0.113.7", "Browser/1 " + "x" * 100, "host:7", "main"):
        assert part in text


def test_nothing_of_a_session_can_be_written(boss: Client) -> None:
    row = arrive("s1", "main")
    assert boss.get(f"{LIST}add/").status_code == 403
    assert boss.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert boss.post(page(row), {"sender_name": "other"}).status_code == 403
    row.refresh_from_db()
    assert row.sender_name == "S1"


# A closer look


async def test_who_looks_has_every_process_tell_of_its_sessions(connect: Connect) -> None:
    client = await connect()
    await client.join()
    await client.talk(3)
    assert await off_loop(Connection.objects.filter(lag__isnull=False).count) == 0

    def look() -> list[str]:
        staff = Client()
        staff.force_login(User.objects.get(username="boss"))
        return column(staff, "behind")

    await off_loop(admit_staff, "boss", superuser=True)
    # It is told at once, though the next beat is five seconds away.
    while await off_loop(look) != ["3"]:
        pass
    assert await off_loop(Connection.objects.filter(heard_at__isnull=False).count) == 1


@pytest.mark.django_db(transaction=True)
def test_each_look_is_counted() -> None:
    node = store.enroll("host:1:x")
    row = arrive("s1", node=Node.objects.get(pk=node))
    staff = admit_staff("staff", "view_connection")
    staff.get(LIST)
    staff.get(page(row))
    assert Node.objects.get(pk=node).asked == 2
    admit_staff("other").get(LIST)
    assert Node.objects.get(pk=node).asked == 2


# On the page of a room


def test_page_of_a_room_shows_who_is_there_and_where(boss: Client, fill: Fill) -> None:
    fill("kitchen")
    arrive("s1", "kitchen", sender_name="Bert")
    arrive("s2", "kitchen", "main", sender_name="Anna", node=serving("far:9:x"))
    arrive("s3", "main", sender_name="Cara")
    arrive("s4", "kitchen", sender_name="Bert")
    arrive("s5", "kitchen", sender_name="Bert", key="u:9")
    room = Room.objects.get(slug="kitchen")
    answer = boss.get(f"/admin/chat/room/{room.pk}/change/")
    assert "Anna far:9 Bert host:7 × 2 Bert host:7 " in shown(answer)
    assert "Cara" not in shown(answer)
    assert f'href="{LIST}?room=kitchen"' in answer.content.decode()


def test_page_of_a_room_shows_nobody_of_a_process_whose_heartbeat_stopped(
    boss: Client, fill: Fill
) -> None:
    fill("kitchen")
    ago = timezone.now() - timedelta(minutes=5)
    arrive("s1", "kitchen", sender_name="Bert", node=serving("dead:1:x", figures_at=ago))
    room = Room.objects.get(slug="kitchen")
    text = shown(boss.get(f"/admin/chat/room/{room.pk}/change/"))
    assert "Bert" not in text
    assert "Nobody." in text


@pytest.mark.parametrize("count", [1, 150])
def test_page_of_a_room_names_a_hundred_and_takes_as_many_queries_for_many_as_for_few(
    boss: Client, fill: Fill, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    fill("kitchen")
    for number in range(count):
        arrive(f"s{number:03}", "kitchen", sender_name=f"n{number:03}")
    room = Room.objects.get(slug="kitchen")
    ContentType.objects.get_for_model(Room)  # which Django remembers
    with django_assert_num_queries(5):
        answer = boss.get(f"/admin/chat/room/{room.pk}/change/")
    assert len(set(re.findall(r"\bn\d{3}\b", shown(answer)))) == min(count, 100)


def test_page_of_a_room_shows_nobody_to_those_who_may_not_see(admit: Admit, fill: Fill) -> None:
    fill("kitchen")
    arrive("s1", "kitchen", sender_name="Bert")
    room = Room.objects.get(slug="kitchen")
    answer = admit("view_room").get(f"/admin/chat/room/{room.pk}/change/")
    assert "Bert" not in shown(answer)
    assert LIST not in answer.content.decode()
    assert "Nobody." not in shown(answer)


def test_process_is_judged_by_the_clock_it_tells_its_heartbeats_by(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive("s1", node=serving("live:2:x"))
    ahead = timezone.now() + timedelta(minutes=5)
    monkeypatch.setattr(timezone, "now", lambda: ahead)
    assert column(boss, "process") == ["live:2"]
