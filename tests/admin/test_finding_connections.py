"""Sessions are found by all that is known of them, but by rooms that are none of one's business."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from chat.models import Membership, Room
from tests.admin.conftest import Admit, Fill, shown
from tests.admin.test_connections import LIST, arrive, column, page, serving, sessions


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("ann", ["s1"]),
        ("u:7", ["s1"]),
        ("203.0.113", ["s2"]),
        ("curl", ["s2"]),
        ("s3", ["s3"]),
        ("kitchen", ["s3"]),
        ("kitch", []),
        ("ann curl", []),
        ("firefox ann", ["s1"]),
    ],
)
def test_sessions_are_found_by_what_is_known_of_them_and_whole_names_of_rooms(
    boss: Client, fill: Fill, query: str, found: list[str]
) -> None:
    fill("kitchen")
    arrive("s1", sender_name="Anna", key="u:7", address="2001:db8::1", client="Firefox/130")
    arrive("s2", sender_name="Bert", key="g:1", client="curl/8", address="203.0.113.5")
    arrive("s3", "kitchen", sender_name="Cara", key="g:2", address="198.51.100.1")
    assert sessions(boss, f"q={query}") == found


def test_filters_leave_those_they_name(boss: Client, fill: Fill) -> None:
    fill("kitchen")
    now, window = timezone.now(), 8192
    other = serving("other:9:x")
    arrive("user", "kitchen", key="u:7", heard_at=now, lag=window // 2 + 1)
    arrive("guest", "kitchens", key="g:1", heard_at=now - timedelta(seconds=31), lag=window // 2)
    arrive("line", dialect="terminal", heard_at=now - timedelta(hours=1))
    arrive("far", dialect="stream", node=other)
    assert sessions(boss, "who=u") == ["user"]
    assert sessions(boss, "who=g") == ["far", "line", "guest"]
    assert sessions(boss, "dialect=terminal") == ["line"]
    assert sessions(boss, "dialect=stream") == ["far"]
    assert sessions(boss, "state=lagging") == ["user"]
    assert sessions(boss, "state=silent") == ["guest"]
    assert sessions(boss, f"node__id__exact={other.pk}") == ["far"]
    assert sessions(boss, "room=kitchen") == ["user"]
    assert sessions(boss, "room=nowhere") == []
    assert boss.get(f"{LIST}?node__id__exact=x").status_code == 302


@pytest.mark.parametrize(
    ("field", "order"),
    [
        ("who", ["b", "c", "a"]),
        ("connected", ["a", "b", "c"]),
        ("heard", ["a", "c", "b"]),
        ("behind", ["a", "b", "c"]),
    ],
)
def test_list_is_sorted_by_what_counts(boss: Client, field: str, order: list[str]) -> None:
    now = timezone.now()
    ages = [timedelta(minutes=minutes) for minutes in (3, 2, 1)]
    arrive("a", sender_name="Zoe", since=now - ages[0])
    arrive("b", sender_name="Ann", since=now - ages[1], heard_at=now, lag=0)
    arrive("c", sender_name="Bob", since=now - ages[2], heard_at=now - ages[2], lag=3)
    fields = ("who", "address", "where", "connected", "heard", "behind")
    number = fields.index(field) + 1
    assert sessions(boss, f"o={number}") == order
    assert sessions(boss, f"o=-{number}") == order[::-1]


# Rooms that are none of one's business


def test_private_room_of_others_is_neither_named_nor_found(admit: Admit, fill: Fill) -> None:
    fill("board", kind="private")
    fill("main")
    row = arrive("s1", "board", "main")
    staff = admit("view_connection", "ban", "disconnect", "view_room")
    assert column(staff, "where") == ["main, a private room"]
    for address in (LIST, page(row), f"{LIST}{row.pk}/ban/", f"{LIST}{row.pk}/disconnect/"):
        assert "board" not in staff.get(address).content.decode()
    assert "main, a private room" in shown(staff.get(page(row)))
    assert sessions(staff, "room=board") == []
    assert sessions(staff, "q=board") == []
    assert sessions(staff, "room=main") == ["s1"]
    room = Room.objects.get(slug="board")
    assert "S1" not in shown(staff.get(f"/admin/chat/room/{room.pk}/change/"))
    Membership.objects.create(room=room, user=User.objects.get(username="staff"))
    assert column(staff, "where") == ["board, main"]
    assert sessions(staff, "room=board") == ["s1"]
    assert sessions(staff, "q=board") == ["s1"]


@pytest.mark.parametrize(
    "query", ["rooms__icontains=board", "rooms__0=board", "rooms__0__startswith=b", "rooms=board"]
)
def test_rooms_are_not_guessed_with_lookups_of_ones_own(
    admit: Admit, fill: Fill, query: str
) -> None:
    fill("board", kind="private")
    arrive("s1", "board")
    assert admit("view_connection").get(f"{LIST}?{query}").status_code == 400


def test_who_may_change_rooms_sees_them_all(admit: Admit, fill: Fill) -> None:
    fill("board", kind="private")
    arrive("s1", "board")
    staff = admit("view_connection", "change_room")
    assert column(staff, "where") == ["board"]
    assert sessions(staff, "room=board") == ["s1"]


@pytest.mark.parametrize("permissions", [(), ("disconnect", "ban"), ("change_connection",)])
def test_list_needs_its_permission(admit: Admit, permissions: tuple[str, ...]) -> None:
    row = arrive("s1")
    staff = admit(*permissions)
    assert staff.get(LIST).status_code == 403
    assert staff.get(page(row)).status_code == 403
