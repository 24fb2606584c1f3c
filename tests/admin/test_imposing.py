"""Bans and mutes of who is behind sessions: of whom, where, for how long, and of oneself."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from chat.models import Act, Ban, Membership, Room
from tests.admin.conftest import Admit, Fill, shown
from tests.admin.test_connections import LIST, arrive, page
from tests.admin.test_measures import BAN, MAY, bans, choose, closing, confirm


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
