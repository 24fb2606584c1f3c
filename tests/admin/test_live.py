"""The live view: what it shows, to whom, and with how many queries."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from chat import store
from chat.models import Connection, Membership, Message, Node, Room, Sample
from chat.store import Busy, Counts, Report
from tests.admin.conftest import Admit, Fill, shown

LIVE = "/admin/chat/node/"

QUERIES = 5
"""Of the live view: the session, the user, the processes, the rooms, the samples."""

Serve = Callable[..., Node]


@pytest.fixture
def serve(db: None) -> Serve:
    """Let a process say something of itself: ``serve("web-1", sessions=7)``."""

    def serve(name: str = "web-1", **report: object) -> Node:
        node = Node.objects.create(name=name, version="1.2.3")
        store.beat(node.pk, Report(**{"seconds": 60.0, **report}))  # type: ignore[arg-type]
        return node

    return serve


def sample(name: str, minutes_ago: int, now: datetime | None = None, **report: object) -> None:
    """Keep a minute of a process's."""
    minute = (now or timezone.now()).replace(second=0, microsecond=0)
    minute -= timedelta(minutes=minutes_ago)
    figures = msgspec.to_builtins(Report(seconds=60.0, **report), str_keys=True)  # type: ignore[arg-type]
    Sample.objects.create(node=name, minute=minute, figures=figures)


def enter(node: Node, session: str, *rooms: str, name: str = "ann") -> None:
    """Let somebody be in rooms."""
    Connection.objects.create(
        node=node, session=session, sender_key="u:1", sender_name=name, rooms=list(rooms)
    )


def part(client: Client, name: str, address: str = LIVE) -> str:
    """Return a part of a page, as it is read."""
    answer = client.get(address, {"part": name})
    assert answer.status_code == 200
    assert b"<html" not in answer.content
    return shown(answer)


# All processes


def test_processes_are_shown_with_what_they_do_and_all_together(boss: Client, serve: Serve) -> None:
    serve(
        "web-1",
        sessions=1200,
        rooms=3,
        lately=Counts(posts=120, deliveries=90_000, commits=10, stored=25, acks={16: 50}),
    )
    serve("web-2", sessions=800, rooms=2, lately=Counts(posts=60))
    text = part(boss, "processes")
    text = re.sub(r"\b\d s\b", "N s", text)  # how long ago, by now
    assert "web-1 1.2.3 N s N s 1,200 3 2.0 1,500 " in text
    assert "web-2 1.2.3 N s N s 800 2 1.0 0.0 – – – – – 0 0 0 0" in text
    assert "All together 2,000 5 3.0 1,500 " in text


def test_red_figures_are_marked_and_say_what_to_do(boss: Client, serve: Serve) -> None:
    serve(lately=Counts(faults=1))
    content = boss.get(LIVE).content.decode()
    assert content.count('class="red" title="Any: look at the log') == 2  # its own, and the sum
    assert "Any: look at the log of the process" in shown(boss.get(LIVE))


def test_process_that_is_silent_is_shown_as_such_and_not_added_up(
    boss: Client, serve: Serve
) -> None:
    node = serve(sessions=5)
    Node.objects.filter(pk=node.pk).update(figures_at=timezone.now() - timedelta(seconds=61))
    text = part(boss, "processes")
    assert re.search(r"silent: [67]\d s", text)
    assert "All together 0 0 " in text


def test_site_that_nobody_serves_says_so(boss: Client) -> None:
    text = shown(boss.get(LIVE))
    assert "No process is serving just now." in text
    assert "Nobody is in a room just now." in text
    assert "Nothing yet" in text


@pytest.mark.parametrize("count", [1, 30])
def test_live_takes_as_many_queries_for_many_processes_as_for_few(
    boss: Client, serve: Serve, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(count):
        Room.objects.create(slug=f"room-{number}")
        serve(f"web-{number}", busy=[Busy(f"room-{number}", 1, 1, 1.0)])
        sample(f"web-{number}", 1 + number)
    with django_assert_num_queries(QUERIES):
        assert boss.get(LIVE).status_code == 200


def test_every_figure_has_its_meaning_on_the_page(boss: Client, serve: Serve) -> None:
    serve()
    content = boss.get(LIVE).content.decode()
    for name in ("heard", "sessions", "ack_p99", "errors"):
        assert f'href="#about-{name}"' in content
        assert f'id="about-{name}"' in content


def test_page_is_found_from_the_index_and_has_nothing_inline(boss: Client, serve: Serve) -> None:
    serve()
    assert f'href="{LIVE}"' in boss.get("/admin/").content.decode()
    content = boss.get(LIVE).content.decode()
    assert "style=" not in content
    assert "onclick" not in content


# Rooms


def test_busiest_rooms_are_those_of_all_processes(boss: Client, serve: Serve) -> None:
    for slug in ("main", "kitchen"):
        Room.objects.create(slug=slug, title=slug.title(), head=1234)
    serve("a", busy=[Busy("main", 9, 2, 1.0), Busy("gone", 1, 1, 0.0)])
    serve("b", busy=[Busy("main", 9, 3, 1.5), Busy("kitchen", 30, 4, 0.0)])
    assert "Entries Kitchen 30 4 0.0 1,234 Main 9 5 1.5 1,234 As of" in part(boss, "rooms")


def test_what_a_silent_process_said_of_rooms_is_not_shown_as_what_is_true_now(
    boss: Client, serve: Serve
) -> None:
    room = Room.objects.create(slug="main", title="Main", head=7)
    Room.objects.create(slug="kitchen", title="Kitchen")
    node = serve("a", sessions=120, busy=[Busy("main", 120, 120, 9.0)])
    enter(node, "s1", "main")
    page, own = f"{LIVE}room/{room.pk}/", f"{LIVE}{node.pk}/change/"
    assert "Main 120 120 9.0" in part(boss, "rooms")
    assert "1 session ·" in part(boss, "people", page)
    Node.objects.filter(pk=node.pk).update(figures_at=timezone.now() - timedelta(seconds=61))
    for address in (LIVE, own):
        assert "Nobody is in a room just now." in part(boss, "rooms", address)
    text = part(boss, "people", page)
    assert "0 sessions · 7 entries so far" in text
    assert "ann" not in text
    serve("b", busy=[Busy("kitchen", 3, 3, 0.0)])
    text = part(boss, "rooms")
    assert "Kitchen 3 3 0.0" in text
    assert "Main" not in text


def test_private_rooms_are_shown_to_those_who_may_know_of_them(admit: Admit, serve: Serve) -> None:
    board = Room.objects.create(slug="board", title="The Directors", kind="private")
    serve(busy=[Busy("board", 3, 3, 1.0)])
    address = f"{LIVE}room/{board.pk}/"
    outsider, member = admit("view_live"), admit("view_live", name="member")
    Membership.objects.create(room=board, user=User.objects.get(username="member"))
    assert "Directors" not in shown(outsider.get(LIVE))
    assert outsider.get(address).status_code == 404
    assert outsider.get(address, {"part": "people"}).status_code == 404
    assert "Directors" in shown(member.get(LIVE))
    assert member.get(address).status_code == 200
    assert "Directors" in shown(admit("view_live", "change_room", name="keeper").get(LIVE))


def test_room_shows_who_is_there_on_which_process(boss: Client, serve: Serve) -> None:
    room = Room.objects.create(slug="main", head=7)
    first, second = serve("a"), serve("b")
    enter(first, "s1", "main", "other", name="Ann")
    enter(second, "s2", "main", name="Bob")
    enter(second, "s3", "main-2", "domain", name="Eve")
    text = part(boss, "people", f"{LIVE}room/{room.pk}/")
    assert "2 sessions · 7 entries so far" in text
    assert "Ann" in text
    assert "Bob" in text
    assert "Eve" not in text


def test_room_is_drawn_by_its_posts(boss: Client, fill: Fill) -> None:
    (message, *_) = fill("main", *["hello"] * 30)
    Message.objects.update(at=timezone.now() - timedelta(minutes=3))
    assert "at most 30" in part(boss, "plots", f"{LIVE}room/{message.room.pk}/")


@pytest.mark.parametrize("count", [1, 50])
def test_room_takes_as_many_queries_for_many_people_as_for_few(
    boss: Client, serve: Serve, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    room, node = Room.objects.create(slug="main"), serve()
    for number in range(count):
        enter(node, f"s{number}", "main")
    with django_assert_num_queries(5):
        assert boss.get(f"{LIVE}room/{room.pk}/").status_code == 200


# One process


def test_process_has_its_own_page(boss: Client, serve: Serve) -> None:
    node = serve(
        "web-1",
        sessions=3,
        lately=Counts(closes={4002: 1}),
        ever=Counts(posts=4321, closes={4002: 7, 4999: 1}),
    )
    serve("web-2", sessions=99)
    text = shown(boss.get(f"{LIVE}{node.pk}/change/"))
    assert "Posts 4,321" in text
    assert "4002 too slow 1 7" in text
    assert "4999 0 1" in text
    assert "web-2" not in text


def test_number_of_a_process_is_plain_where_those_for_people_are_grouped(
    boss: Client, settings: Settings
) -> None:
    settings.USE_THOUSAND_SEPARATOR = True
    Node.objects.create(pk=1234, name="web-1", version="1.2.3")
    store.beat(1234, Report(seconds=60.0))
    page = boss.get(f"{LIVE}1234/change/").content.decode()
    assert 'data-only="1234"' in page


def test_plots_of_a_process_are_of_its_own_samples(boss: Client, serve: Serve) -> None:
    node = serve("web-1")
    now = timezone.now()
    sample("web-1", 2, now, sessions=3)
    sample("web-2", 2, now, sessions=40)
    assert "at most 43" in part(boss, "plots")
    assert "at most 3" in part(boss, "plots", f"{LIVE}{node.pk}/change/")


def test_samples_of_a_process_that_died_stay_in_the_plots(boss: Client) -> None:
    sample("dead", 30, sessions=12)
    assert "at most 12" in part(boss, "plots")


def test_process_that_is_gone_is_not_found(boss: Client) -> None:
    for pk in ("999", "x"):
        assert boss.get(f"{LIVE}{pk}/change/").status_code == 404


def test_process_links_to_its_sessions_only_where_they_may_be_seen(
    admit: Admit, serve: Serve
) -> None:
    node = serve()
    content = admit("view_live").get(f"{LIVE}{node.pk}/change/").content.decode()
    assert "chat/connection" not in content


def test_room_and_its_live_page_lead_to_each_other(admit: Admit) -> None:
    room = Room.objects.create(slug="küche")
    page, live = f"/admin/chat/room/{room.pk}/change/", f"{LIVE}room/{room.pk}/"
    both = admit("view_live", "view_room", "view_connection", name="both")
    assert f'href="{live}"' in both.get(page).content.decode()
    back = both.get(live).content.decode()
    assert f'href="{page}"' in back
    assert 'href="/admin/chat/connection/?room=k%C3%BCche"' in back
    assert live not in admit("view_room", name="keeper").get(page).content.decode()
    assert page not in admit("view_live", name="viewer").get(live).content.decode()


def test_each_part_has_its_own_time_in_the_zone_of_the_site(
    boss: Client, serve: Serve, settings: Settings
) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"
    node, room = serve(), Room.objects.create(slug="main")
    pages = {
        LIVE: ("processes", "rooms", "plots"),
        f"{LIVE}{node.pk}/change/": ("processes", "since", "rooms", "plots"),
        f"{LIVE}room/{room.pk}/": ("people", "plots"),
    }
    for address, parts in pages.items():
        found = [boss.get(address, {"part": name}).content.decode() for name in parts]
        times = [
            re.findall(r'<time datetime="[^"]*\+05:30">[0-9:]{8}</time>', each) for each in found
        ]
        assert [len(each) for each in times] == [1] * len(parts)
        whole = boss.get(address).content.decode()
        assert whole.count("<time") == len(parts)
        assert re.search(r'"data-', whole) is None


def test_room_says_how_it_is_kept_up_to_date_without_the_chat(boss: Client, serve: Serve) -> None:
    node, room = serve(), Room.objects.create(slug="main")
    content = boss.get(f"{LIVE}room/{room.pk}/").content.decode()
    assert "Without a connection" not in content
    (says,) = re.findall('data-fetched="([^"]*)"', content)
    seconds = dict(re.findall('data-part="([^"]*)" data-every="([^"]*)"', content))
    assert seconds == {"people": "5", "plots": "60"}
    assert "who is here every 5 seconds, the plot every minute" in says
    for address in (LIVE, f"{LIVE}{node.pk}/change/"):
        assert 'data-fetched="Without a connection' in boss.get(address).content.decode()


# Who may see it


def test_live_needs_its_permission_and_no_other(admit: Admit, serve: Serve) -> None:
    node, room = serve(), Room.objects.create(slug="main")
    addresses = [LIVE, f"{LIVE}{node.pk}/change/", f"{LIVE}room/{room.pk}/"]
    stranger = admit("view_node", "change_node", "view_room", "view_message")
    viewer = admit("view_live", name="viewer")
    for address in addresses:
        for query in ({}, {"part": "plots"}):
            assert stranger.get(address, query).status_code == 403
            assert viewer.get(address, query).status_code == 200
        assert Client().get(address).status_code == 302
    assert LIVE not in stranger.get("/admin/").content.decode()
    assert LIVE in viewer.get("/admin/").content.decode()


def test_nothing_can_be_changed(boss: Client, serve: Serve) -> None:
    node = serve()
    assert boss.get(f"{LIVE}add/").status_code == 403
    assert boss.post(f"{LIVE}{node.pk}/delete/", {"post": "yes"}).status_code == 403
    boss.post(LIVE, {"action": "delete_selected", "_selected_action": [node.pk], "post": "yes"})
    assert Node.objects.filter(pk=node.pk).exists()


def test_unknown_part_is_not_found(boss: Client) -> None:
    assert boss.get(LIVE, {"part": "../page"}).status_code == 404


def test_pages_are_whole_where_the_site_has_no_pages_of_the_chats(
    boss: Client, serve: Serve, settings: Settings
) -> None:
    settings.ROOT_URLCONF = "tests.admin.urls"
    node = serve()
    assert boss.get(LIVE).status_code == 200
    assert boss.get(f"{LIVE}{node.pk}/change/").status_code == 200
