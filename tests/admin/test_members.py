import html
from collections.abc import Callable, Iterator, Sequence

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from chat import api
from chat.admin import rooms
from chat.models import Membership, Room
from tests.admin.conftest import Admit, shown
from tests.admin.test_rooms import FORM

LIST = "/admin/chat/membership/"

MAY = ("change_room", "view_membership", "add_membership", "change_membership", "delete_membership")


@pytest.fixture
def board(db: None) -> Room:
    """A private room."""
    return Room.objects.create(slug="board", kind="private")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The rooms that every process was told to look at."""
    slugs: list[str] = []
    monkeypatch.setattr(api, "room_changed", lambda room: slugs.append(room.slug))
    return slugs


def join(room: Room, *names: str, role: str = "member") -> list[Membership]:
    users = [User.objects.create_user(name) for name in names]
    return [Membership.objects.create(room=room, user=user, role=role) for user in users]


def page(room: Room) -> str:
    return f"/admin/chat/room/{room.pk}/change/"


def roles() -> dict[str, str]:
    return dict(Membership.objects.values_list("user__username", "role"))


def save(
    client: Client,
    room: Room,
    *,
    members: Sequence[tuple[Membership, str, bool]] = (),
    new: Sequence[tuple[User | None, str]] = (),
) -> HttpResponse:
    """Send the page of a room, with members as (who, role, out) and new ones as (who, role)."""
    form = FORM | {"kind": "private"}
    form["memberships-TOTAL_FORMS"] = form["memberships-INITIAL_FORMS"] = str(len(members))
    form["memberships-2-TOTAL_FORMS"] = str(len(new))
    for number, (member, role, out) in enumerate(members):
        form[f"memberships-{number}-id"] = str(member.pk)
        form[f"memberships-{number}-role"] = role
        if out:
            form[f"memberships-{number}-DELETE"] = "on"
    for number, (user, role) in enumerate(new):
        form[f"memberships-2-{number}-user"] = str(user.pk) if user else ""
        form[f"memberships-2-{number}-role"] = role
    return client.post(page(room), form)  # type: ignore[return-value]


# On the page of a room


@pytest.mark.parametrize("count", [3, 100])
def test_page_takes_as_many_queries_for_many_members_as_for_few(
    boss: Client, board: Room, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    join(board, *[f"user{number}" for number in range(count)])
    boss.get(page(board))
    # The session, the user, the room, its members, and who is there.
    with django_assert_num_queries(5):
        answer = boss.get(page(board))
    assert f"Members: {count} " in shown(answer)


def test_members_are_added_changed_and_put_out(boss: Client, board: Room, told: list[str]) -> None:
    anna, bert = join(board, "anna", "bert")
    carla = User.objects.create_user("carla")
    answer = save(
        boss,
        board,
        members=[(anna, "owner", False), (bert, "member", True)],
        new=[(carla, "moderator")],
    )
    assert answer.status_code == 302
    assert roles() == {"anna": "owner", "carla": "moderator"}
    assert told == ["board"]


def test_member_stays_who_it_is(boss: Client, board: Room) -> None:
    (anna,) = join(board, "anna")
    bert = User.objects.create_user("bert")
    assert 'name="memberships-0-user"' not in boss.get(page(board)).content.decode()
    form = FORM | {"memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "1"}
    form |= {"memberships-0-id": str(anna.pk), "memberships-0-role": "owner"}
    boss.post(page(board), form | {"memberships-0-user": str(bert.pk)})
    assert roles() == {"anna": "owner"}


@pytest.mark.parametrize("again", ["a member", "twice at once"])
def test_nobody_is_a_member_twice(boss: Client, board: Room, again: str) -> None:
    (anna,) = join(board, "anna")
    if again == "twice at once":
        anna.delete()
        answer = save(boss, board, new=[(anna.user, "member"), (anna.user, "owner")])
    else:
        answer = save(boss, board, members=[(anna, "member", False)], new=[(anna.user, "owner")])
    assert answer.status_code == 200
    assert ("is a member already" in shown(answer)) == (again == "a member")
    assert Membership.objects.count() == (again == "a member")


def test_new_member_has_to_be_somebody(boss: Client, board: Room) -> None:
    assert save(boss, board, new=[(None, "owner")]).status_code == 200
    assert not Membership.objects.exists()


def test_members_are_shown_elsewhere_where_there_are_too_many(
    boss: Client, board: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "MEMBERS_ON_PAGE", 2)
    join(board, "anna", "bert", "carla")
    content = boss.get(page(board)).content.decode()
    assert f'<a href="{LIST}?q=board">3</a>' in content
    assert "memberships-" not in content
    form = {name: value for name, value in FORM.items() if not name.startswith("memberships")}
    assert boss.post(page(board), form | {"title": "The Board"}).status_code == 302
    assert len(roles()) == 3


def test_one_more_is_offered_as_a_member(boss: Client, board: Room) -> None:
    assert "Add another Member" in html.unescape(boss.get(page(board)).content.decode())


def test_members_are_shown_by_permission(admit: Admit, board: Room) -> None:
    join(board, "anna")
    assert "anna" not in shown(admit("change_room").get(page(board)))
    viewer = admit("change_room", "view_membership", name="viewer")
    assert "anna" in shown(viewer.get(page(board)))
    assert "New members" not in shown(viewer.get(page(board)))


def test_history_of_a_room_does_not_say_who_its_members_are(
    admit: Admit, boss: Client, board: Room
) -> None:
    anna, bert = join(board, "anna", "bert")
    carla = User.objects.create_user("carla")
    members = [(anna, "owner", False), (bert, "member", True)]
    assert save(boss, board, members=members, new=[(carla, "member")]).status_code == 302
    assert roles() == {"anna": "owner", "carla": "member"}
    history = shown(admit("change_room").get(f"/admin/chat/room/{board.pk}/history/"))
    assert "members" in history
    assert not any(name in history for name in ("anna", "bert", "carla"))


@pytest.mark.parametrize(
    ("permissions", "found"),
    [(MAY, "vForeignKeyRawIdAdminField"), ((*MAY, "view_user"), "admin-autocomplete")],
)
def test_users_are_looked_up_by_those_who_may_see_them(
    admit: Admit, board: Room, permissions: tuple[str, ...], found: str
) -> None:
    staff = admit(*permissions)
    for address in (page(board), f"{LIST}add/"):
        # The room, where it is chosen too, is always looked up by name.
        fields = staff.get(address).content.decode().split("field-user")[1:]
        assert any(found in field.split("field-role")[0] for field in fields)


def test_users_are_chosen_by_number_where_the_site_has_no_page_for_them(
    admit: Admit, board: Room, without_users: None
) -> None:
    staff = admit(*MAY, "view_user")
    for address in (page(board), f"{LIST}add/"):
        fields = staff.get(address).content.decode().split("field-user")[1:]
        assert not any("admin-autocomplete" in field.split("field-role")[0] for field in fields)


@pytest.fixture
def without_users() -> Iterator[None]:
    """An admin in which users are not registered."""
    registered = site._registry.pop(User)
    yield
    site._registry[User] = registered


# On pages of their own


@pytest.mark.parametrize("count", [3, 100])
def test_list_takes_as_many_queries_for_many_as_for_few(
    boss: Client, board: Room, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    join(board, *[f"user{number}" for number in range(count)])
    with django_assert_num_queries(4):
        boss.get(LIST)


@pytest.mark.parametrize(("query", "found"), [("board", 2), ("boa", 0), ("ann", 1)])
def test_memberships_are_found_by_user_and_whole_name_of_a_room(
    boss: Client, board: Room, query: str, found: int
) -> None:
    join(board, "anna", "bert")
    assert boss.get(f"{LIST}?q={query}").context["cl"].result_count == found


Act = Callable[[Client, Membership], object]


@pytest.mark.parametrize(
    "act",
    [
        lambda boss, member: boss.post(f"{LIST}{member.pk}/delete/", {"post": "yes"}),
        lambda boss, member: boss.post(
            LIST, {"action": "delete_selected", "_selected_action": [member.pk], "post": "yes"}
        ),
        lambda boss, member: boss.post(
            f"{LIST}{member.pk}/change/",
            {"room": member.room.pk, "user": member.user.pk, "role": "owner"},
        ),
    ],
    ids=["delete", "delete selected", "change"],
)
def test_every_change_is_told(boss: Client, board: Room, told: list[str], act: Act) -> None:
    (member,) = join(board, "anna")
    act(boss, member)
    assert roles() != {"anna": "member"}
    assert told == ["board"]


def test_membership_stays_that_of_its_user_and_room(boss: Client, board: Room) -> None:
    (ann,) = join(board, "ann")
    bert, main = User.objects.create_user("bert"), Room.objects.create(slug="main")
    address = f"{LIST}{ann.pk}/change/"
    content = boss.get(address).content.decode()
    assert 'name="user"' not in content
    assert 'name="room"' not in content
    boss.post(address, {"room": main.pk, "user": bert.pk, "role": "owner"})
    found = Membership.objects.values_list("room__slug", "user__username", "role")
    assert list(found) == [("board", "ann", "owner")]


# Rooms that are none of one's business


def test_nobody_makes_themselves_a_member_of_a_room_that_is_hidden_from_them(
    admit: Admit, board: Room
) -> None:
    Room.objects.filter(pk=board.pk).update(title="The board")
    main = Room.objects.create(slug="main")
    may = ("view_room", "view_membership", "add_membership", "change_membership")
    staff = admit(*may)
    me = User.objects.get(username="staff")
    mine = Membership.objects.create(room=main, user=me)
    forged = {"room": board.pk, "user": me.pk, "role": "owner"}
    answer = shown(staff.post(f"{LIST}add/", forged))
    assert "not one of the available choices" in answer
    assert "The board" not in answer
    assert "The board" not in staff.get(f"{LIST}add/?room={board.pk}").content.decode()
    staff.post(f"{LIST}{mine.pk}/change/", forged)
    assert list(Membership.objects.values_list("room", "role")) == [(main.pk, "owner")]


def test_members_of_a_room_that_is_hidden_are_neither_shown_nor_deleted(
    admit: Admit, board: Room
) -> None:
    (ann,) = join(board, "ann")
    staff = admit("view_membership", "delete_membership", "view_room")
    assert staff.get(f"{LIST}?room__id__exact={board.pk}").context["cl"].result_count == 0
    assert "ann" not in shown(staff.get(f"{LIST}?q=board"))
    for page in ("change", "history", "delete"):
        assert staff.get(f"{LIST}{ann.pk}/{page}/").status_code == 302  # as one that is not there
    staff.post(f"{LIST}{ann.pk}/delete/", {"post": "yes"})
    delete = {"action": "delete_selected", "_selected_action": [ann.pk], "post": "yes"}
    staff.post(LIST, delete)
    assert roles() == {"ann": "member"}


def test_page_that_deletes_a_user_does_not_name_private_rooms(admit: Admit, board: Room) -> None:
    Room.objects.filter(pk=board.pk).update(title="Project Merger")
    (ann,) = join(board, "ann")
    staff = admit("view_user", "delete_user", "view_membership", "delete_membership")
    text = shown(staff.get(f"/admin/auth/user/{ann.user.pk}/delete/"))
    assert "Membership: ann" in text
    assert "Merger" not in text


def test_page_that_deletes_members_says_of_which_room(boss: Client, board: Room) -> None:
    Room.objects.filter(pk=board.pk).update(title="The board")
    (ann,) = join(board, "ann")
    assert "ann in The board" in shown(boss.get(f"{LIST}{ann.pk}/delete/"))
    form = {"action": "delete_selected", "_selected_action": [ann.pk]}
    assert "ann in The board" in shown(boss.post(LIST, form))
