import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from chat.admin import rooms
from chat.models import Message, Room
from tests.admin.conftest import Admit, Fill, admit_staff, fill_room, shown
from tests.hub.clients import Connect, off_loop

LIST = "/admin/chat/room/"
FORM = {
    "title": "",
    "kind": "public",
    "guests": "",
    "slow_mode": "0",
    "max_length": "",
    "memberships-TOTAL_FORMS": "0",
    "memberships-INITIAL_FORMS": "0",
    "memberships-2-TOTAL_FORMS": "0",
    "memberships-2-INITIAL_FORMS": "0",
}
"""What the page of a room without members sends."""

QUERIES = 4
"""Of the list: the session, the user, the number of rooms, the rooms."""


def page(room: Room) -> str:
    return f"{LIST}{room.pk}/change/"


# The list


@pytest.mark.parametrize("count", [3, 100])
def test_list_takes_as_many_queries_for_many_rooms_as_for_few(
    boss: Client, fill: Fill, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(count):
        fill(f"room-{number}", "hello", title=f"Room {number}")
    with django_assert_num_queries(QUERIES):
        answer = boss.get(LIST)
    assert answer.context["cl"].result_count == count


def test_list_tells_how_long_the_log_is_and_when_it_last_grew(boss: Client, fill: Fill) -> None:
    (message,) = fill("kitchen", "hello")
    Message.objects.update(at=message.at.replace(year=2001, month=2, day=3, hour=16, minute=5))
    Room.objects.create(slug="silent")
    text = shown(boss.get(LIST))
    assert "kitchen - public - 1 02/03/2001 4:05 p.m." in text
    assert "silent - public - 0 - " in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=kit", {"kitchen"}),
        ("q=board", {"board"}),
        ("q=DIRECTORS", {"board"}),
        ("kind__exact=private", {"board"}),
        ("guests__exact=read", {"kitchen"}),
        ("archived__exact=1", {"attic"}),
    ],
)
def test_rooms_are_found_by_name_title_and_policy(
    boss: Client, query: str, found: set[str]
) -> None:
    Room.objects.create(slug="kitchen", guests="read")
    Room.objects.create(slug="board", title="The Directors", kind="private")
    Room.objects.create(slug="attic", archived=True)
    rows = boss.get(f"{LIST}?{query}").context["cl"].result_list
    assert {room.slug for room in rows} == found


# Making and changing


def test_room_is_made_with_all_that_it_can_be_given(boss: Client) -> None:
    user = User.objects.create_user("anna")
    form = FORM | {
        "slug": "kitchen",
        "title": "The Kitchen",
        "kind": "private",
        "guests": "read",
        "slow_mode": "5",
        "max_length": "200",
        "archived": "on",
        "memberships-TOTAL_FORMS": "1",
        "memberships-0-user": str(user.pk),
        "memberships-0-role": "owner",
    }
    assert boss.post(f"{LIST}add/", form).status_code == 302
    room = Room.objects.get()
    assert (room.slug, room.title, room.kind, room.guests) == (
        "kitchen",
        "The Kitchen",
        "private",
        "read",
    )
    assert (room.slow_mode, room.max_length, room.archived) == (5, 200, True)
    assert (room.transient, room.head) == (False, 0)
    assert [(member.user, member.role) for member in room.memberships.all()] == [(user, "owner")]


@pytest.mark.parametrize("slug", ["küche", "кухня", "a-b_c"])
def test_rooms_are_named_in_any_script(boss: Client, slug: str) -> None:
    assert boss.post(f"{LIST}add/", FORM | {"slug": slug}).status_code == 302
    assert Room.objects.get().slug == slug


@pytest.mark.parametrize("slug", ["", "two words", "a/b", "x" * 65, "taken"])
def test_name_that_cannot_be_one_is_refused(boss: Client, slug: str) -> None:
    Room.objects.create(slug="taken")
    answer = boss.post(f"{LIST}add/", FORM | {"slug": slug})
    assert answer.context["errors"]
    assert Room.objects.count() == 1


@pytest.mark.parametrize("slug", ["two words", "a/b", "what?"])
def test_name_that_cannot_be_one_is_answered_with_what_can(boss: Client, slug: str) -> None:
    answer = boss.post(f"{LIST}add/", FORM | {"slug": slug})
    rule = "A room's name is made of letters and digits of any script, - and _."
    assert answer.context["errors"] == [[rule]]


@pytest.mark.parametrize("length", ["0", "-1", "100001"])
def test_length_that_no_message_can_have_is_refused(boss: Client, length: str) -> None:
    answer = boss.post(f"{LIST}add/", FORM | {"slug": "a", "max_length": length})
    assert answer.context["errors"]


@pytest.mark.parametrize(("length", "refused"), [("256", False), ("257", True)])
def test_length_that_may_not_fit_into_a_frame_is_refused(
    boss: Client, settings: Settings, length: str, refused: bool
) -> None:
    settings.CHAT = settings.CHAT | {"FRAME_LIMIT": 2048}
    answer = boss.post(f"{LIST}add/", FORM | {"slug": "a", "max_length": length})
    assert Room.objects.exists() is not refused
    if refused:
        rule = "At most 256 characters: a longer message might not fit into a frame (FRAME_LIMIT)."
        assert answer.context["errors"] == [[rule]]


def test_room_whose_length_may_not_fit_can_be_changed_otherwise(
    boss: Client, settings: Settings
) -> None:
    settings.CHAT = settings.CHAT | {"FRAME_LIMIT": 2048}
    room = Room.objects.create(slug="a", title="A", max_length=5000)
    answer = boss.post(page(room), FORM | {"title": "B", "max_length": "5000"})
    assert answer.status_code == 302, answer.context["errors"]
    room.refresh_from_db()
    assert (room.title, room.max_length) == ("B", 5000)


@pytest.mark.parametrize(("days", "refused"), [("0", True), ("36500", False), ("36501", True)])
def test_retention_is_a_hundred_years_at_most(boss: Client, days: str, refused: bool) -> None:
    answer = boss.post(f"{LIST}add/", FORM | {"slug": "a", "retention_days": days})
    assert (answer.status_code, Room.objects.exists()) == (200 if refused else 302, not refused)


def test_name_stays_when_a_room_is_changed(boss: Client) -> None:
    room = Room.objects.create(slug="kitchen")
    assert 'name="slug"' not in boss.get(page(room)).content.decode()
    boss.post(page(room), FORM | {"slug": "cellar", "title": "The Cellar"})
    room.refresh_from_db()
    assert (room.slug, room.title) == ("kitchen", "The Cellar")


def test_saving_leaves_the_log_alone_that_goes_on_meanwhile(
    boss: Client, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    (message,) = fill("kitchen", "before")
    save = rooms.RoomAdmin.save_model

    def save_later(*args: object, **kwargs: object) -> None:
        fill("kitchen", "meanwhile")
        save(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(rooms.RoomAdmin, "save_model", save_later)
    boss.post(page(message.room), FORM | {"title": "The Kitchen"})
    room = Room.objects.get()
    assert (room.title, room.head) == ("The Kitchen", 2)


def test_room_that_somebody_saves_stays_when_everybody_leaves(boss: Client) -> None:
    room = Room.objects.create(slug="kitchen", transient=True)
    boss.post(page(room), FORM)
    room.refresh_from_db()
    assert not room.transient


def test_room_links_to_its_messages_and_to_its_own_page(boss: Client, admit: Admit) -> None:
    room = Room.objects.create(slug="küche")
    content = boss.get(page(room)).content.decode()
    assert f'href="/admin/chat/message/?room={room.pk}"' in content
    assert 'href="/rooms/k%C3%BCche/"' in content
    content = admit("change_room").get(page(room)).content.decode()
    assert "/admin/chat/message/" not in content


def test_room_has_no_link_where_the_site_has_no_pages(boss: Client, settings: Settings) -> None:
    room = Room.objects.create(slug="kitchen")
    settings.ROOT_URLCONF = "tests.admin.urls"
    answer = boss.get(page(room))
    assert answer.status_code == 200
    assert not answer.context["has_absolute_url"]


def test_staff_without_permission_may_not_change_rooms(admit: Admit) -> None:
    room = Room.objects.create(slug="kitchen")
    viewer = admit("view_room")
    assert viewer.get(page(room)).status_code == 200
    assert viewer.post(page(room), FORM | {"title": "Mine"}).status_code == 403
    assert viewer.get(f"{LIST}add/").status_code == 403
    assert admit("view_message", name="other").get(LIST).status_code == 403


# What those who are connected notice


async def change(room: str, **fields: str) -> None:
    """Change a room in the admin."""

    def post() -> int:
        found = Room.objects.get(slug=room)
        client = admit_staff("boss", superuser=True)
        return client.post(page(found), FORM | fields).status_code

    assert await off_loop(post) == 302


@pytest.mark.usefixtures("told_only")
async def test_archiving_reaches_those_who_are_in_the_room(connect: Connect) -> None:
    client = await connect()
    await client.join("kitchen")
    await client.post("still open", "kitchen")
    await change("kitchen", archived="on")
    while (answer := await client.post("and now?", "kitchen"))["type"] == "ack":
        pass  # it takes a moment
    assert (answer["code"], "archived" in answer["detail"]) == ("forbidden", True)


@pytest.mark.usefixtures("told_only")
async def test_guests_who_may_no_longer_read_leave_at_once(connect: Connect) -> None:
    client = await connect()
    await client.join("kitchen")
    await change("kitchen", guests="none")
    await client.event("left", room="kitchen")


@pytest.mark.usefixtures("told_only")
async def test_room_that_is_deleted_is_left_at_once(connect: Connect, settings: Settings) -> None:
    settings.CHAT = settings.CHAT | {"ROOM_CREATION": "staff"}
    (message,) = await off_loop(fill_room, "kitchen", "hello")
    client = await connect()
    await client.join("kitchen")

    def delete() -> None:
        boss = admit_staff("boss", superuser=True)
        boss.post(f"{LIST}{message.room.pk}/delete/", {"post": "yes"})

    await off_loop(delete)
    await client.event("left", room="kitchen")


def test_admin_passes_the_checks_of_django() -> None:
    call_command("check", fail_level="WARNING", tags=["admin"])
