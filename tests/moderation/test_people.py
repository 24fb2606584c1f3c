from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from chat import moderation
from chat.hub import signals
from chat.models import Act, Ban, Connection, Membership, Node, Room
from chat.moderation import Target, people

SITE = moderation.by_command

Told = list[signals.AnySignal]


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann")


@pytest.fixture
def main(db: None) -> Room:
    return Room.objects.create(slug="main")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What every hub was told."""
    signals: Told = []
    monkeypatch.setattr("chat.revocation.tell_all", signals.append)
    monkeypatch.setattr(people, "tell_all", signals.append)
    return signals


def acts() -> list[tuple[str, ...]]:
    """What the record has."""
    fields = ("kind", "via", "actor_key", "target_key", "target_name", "room", "reason")
    return list(Act.objects.order_by("pk").values_list(*fields))


# Whom


def test_target_is_a_user_a_connection_or_a_key(ann: User) -> None:
    key = f"u:{ann.pk}"
    assert people.target_of(ann) == Target(key=key, name="ann")
    assert people.target_of(key) == Target(key=key, name="ann")
    row = Connection(sender_key="g:1073741831", sender_name="bob")
    assert people.target_of(row) == Target(key="g:1073741831", name="bob")
    guest = people.target_of("g:1073741831")
    assert guest == Target(key="g:1073741831", name="Guest 1073741831")


@pytest.mark.parametrize(
    ("given", "network"),
    [
        ("203.0.113.7", "203.0.113.7/32"),
        (" 203.0.113.7/24 ", "203.0.113.0/24"),
        ("2001:DB8::1/32", "2001:db8::/32"),
        ("::1", "::1/128"),
        ("::ffff:203.0.113.7", "203.0.113.7/32"),
        ("::ffff:203.0.113.7/120", "203.0.113.0/24"),
    ],
)
def test_target_is_a_range_of_addresses_in_one_form(given: str, network: str) -> None:
    assert people.target_of(given) == Target(network=network)


@pytest.mark.parametrize(
    "given",
    [
        *("", "ann", "203.0.113", "203.0.113.0/33", "0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96"),
        *("u:", "u:x", "u:999", "u:\0", "g:7", "g:x", "s:System"),
    ],
)
def test_target_that_is_none_says_what_would_be(db: None, given: str) -> None:
    with pytest.raises(ValueError, match=r".{20}"):
        people.target_of(given)


def test_user_who_is_not_saved_is_no_target() -> None:
    with pytest.raises(ValueError, match="not saved"):
        people.target_of(User(username="ann"))


# What is done


@pytest.mark.parametrize(("act", "kind"), [(people.ban, "ban"), (people.mute, "mute")])
@pytest.mark.django_db(transaction=True)
def test_what_is_imposed_is_kept_recorded_and_told(
    act: Callable[..., Ban], kind: str, told: Told
) -> None:
    ann, main = User.objects.create_user("ann"), Room.objects.create(slug="main")
    boss = User.objects.create_user("boss")
    until = timezone.now() + timedelta(days=1)
    by = moderation.by_user(boss)
    found = act(people.target_of(ann), by=by, room=main, until=until, reason="rude")
    found.refresh_from_db()
    assert (found.kind, found.sender_key, found.sender_name) == (kind, f"u:{ann.pk}", "ann")
    assert (found.room, found.until, found.reason) == (main, until, "rude")
    assert found.created_by == boss
    key = f"u:{ann.pk}"
    assert acts() == [(kind, "admin", f"u:{boss.pk}", key, "ann", "main", "rude")]
    assert told == [signals.Barred()]
    moderation.lift(found, by=by, reason="enough")
    assert acts()[1:] == [(f"un{kind}", "admin", f"u:{boss.pk}", key, "ann", "main", "enough")]
    assert told == [signals.Barred()] * 2
    moderation.lift(found, by=by)
    assert len(acts()) == 2


def test_ban_again_replaces_the_one_there_is(ann: User, main: Room) -> None:
    target, by = people.target_of(ann), SITE()
    until = timezone.now() + timedelta(days=1)
    people.ban(target, by=by, until=until)
    people.ban(target, by=by, room=main)
    people.mute(target, by=by)
    people.ban(target, by=by, reason="again")
    rows = Ban.objects.order_by("pk").values_list("kind", "room__slug", "until", "reason")
    assert list(rows) == [
        ("ban", "main", None, ""),
        ("mute", None, None, ""),
        ("ban", None, None, "again"),
    ]


def test_ban_of_a_network_is_recorded_by_it(main: Room) -> None:
    people.ban(people.target_of("203.0.113.7/24"), by=SITE("root"))
    assert acts() == [("ban", "command", "s:root", "", "203.0.113.0/24", "", "")]


@pytest.mark.django_db(transaction=True)
def test_who_is_removed_is_no_member_and_banned_from_that_room(told: Told) -> None:
    ann, main = User.objects.create_user("ann"), Room.objects.create(slug="main")
    side = Room.objects.create(slug="side")
    for room in (main, side):
        Membership.objects.create(room=room, user=ann)
    told.clear()
    people.remove(people.target_of(ann), room=main, by=SITE(), reason="rude")
    assert [row.room for row in Membership.objects.all()] == [side]
    ban = Ban.objects.get()
    assert (ban.kind, ban.room, ban.until) == ("ban", main, None)
    assert acts() == [("remove", "command", "s:System", f"u:{ann.pk}", "ann", "main", "rude")]
    # The ban first: who is put out is to be told why.
    assert told == [signals.Barred(), signals.Doubted([f"u:{ann.pk}"])]


def test_addresses_are_not_removed_from_a_room(main: Room) -> None:
    with pytest.raises(ValueError, match="banned"):
        people.remove(people.target_of("203.0.113.7"), room=main, by=SITE())


@pytest.mark.django_db(transaction=True)
def test_what_fails_to_be_recorded_is_not_done(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = User.objects.create_user("ann")

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("chat.store.bans.record", fail)
    with pytest.raises(RuntimeError):
        people.ban(people.target_of(ann), by=SITE())
    assert not Ban.objects.exists()
    assert told == []


@pytest.mark.django_db(transaction=True)
def test_many_are_disconnected_some_at_a_time(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "AT_ONCE", 2)
    node = Node.objects.create(name="n")
    rows = [Connection.objects.create(node=node, session=f"s{n}") for n in range(3)]
    assert moderation.disconnect(iter(rows), by=SITE()) == 3
    assert told == [signals.Dismissed(["s0", "s1"], 4503), signals.Dismissed(["s2"], 4503)]


@pytest.mark.django_db(transaction=True)
def test_disconnected_sessions_are_asked_for_recorded_and_told(told: Told) -> None:
    node = Node.objects.create(name="n")
    rows = [
        Connection.objects.create(node=node, session=f"s{n}", sender_key=f"u:{n}", sender_name="x")
        for n in range(3)
    ]
    assert moderation.disconnect(rows[:2], by=SITE(), reason="test") == 2
    codes = Connection.objects.order_by("pk").values_list("close_with", flat=True)
    assert list(codes) == [4503, 4503, None]
    assert [(act[0], act[3], act[6]) for act in acts()] == [
        ("disconnect", "u:0", "test"),
        ("disconnect", "u:1", "test"),
    ]
    assert told == [signals.Dismissed(["s0", "s1"], 4503)]
