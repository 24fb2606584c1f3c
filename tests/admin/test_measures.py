from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from chat import store
from chat.admin import ConnectionAdmin, measures
from chat.models import Act, Ban, Connection, Membership, Room
from tests.admin.conftest import Admit, Fill, admit_staff, shown
from tests.admin.test_connections import LIST, arrive, page
from tests.hub.clients import Closed, Connect, off_loop

MAY = ("view_connection", "disconnect", "ban")

BAN = {"kind": "ban", "whom": "sender", "room": "", "period": "day", "reason": "spam"}


def choose(client: Client, action: str, *chosen: Connection, **fields: str) -> Any:
    """Do what the list's action does; with ``confirmed`` what the page that asks does."""
    form = {"action": f"{action}_selected", "_selected_action": [row.pk for row in chosen]}
    return client.post(LIST, form | fields, follow=True)


def confirm(client: Client, action: str, *chosen: Connection, **fields: str) -> Any:
    """Answer what was asked."""
    return choose(client, action, *chosen, confirmed="yes", **fields)


def closing() -> dict[str, int | None]:
    """Return with what codes sessions are asked to be closed."""
    return dict(Connection.objects.values_list("session", "close_with"))


def bans() -> list[tuple[str, str, str, str | None]]:
    """Return all bans: kind, key, network, room."""
    found = Ban.objects.order_by("pk")
    return list(found.values_list("kind", "sender_key", "network", "room__slug"))


# Disconnecting


def test_action_asks_and_then_disconnects(admit: Admit) -> None:
    first, second, third = (arrive(f"s{number}") for number in range(3))
    staff = admit(*MAY)
    question = choose(staff, "disconnect", first, second)
    assert "These sessions end at once" in shown(question)
    assert question.context["chosen"] == [second.pk, first.pk]
    assert set(closing().values()) == {None}
    answer = confirm(staff, "disconnect", first, second, reason="maintenance")
    assert "2 sessions were disconnected." in shown(answer)
    assert closing() == {"s0": 4503, "s1": 4503, "s2": None}
    acts = Act.objects.order_by("target_name").values_list(
        "kind", "via", "actor_name", "target_name", "reason"
    )
    assert list(acts) == [
        ("disconnect", "admin", "staff", name, "maintenance") for name in ("S0", "S1")
    ]
    assert third.close_with is None


def test_button_asks_and_then_disconnects(admit: Admit) -> None:
    row = arrive("s1")
    staff = admit(*MAY)
    button = f"{LIST}{row.pk}/disconnect/"
    assert f'href="{button}"' in staff.get(page(row)).content.decode()
    question = staff.get(button)
    assert f'href="{page(row)}"' in question.content.decode()
    assert staff.post(button).status_code == 200, "not answered yet"
    assert closing() == {"s1": None}
    answer = staff.post(button, {"confirmed": "yes"}, follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    assert "1 session was disconnected." in shown(answer)
    assert closing() == {"s1": 4503}


def test_history_of_the_admin_has_an_entry_for_each_session(admit: Admit) -> None:
    rows = [arrive("s1"), arrive("s2")]
    confirm(admit(*MAY), "disconnect", *rows)
    entries = LogEntry.objects.order_by("object_id")
    assert [entry.object_id for entry in entries] == [str(row.pk) for row in rows]
    assert {entry.user for entry in entries} == {User.objects.get(username="staff")}


# Banning and muting


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [("ban", "u:77", "", None), ("ban", "g:1", "", None)]),
        ({"kind": "mute"}, [("mute", "u:77", "", None), ("mute", "g:1", "", None)]),
        ({"room": "main"}, [("ban", "u:77", "", "main"), ("ban", "g:1", "", "main")]),
        (
            {"whom": "address"},
            [("ban", "", "2001:db8::7/128", None), ("ban", "", "203.0.113.9/32", None)],
        ),
        (
            {"whom": "range", "kind": "mute", "room": "main"},
            [("mute", "", "2001:db8::/64", "main"), ("mute", "", "203.0.113.0/24", "main")],
        ),
    ],
)
def test_who_is_behind_sessions_is_banned_or_muted(
    admit: Admit, fill: Fill, fields: dict[str, str], expected: list[Any]
) -> None:
    fill("main")
    User.objects.create_user("ann", pk=77)
    rows = [
        arrive("s1", "main", key="g:1", address="203.0.113.9"),
        arrive("s2", "main", key="g:1", address="::ffff:203.0.113.9"),
        arrive("s3", key="u:77", sender_name="ann", address="2001:db8::7"),
    ]
    confirm(admit(*MAY), "ban", *rows, **BAN | fields)
    assert sorted(bans()) == sorted(expected)
    assert set(Ban.objects.values_list("reason", flat=True)) == {"spam"}
    assert {act.kind for act in Act.objects.all()} == {expected[0][0]}
    assert Act.objects.count() == 2


@pytest.mark.parametrize(
    ("period", "length"),
    [
        ("hour", timedelta(hours=1)),
        ("day", timedelta(days=1)),
        ("week", timedelta(weeks=1)),
        ("good", None),
    ],
)
def test_ban_lasts_as_long_as_was_chosen(
    admit: Admit, period: str, length: timedelta | None
) -> None:
    before = timezone.now()
    confirm(admit(*MAY), "ban", arrive("s1"), **BAN | {"period": period})
    until = Ban.objects.get().until
    if length is None:
        assert until is None
    else:
        assert until is not None
        assert before + length <= until <= timezone.now() + length


def test_ban_lasts_until_the_moment_that_was_chosen(admit: Admit) -> None:
    moment = timezone.localtime() + timedelta(days=3)
    at = {"period": "at", "at_0": f"{moment:%Y-%m-%d}", "at_1": f"{moment:%H:%M}:07"}
    confirm(admit(*MAY), "ban", arrive("s1"), **BAN | at)
    assert Ban.objects.get().until == moment.replace(second=7, microsecond=0)


@pytest.mark.parametrize(
    ("day", "says"),
    [
        ("", "Say until when."),
        ("2001-01-01", "This has passed already."),
        ("9999-12-31", "Enter an end before the year 9000."),
        ("x", "Enter a valid date."),
    ],
)
def test_moment_that_cannot_be_an_end_is_refused(admit: Admit, day: str, says: str) -> None:
    at = {"period": "at", "at_0": day, "at_1": "12:00:00" if day else ""}
    answer = confirm(admit(*MAY), "ban", arrive("s1"), **BAN | at)
    assert says in shown(answer)
    assert bans() == []


def test_button_asks_whom_where_and_how_long(admit: Admit, fill: Fill) -> None:
    fill("main")
    row = arrive("s1", "main", sender_name="Ann", address="203.0.113.9")
    staff = admit(*MAY)
    button = f"{LIST}{row.pk}/ban/"
    assert f'href="{button}"' in staff.get(page(row)).content.decode()
    text = shown(staff.get(button))
    for part in (
        "who it is: Ann",
        "all from the address: 203.0.113.9 ",
        "all from the range: 203.0.113.0/24",
        "on the whole site main",
        "for 1 hour for 1 day for 1 week for good until the time:",
    ):
        assert part in text
    assert bans() == []
    answer = staff.post(button, BAN | {"confirmed": "yes"}, follow=True)
    assert "Banned: Ann" in shown(answer)
    assert bans() == [("ban", "g:1073741825", "", None)]


@pytest.mark.parametrize(
    "fields",
    [{"kind": "x"}, {"whom": "x"}, {"room": "nowhere"}, {"period": "x"}, {"reason": "x" * 501}],
)
def test_answer_that_was_not_offered_is_refused(admit: Admit, fields: dict[str, str]) -> None:
    answer = confirm(admit(*MAY), "ban", arrive("s1"), **BAN | fields)
    assert "Please correct the error below." in shown(answer)
    assert bans() == []


def test_addresses_that_are_none_are_not_offered(admit: Admit) -> None:
    row = arrive("s1", address="")
    staff = admit(*MAY)
    assert "all from" not in shown(choose(staff, "ban", row))
    confirm(staff, "ban", row, **BAN | {"whom": "address"})
    assert bans() == []


def test_private_room_of_others_is_not_offered(admit: Admit, fill: Fill) -> None:
    fill("board", kind="private")
    row = arrive("s1", "board")
    staff = admit(*MAY)
    assert "board" not in shown(choose(staff, "ban", row))
    confirm(staff, "ban", row, **BAN | {"room": "board"})
    assert bans() == []
    room = Room.objects.get(slug="board")
    Membership.objects.create(room=room, user=User.objects.get(username="staff"))
    confirm(staff, "ban", row, **BAN | {"room": "board"})
    assert bans() == [("ban", "g:1073741825", "", "board")]


# Oneself


@pytest.mark.parametrize("action", ["disconnect", "ban"])
def test_own_session_takes_a_second_answer(admit: Admit, action: str) -> None:
    staff = admit(*MAY)
    own = arrive("s1", key=f"u:{User.objects.get(username='staff').pk}", sender_name="staff")
    other = arrive("s2")
    assert "You yourself are among them" not in shown(choose(staff, action, own, other))
    warning = confirm(staff, action, own, other, **BAN)
    assert "You yourself are among them. Is that what you want?" in shown(warning)
    assert 'type="checkbox" name="me_too"' in warning.content.decode()
    assert (bans(), set(closing().values())) == ([], {None})
    confirm(staff, action, own, other, me_too="on", **BAN)
    assert len(bans()) == (2 if action == "ban" else 0)
    assert set(closing().values()) == ({4503} if action == "disconnect" else {None})


@pytest.mark.parametrize(
    ("whom", "address", "warned"),
    [
        ("address", "127.0.0.1", True),
        ("address", "127.0.0.2", False),
        ("range", "127.0.0.2", True),
        ("range", "127.0.1.1", False),
        ("sender", "127.0.0.1", False),
    ],
)
def test_own_address_takes_a_second_answer(
    admit: Admit, whom: str, address: str, warned: bool
) -> None:
    staff = admit(*MAY)
    answer = confirm(staff, "ban", arrive("s1", address=address), **BAN | {"whom": whom})
    assert ("You yourself are among them" in shown(answer)) is warned
    assert (bans() == []) is warned


# Who may


@pytest.mark.parametrize(
    ("permissions", "offered"),
    [
        (("view_connection",), set()),
        (("view_connection", "disconnect"), {"disconnect"}),
        (("view_connection", "ban"), {"ban"}),
        (MAY, {"disconnect", "ban"}),
    ],
)
def test_acts_are_offered_and_open_to_those_alone_who_may(
    admit: Admit, permissions: tuple[str, ...], offered: set[str]
) -> None:
    row = arrive("s1")
    staff = admit(*permissions)
    lists, single = staff.get(LIST).content.decode(), staff.get(page(row)).content.decode()
    for action in ("disconnect", "ban"):
        may = action in offered
        assert (f'value="{action}_selected"' in lists) is may
        assert (f'href="{LIST}{row.pk}/{action}/"' in single) is may
        for answer in (
            staff.get(f"{LIST}{row.pk}/{action}/"),
            choose(staff, action, row),
        ):
            assert (answer.status_code == 200) is may
            assert may or answer.status_code == 403


@pytest.mark.parametrize("permissions", [(), ("view_connection",), ("disconnect", "ban")])
@pytest.mark.parametrize("action", ["disconnect", "ban"])
def test_forged_post_without_permission_is_refused(
    admit: Admit, permissions: tuple[str, ...], action: str
) -> None:
    row = arrive("s1")
    staff = admit(*permissions, "view_room")
    form = BAN | {"confirmed": "yes"}
    assert staff.post(f"{LIST}{row.pk}/{action}/", form).status_code == 403
    assert confirm(staff, action, row, **BAN).status_code == 403
    assert (bans(), closing(), Act.objects.count()) == ([], {"s1": None}, 0)
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("action", ["disconnect_selected", "ban_selected"])
def test_action_checks_for_itself(rf: RequestFactory, db: None, action: str) -> None:
    arrive("s1")
    request = rf.post(LIST, BAN | {"confirmed": "yes"})
    request.user = User.objects.create_user("staff", is_staff=True)
    act = getattr(ConnectionAdmin(Connection, site), action)
    with pytest.raises(PermissionDenied):
        act(request, Connection.objects.all())
    assert (bans(), closing()) == ([], {"s1": None})


def test_strangers_and_other_sites_are_refused(admit: Admit) -> None:
    row = arrive("s1")
    button, form = f"{LIST}{row.pk}/disconnect/", {"confirmed": "yes"}
    assert Client().post(button, form).url.startswith("/admin/login/")  # type: ignore[attr-defined]
    elsewhere = Client(enforce_csrf_checks=True)
    elsewhere.cookies = admit(*MAY).cookies
    assert elsewhere.post(button, form).status_code == 403
    assert closing() == {"s1": None}


# What there is to act on


@pytest.mark.parametrize("key", ["0", "x", "999"])
def test_session_that_is_gone_is_not_found(admit: Admit, key: str) -> None:
    assert admit(*MAY).post(f"{LIST}{key}/ban/", BAN).status_code == 404


def test_sessions_that_are_gone_meanwhile_are_no_error(admit: Admit) -> None:
    row = arrive("s1")
    staff = admit(*MAY)
    choose(staff, "disconnect", row)
    store.bury([row.node_id])
    assert "They are gone already." in shown(confirm(staff, "disconnect", row))


def test_too_many_at_once_are_refused(admit: Admit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "CHOSEN_AT_ONCE", 2)
    rows = [arrive(f"s{number}") for number in range(3)]
    answer = confirm(admit(*MAY), "disconnect", *rows, select_across="1")
    assert "Choose at most 2 sessions at a time." in shown(answer)
    assert set(closing().values()) == {None}


@pytest.mark.parametrize("count", [2, 100])
def test_question_takes_as_many_queries_for_many_as_for_few(
    admit: Admit, count: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    rows = [arrive(f"s{number}", f"r{number}", key=f"g:{number}") for number in range(count)]
    staff = admit(*MAY)
    with django_assert_max_num_queries(13):
        choose(staff, "ban", *rows)


def test_question_has_neither_script_nor_style_of_its_own(admit: Admit) -> None:
    row = arrive("s1")
    content = admit(*MAY).get(f"{LIST}{row.pk}/ban/").content.decode()
    assert "<script>" not in content
    assert "onclick" not in content
    assert "style=" not in content.partition('id="main"')[2].partition("<footer")[0]


# What those who are connected notice


async def test_disconnected_session_is_closed_and_no_other(connect: Connect) -> None:
    client, other = await connect(), await connect()
    await client.join()
    await other.join()
    who = client.events[0]["session"]

    def disconnect() -> None:
        staff = admit_staff("staff", *MAY)
        confirm(staff, "disconnect", Connection.objects.get(session=who))

    while not await off_loop(Connection.objects.filter(session=who).exists):
        pass
    await off_loop(disconnect)
    assert await client.closed() == 4503
    await other.answered()


async def test_banned_guest_is_put_out_and_not_let_in_again(connect: Connect) -> None:
    client, other = await connect(address="192.0.2.1"), await connect(address="192.0.2.9")
    await client.join()
    await other.join()
    who = client.events[0]["session"]

    def ban() -> None:
        staff = admit_staff("staff", *MAY)
        row = Connection.objects.get(session=who)
        confirm(staff, "ban", row, **BAN | {"whom": "address"})

    while not await off_loop(Connection.objects.filter(session=who).exists):
        pass
    await off_loop(ban)
    assert await client.closed() == 4503
    await other.answered()
    with pytest.raises(Closed) as refused:
        await connect(address="192.0.2.1")
    assert refused.value.code == 4503
    await (await connect(address="192.0.2.2")).answered()
