"""Which rooms have a page for whom, and at which address."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from chat.models import Ban, Membership, Room
from tests.views.pages import attribute, rooms

pytestmark = pytest.mark.django_db

# --- Who may see it -------------------------------------------------------------------------------


def test_private_room_is_not_there_for_those_outside(client: Client, bob: User) -> None:
    room = Room.objects.create(slug="board", kind=Room.Kind.PRIVATE)
    assert client.get("/rooms/board/").status_code == 404
    client.force_login(bob)
    assert client.get("/rooms/board/").status_code == 404
    Membership.objects.create(room=room, user=bob)
    assert client.get("/rooms/board/").status_code == 200
    assert "board" in rooms(client.get("/"))


@pytest.mark.parametrize(
    ("creation", "who", "status"),
    [
        ("staff", "guest", 404),
        ("staff", "user", 404),
        ("staff", "staff", 200),
        ("users", "guest", 404),
        ("users", "user", 200),
        ("anyone", "guest", 200),
    ],
)
def test_room_that_is_not_there_is_a_page_for_those_who_may_make_it(
    client: Client, settings: Settings, creation: str, who: str, status: int
) -> None:
    settings.CHAT = {"GUESTS": "post", "ROOM_CREATION": creation}
    if who != "guest":
        client.force_login(User.objects.create_user(who, is_staff=who == "staff"))
    response = client.get("/rooms/new/")
    assert response.status_code == status
    assert not Room.objects.exists(), "only the socket makes rooms"
    may_ask = b'name="room"' in client.get("/").content
    assert may_ask == (status == 200)
    if status == 200:
        assert b"This room is new." in response.content
        assert attribute(response, "data-epoch") == ""
        assert rooms(response) == ["main", "new"]


@pytest.mark.parametrize("address", ["/", "/rooms/board/", "/rooms/no-such-room/"])
def test_guests_are_sent_to_sign_in_where_the_chat_is_not_for_them(
    client: Client, settings: Settings, address: str
) -> None:
    settings.CHAT = {"GUESTS": "none"}
    Room.objects.create(slug="board", kind=Room.Kind.PRIVATE)
    response = client.get(address)
    assert response.status_code == 302
    assert response["Location"] == f"/accounts/login/?next={address}"
    assert not response.cookies


def test_guests_are_sent_to_sign_in_for_a_room_that_is_not_for_them(client: Client) -> None:
    Room.objects.create(slug="inner", guests="none")
    assert client.get("/rooms/inner/")["Location"] == "/accounts/login/?next=/rooms/inner/"


def test_sign_in_page_may_be_on_another_host(client: Client, settings: Settings) -> None:
    settings.CHAT = {"GUESTS": "none"}
    settings.LOGIN_URL = "https://id.example.org/enter"
    assert client.get("/")["Location"] == "https://id.example.org/enter?next=/"


# --- Addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "address"),
    [
        ("Tea & biscuits", "/rooms/tea-biscuits/"),
        ("Käse", "/rooms/k%C3%A4se/"),
        ("x" * 80, f"/rooms/{'x' * 64}/"),
    ],
)
def test_asking_for_a_room_leads_to_it(client: Client, asked: str, address: str) -> None:
    assert client.get("/", {"room": asked})["Location"] == address


@pytest.mark.parametrize("slug", ["Tea-Time", "_tea--time", "TEA"])
def test_asking_for_a_room_by_its_very_name_leads_to_it(client: Client, slug: str) -> None:
    Room.objects.create(slug=slug)
    Room.objects.create(slug="tea")
    assert client.get("/", {"room": f" {slug} "})["Location"] == f"/rooms/{slug}/"


def test_asking_for_a_private_room_tells_only_members_that_it_is_there(
    client: Client, bob: User
) -> None:
    room = Room.objects.create(slug="Board", kind=Room.Kind.PRIVATE)
    for _ in ("guest", "user"):
        assert client.get("/", {"room": "Board"})["Location"] == "/rooms/board/"
        client.force_login(bob)
    Membership.objects.create(room=room, user=bob)
    assert client.get("/", {"room": "Board"})["Location"] == "/rooms/Board/"


def test_asking_for_a_name_of_a_room_to_be_made_leads_to_the_usual_spelling(
    client: Client, settings: Settings
) -> None:
    settings.CHAT = {"GUESTS": "post", "ROOM_CREATION": "anyone"}
    assert client.get("/", {"room": "Board"})["Location"] == "/rooms/board/"
    assert client.get("/", {"room": "Bo\0ard"})["Location"] == "/rooms/board/"


def test_asking_for_a_name_without_letters_stays(client: Client) -> None:
    assert client.get("/", {"room": " ?! "}).status_code == 200


@pytest.mark.parametrize("slug", ["a b", "a.b", "x" * 65])
def test_name_that_no_room_can_have_is_not_found(client: Client, slug: str) -> None:
    assert client.get(f"/rooms/{slug}/").status_code == 404


# --- Who is restrained ----------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["site", "room"])
def test_who_is_banned_is_told_so_and_not_asked_to_sign_in(
    client: Client, bob: User, where: str
) -> None:
    kitchen = Room.objects.create(slug="kitchen")
    Ban.objects.create(sender_key=f"u:{bob.pk}", room=kitchen if where == "room" else None)
    client.force_login(bob)
    answer = client.get("/rooms/kitchen/")
    assert answer.status_code == 403
    assert "You have been removed from this" in answer.content.decode()
    main = client.get("/")
    assert main.status_code == (200 if where == "room" else 403)
    assert "/rooms/kitchen/" not in main.content.decode()
    # Nobody is sent where they are refused as well.
    assert ("To the main room" in answer.content.decode()) == (where == "room")


def test_room_one_knows_nothing_of_has_a_page_that_says_so(client: Client) -> None:
    Room.objects.create(slug="board", kind=Room.Kind.PRIVATE)
    answers = [client.get(f"/rooms/{slug}/") for slug in ("board", "no-such-room")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content, "nothing tells them apart"
    page = answers[0].content.decode()
    assert "There is no such room." in page
    assert '<a href="/">To the main room</a>' in page


def test_address_that_is_banned_sees_no_page(client: Client, db: None) -> None:
    Ban.objects.create(network="127.0.0.0/8")
    assert client.get("/").status_code == 403
    assert client.get("/", REMOTE_ADDR="192.0.2.1").status_code == 200
