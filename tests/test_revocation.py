"""What every hub is told when the site takes something back, and when it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth import SESSION_KEY, user_logged_out
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import transaction
from django.test import Client
from django.test.utils import isolate_apps

from chat import revocation
from chat.hub import signals
from chat.identity import login_of
from chat.models import Ban, Membership, Room

Told = list[signals.AnySignal]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """The signals, in their order."""
    signals: Told = []
    monkeypatch.setattr(revocation, "tell_all", signals.append)
    return signals


@pytest.fixture
def ann(told: Told) -> User:
    user = User.objects.create_user("ann")
    assert told == [], "who is new has nothing to lose"
    return user


def test_user_who_is_changed_or_deleted_is_doubted(ann: User, told: Told) -> None:
    key = f"u:{ann.pk}"
    ann.save()
    ann.delete()
    assert told == [signals.Doubted([key]), signals.Doubted([key])]


@isolate_apps("chat")
def test_user_who_is_changed_as_a_proxy_or_a_child_is_doubted(ann: User, told: Told) -> None:
    class Colleague(User):
        class Meta:
            app_label = "chat"
            proxy = True

    key = f"u:{ann.pk}"
    with patch("chat.revocation.apps.get_models", lambda: [User, Colleague]):
        revocation.connect()
    colleague = Colleague.objects.get(pk=ann.pk)
    colleague.is_active = False
    colleague.save()
    colleague.delete()
    assert told == [signals.Doubted([key]), signals.Doubted([key])]


def test_sign_in_says_nothing(ann: User, told: Told) -> None:
    Client().force_login(ann)
    assert told == []


def test_sign_out_names_the_session_by_its_hash_alone(ann: User, told: Told) -> None:
    client = Client()
    client.force_login(ann)
    key = client.cookies["sessionid"].value
    client.logout()
    logins = {
        login for signal in told if isinstance(signal, signals.SignedOut) for login in signal.logins
    }
    assert logins == {login_of(key)}
    assert key not in repr(told)


def test_sign_out_without_a_request_or_a_session_says_nothing(ann: User, told: Told) -> None:
    for request in (None, object()):
        user_logged_out.send(User, request=request, user=ann)
    assert told == []


def test_session_that_is_deleted_has_ended(told: Told) -> None:
    session = SessionStore()
    session[SESSION_KEY] = "7"
    session.create()
    key = str(session.session_key)
    session.flush()
    assert told == [signals.SignedOut([login_of(key)])]


@pytest.mark.parametrize("kind", ["of nobody", "expired"])
def test_session_that_let_nobody_in_is_not_told_of(told: Told, kind: str) -> None:
    session = SessionStore()
    if kind == "expired":
        session[SESSION_KEY] = "7"
        session.set_expiry(-1)
    session.create()
    Session.objects.all().delete()
    assert told == []


def test_transaction_tells_of_everybody_at_once_after_its_commit(told: Told) -> None:
    users = [User.objects.create_user(f"user{number}") for number in range(3)]
    with transaction.atomic():
        for user in users:
            user.save()
        Ban.objects.create(sender_key="u:7")
        assert told == []
    assert told == [signals.Barred(), signals.Doubted([f"u:{user.pk}" for user in users])]


def test_many_are_named_in_parts(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocation, "USERS_AT_ONCE", 2)
    users = [User.objects.create_user(f"user{number}") for number in range(3)]
    with transaction.atomic():
        for user in users:
            user.save()
    keys = [f"u:{user.pk}" for user in users]
    assert told == [signals.Doubted(keys[:2]), signals.Doubted(keys[2:])]


def test_transaction_that_is_rolled_back_tells_nothing_and_keeps_no_other_from_it(
    ann: User, told: Told
) -> None:
    with transaction.atomic():
        ann.save()
        transaction.set_rollback(True)
    assert told == []
    ann.save()
    assert told == [signals.Doubted([f"u:{ann.pk}"])]
    told.clear()
    Ban.objects.create(sender_key="u:7")
    assert told == [signals.Barred()]


@pytest.mark.parametrize("within", ["transaction", "savepoint"])
def test_sign_out_that_is_rolled_back_has_ended_nothing(ann: User, told: Told, within: str) -> None:
    session = SessionStore()
    session[SESSION_KEY] = "7"
    session.create()
    with transaction.atomic():
        if within == "savepoint":
            ann.save()
        with transaction.atomic():
            session.delete()
            transaction.set_rollback(True)
        if within == "transaction":
            transaction.set_rollback(True)
    ann.save()
    assert told == [signals.Doubted([f"u:{ann.pk}"])] * (2 if within == "savepoint" else 1)


def test_membership_doubts_its_user(ann: User, told: Told) -> None:
    room = Room.objects.create(slug="board")
    membership = Membership.objects.create(room=room, user=ann)
    membership.delete()
    assert told == [signals.Doubted([f"u:{ann.pk}"])] * 2


def test_ban_that_is_made_or_lifted_has_all_read_again(told: Told) -> None:
    Ban.objects.create(sender_key="u:7").delete()
    assert told == [signals.Barred()] * 2


@pytest.mark.parametrize(
    ("change", "everybody"),
    [
        (lambda user, group, permission: user.groups.add(group), False),
        (lambda user, group, permission: group.user_set.add(user), False),
        (lambda user, group, permission: user.user_permissions.add(permission), False),
        (lambda user, group, permission: permission.user_set.add(user), False),
        (lambda user, group, permission: group.permissions.add(permission), True),
        (lambda user, group, permission: permission.group_set.add(group), True),
        (lambda user, group, permission: group.user_set.clear(), True),
        (lambda user, group, permission: group.delete(), True),
    ],
)
def test_permissions_doubt_the_user_or_everybody_who_has_any(
    ann: User, told: Told, change: Callable[[User, Group, Permission], Any], everybody: bool
) -> None:
    group = Group.objects.create(name="helpers")
    change(ann, group, Permission.objects.get(codename="ban"))
    assert told == [signals.Doubted(None if everybody else [f"u:{ann.pk}"])]
