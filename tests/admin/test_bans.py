from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from chat.models import Act, Ban, Membership, Room
from tests.admin.conftest import Admit, shown

LIST = "/admin/chat/ban/"
ADD = f"{LIST}add/"

GUEST = 1073741831


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann")


def add(client: Client, **fields: Any) -> HttpResponse:
    """Send the form of a new ban."""
    form = {"kind": "ban", "user": "", "guest": "", "network": "", "room": "", "reason": ""}
    return client.post(ADD, {**form, "until_0": "", "until_1": "", **fields})  # type: ignore[return-value]


def page(ban: Ban) -> str:
    return f"{LIST}{ban.pk}/change/"


def acts() -> list[tuple[str, ...]]:
    """What the record has."""
    fields = ("kind", "via", "actor_name", "target_name", "room", "reason")
    return list(Act.objects.order_by("pk").values_list(*fields))


# The list


def test_list_tells_who_where_until_when_why_and_by_whom(admit: Admit, ann: User) -> None:
    client = admit("ban", name="bob")
    add(client, user=ann.pk, reason="rude")
    add(client, guest=GUEST, kind="mute", room=Room.objects.create(slug="lobby").pk)
    Ban.objects.create(network="203.0.113.0/24")
    text = shown(client.get(LIST))
    for part in (
        f"ann (u:{ann.pk})",
        "rude",
        "bob",
        f"Guest {GUEST} (g:{GUEST})",
        "lobby",
        "203.0.113.0/24",
        "whole site",
        "for good",
    ):
        assert part in text


@pytest.mark.parametrize("count", [2, 40])
def test_list_takes_as_many_queries_for_many_as_for_few(
    boss: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    by, room = User.objects.get(), Room.objects.create(slug="lobby")
    for number in range(count):
        Ban.objects.create(sender_key=f"u:{number}", room=room, created_by=by)
    boss.get(LIST)
    with django_assert_num_queries(4):  # the session, the user, the count, the bans
        assert f"{count} bans" in shown(boss.get(LIST))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=ann", ["u:7"]),
        ("q=u:7", ["u:7"]),
        ("q=203.0", ["203.0.113.0/24"]),
        ("q=lobby", ["g:8"]),
        ("q=loud", ["g:8"]),
        ("kind__exact=mute", ["g:8"]),
        ("force=no", ["u:7"]),
        ("force=yes", ["203.0.113.0/24", "g:8"]),
        ("where=room", ["g:8"]),
        ("where=site", ["203.0.113.0/24", "u:7"]),
        ("who=u:", ["u:7"]),
        ("who=g:", ["g:8"]),
        ("who=addresses", ["203.0.113.0/24"]),
        ("who=x&where=x&force=x", ["203.0.113.0/24", "g:8", "u:7"]),
    ],
)
def test_bans_are_found(boss: Client, query: str, found: list[str]) -> None:
    past = timezone.now() - timedelta(days=1)
    Ban.objects.create(sender_key="u:7", sender_name="ann", until=past)
    lobby = Room.objects.create(slug="lobby")
    Ban.objects.create(kind="mute", sender_key="g:8", room=lobby, reason="too loud")
    Ban.objects.create(network="203.0.113.0/24")
    rows = boss.get(f"{LIST}?{query}").context["cl"].result_list
    assert [row.sender_key or row.network for row in rows] == found


# Making one


@pytest.mark.parametrize(
    ("given", "key", "network"),
    [
        ("user", "u:", ""),
        ("guest", f"g:{GUEST}", ""),
        ("network", "", "203.0.113.0/24"),
    ],
)
def test_ban_is_made_and_recorded(
    admit: Admit, ann: User, given: str, key: str, network: str
) -> None:
    client = admit("ban", name="bob")
    value = {"user": ann.pk, "guest": GUEST, "network": " 203.0.113.9/24 "}[given]
    day = timezone.localtime() + timedelta(days=1)
    until = {"until_0": f"{day:%Y-%m-%d}", "until_1": "12:00:00"}
    assert add(client, **{given: value}, **until, reason="rude").status_code == 302
    ban = Ban.objects.get()
    assert ban.sender_key.startswith(key)
    assert (ban.network, ban.kind, ban.room, ban.reason) == (network, "ban", None, "rude")
    assert ban.until is not None
    assert ban.created_by == User.objects.get(username="bob")
    name = {"user": "ann", "guest": f"Guest {GUEST}", "network": network}[given]
    assert acts() == [("ban", "admin", "bob", name, "", "rude")]


def test_ban_of_a_room_is_of_that_room(boss: Client, ann: User) -> None:
    lobby = Room.objects.create(slug="lobby")
    add(boss, user=ann.pk, kind="mute", room=lobby.pk)
    assert [(ban.kind, ban.room) for ban in Ban.objects.all()] == [("mute", lobby)]
    assert acts() == [("mute", "admin", "boss", "ann", "lobby", "")]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "Choose a user, a guest or a range of addresses."),
        ({"guest": GUEST, "network": "203.0.113.1"}, "Choose a user, a guest or a range"),
        ({"network": "203.0.113"}, "or a range such as 203.0.113.0/24"),
        ({"network": "0.0.0.0/0"}, "or a range such as 203.0.113.0/24"),
        ({"guest": 7}, "Enter a guest's number, as in “Guest 1073741831”."),
        ({"guest": 2**31}, "Enter a guest's number"),
        ({"guest": "Guest 7"}, "Enter a guest's number"),
        ({"user": 999}, "not one of the available choices"),
        ({"guest": GUEST, "until_0": "2001-01-01", "until_1": "00:00"}, "has passed already"),
        ({"guest": GUEST, "until_0": "9999-12-31", "until_1": "23:59"}, "before the year 9000"),
        ({"guest": GUEST, "room": 999}, "not one of the available choices"),
    ],
)
def test_what_makes_no_sense_is_refused_and_said(
    boss: Client, fields: dict[str, Any], says: str
) -> None:
    answer = add(boss, **fields)
    assert answer.status_code == 200
    assert says in shown(answer)
    assert not Ban.objects.exists()
    assert not Act.objects.exists()


def test_form_can_be_filled_in_by_a_link(boss: Client) -> None:
    text = boss.get(f"{ADD}?guest={GUEST}&kind=mute").content.decode()
    assert f'value="{GUEST}"' in text
    assert '<option value="mute" selected>' in text


def test_users_are_found_by_name_where_one_may_see_them(admit: Admit) -> None:
    assert "data-field-name" not in admit("ban").get(ADD).content.decode()
    client = admit("ban", "view_user", "view_room", name="other")
    page = client.get(ADD).content.decode()
    for name in ("user", "room"):
        assert f'data-field-name="{name}"' in page


# Changing and lifting one


def test_end_and_reason_can_be_changed_and_the_change_is_recorded(boss: Client, ann: User) -> None:
    add(boss, user=ann.pk, reason="rude")
    before = Ban.objects.get()
    form = {
        "until_0": "",
        "until_1": "",
        "reason": "very rude",
        "kind": "mute",
        "network": "1.1.1.1",
    }
    answer = boss.post(page(before), {**form, "_continue": "1"}, follow=True)
    ban = Ban.objects.get()
    assert answer.status_code == 200
    assert (ban.reason, ban.kind, ban.sender_key) == ("very rude", "ban", before.sender_key)
    assert (ban.sender_name, ban.network) == ("ann", "")
    assert [act[5] for act in acts()] == ["rude", "very rude"]


def test_to_delete_one_is_to_lift_it(boss: Client, ann: User) -> None:
    add(boss, user=ann.pk)
    answer = boss.post(f"{LIST}{Ban.objects.get().pk}/delete/", {"post": "yes"})
    assert answer.status_code == 302
    assert not Ban.objects.exists()
    assert [act[0] for act in acts()] == ["ban", "unban"]


def test_record_has_the_reason_for_which_one_is_lifted(boss: Client, ann: User) -> None:
    for kind in ("ban", "mute"):
        add(boss, user=ann.pk, kind=kind, reason="rude")
    mute, ban = Ban.objects.all()
    question = boss.get(f"{LIST}{ban.pk}/delete/").content.decode()
    assert 'name="reason"' in question
    boss.post(f"{LIST}{ban.pk}/delete/", {"post": "yes", "reason": "has said sorry"})
    form = {"action": "delete_selected", "_selected_action": [mute.pk]}
    question = boss.post(LIST, form).content.decode()
    assert 'name="reason"' in question
    assert f'name="_selected_action" value="{mute.pk}"' in question
    boss.post(LIST, form | {"post": "yes", "reason": "has said it twice"})
    assert [act[5] for act in acts()][2:] == ["has said sorry", "has said it twice"]


def test_many_are_lifted_at_once(boss: Client) -> None:
    for number in range(3):
        add(boss, guest=GUEST + number, kind="mute")
    chosen = list(Ban.objects.values_list("pk", flat=True))[:2]
    form = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    boss.post(LIST, form)
    assert Ban.objects.count() == 1
    assert [act[0] for act in acts()][3:] == ["unmute", "unmute"]


# Who may


def test_without_the_permission_there_is_nothing_and_a_forged_request_does_nothing(
    admit: Admit, ann: User
) -> None:
    ban = Ban.objects.create(sender_key="u:99")
    client = admit("view_ban", "add_ban", "change_ban", "delete_ban", "view_message")
    assert "/admin/chat/ban/" not in client.get("/admin/").content.decode()
    assert add(client, user=ann.pk).status_code == 403
    assert client.get(LIST).status_code == 403
    delete = {"action": "delete_selected", "_selected_action": [ban.pk], "post": "yes"}
    assert client.post(LIST, delete).status_code == 403
    assert client.post(f"{LIST}{ban.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(page(ban), {"reason": "x"}).status_code == 403
    assert [row.pk for row in Ban.objects.all()] == [ban.pk]
    assert not Act.objects.exists()


def test_private_rooms_of_others_are_neither_shown_nor_chosen(admit: Admit) -> None:
    board = Room.objects.create(slug="board", kind="private")
    ban = Ban.objects.create(sender_key="u:99", room=board)
    client = admit("ban")
    assert "board" not in shown(client.get(LIST))
    assert client.get(page(ban)).status_code == 302  # as for one that is not there
    assert "not one of the available choices" in shown(add(client, guest=GUEST, room=board.pk))
    assert "board" not in shown(client.get(f"{LIST}?room__id__exact={board.pk}"))
    Membership.objects.create(room=board, user=User.objects.get(username="staff"))
    assert "board" in shown(client.get(LIST))
    assert add(client, guest=GUEST, room=board.pk).status_code == 302


@pytest.mark.parametrize("permissions", [("ban",), ("ban", "view_room")])
def test_form_does_not_name_a_room_that_is_hidden(
    admit: Admit, permissions: tuple[str, ...]
) -> None:
    board = Room.objects.create(slug="board", title="The board", kind="private")
    main = Room.objects.create(slug="main", title="The hall")
    client = admit(*permissions)
    for room, named in ((board, False), (main, True)):
        asked = client.get(f"{LIST}add/?room={room.pk}")
        refused = add(client, room=room.pk)
        assert [room.title in shown(answer) for answer in (asked, refused)] == [named, named]


def test_staff_who_is_banned_from_the_chat_still_has_the_admin(admit: Admit) -> None:
    client = admit("ban")
    add(client, user=User.objects.get().pk)
    assert client.get(LIST).status_code == 200
    assert client.get("/").status_code == 403


def test_ban_that_was_saved_may_be_gone_on_with(boss: Client, ann: User) -> None:
    add(boss, user=ann.pk, reason="rude")
    before = Ban.objects.get()
    form = {"kind": "ban", "until_0": "", "until_1": "", "reason": "ruder", "_continue": "1"}
    answer = boss.post(page(before), form, follow=True)
    after = Ban.objects.get()
    assert (after.reason, after.pk != before.pk) == ("ruder", True)
    assert answer.redirect_chain == [(page(after), 302)]
    assert "ruder" in answer.content.decode()


def test_ban_that_is_saved_as_it_was_is_not_imposed_anew(
    boss: Client, admit: Admit, ann: User
) -> None:
    add(boss, user=ann.pk, reason="rude")
    before = Ban.objects.get()
    other = admit("ban", name="bob")
    form = {"until_0": "", "until_1": "", "reason": "rude"}
    assert other.post(page(before), form).status_code == 302
    after = Ban.objects.get()
    assert (after.pk, after.created_by, after.created_at) == (
        before.pk,
        before.created_by,
        before.created_at,
    )
    assert len(acts()) == 1
