from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries

from chat import store
from chat.admin import ConnectionAdmin, measures
from chat.models import Act, Ban, Connection
from tests.admin.conftest import Admit, admit_staff, shown
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
