"""How those who were let in stand now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from chat import identity, standing
from chat.identity import Identity
from chat.standing import GONE

ENGINES = ["db", "cached_db", "cache", "file", "signed_cookies"]


def sign_in(name: str, **fields: Any) -> Identity:
    """A user who was identified by a Django session."""
    user = User.objects.create_user(name, password="secret", **fields)
    client = Client()
    client.force_login(user)
    found = identity.of_session(client.cookies["sessionid"].value)
    assert found is not None
    return found


def now(who: Identity, *, thoroughly: bool = False) -> Identity | None:
    """How one stands."""
    (found,) = standing.confirm([who], thoroughly=thoroughly)
    return found.identity


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, settings: Settings, tmp_path: Any) -> str:
    """Where Django sessions are kept."""
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{request.param}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    return str(request.param)


def test_who_is_signed_in_stands_whatever_keeps_the_sessions(db: None, engine: str) -> None:
    ann = sign_in("ann")
    assert now(ann) == ann
    (found,) = standing.confirm([ann], thoroughly=True)
    assert (found.expires is not None) == (engine in ("db", "cached_db"))


def test_password_that_is_another_ends_it_whatever_keeps_the_sessions(
    db: None, engine: str
) -> None:
    ann = sign_in("ann")
    user = User.objects.get()
    user.set_password("another")
    user.save()
    assert now(ann) is None


@pytest.mark.parametrize("engine", ["db", "cached_db", "cache", "file"], indirect=True)
def test_session_that_is_flushed_is_gone(db: None, engine: str) -> None:
    ann = sign_in("ann")
    client = Client()
    client.cookies["sessionid"] = ann.proof.session_key
    client.logout()
    assert now(ann) is None


def test_session_that_has_expired_is_gone(db: None) -> None:
    ann = sign_in("ann")
    Session.objects.update(expire_date=timezone.now())
    assert standing.confirm([ann], thoroughly=False) == [GONE]


def test_cache_that_is_away_is_no_sign_out(
    db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    ann = sign_in("ann")

    def away(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError

    for name in ("get", "has_key", "__contains__"):
        monkeypatch.setattr(type(cache._connections["default"]), name, away)  # type: ignore[attr-defined]  # the cache behind the proxy
    with pytest.raises(ConnectionError):
        now(ann)


@pytest.mark.parametrize("backend", ["ModelBackend", "AllowAllUsersModelBackend"])
def test_backend_says_whether_those_who_are_inactive_may_stay(
    db: None, settings: Settings, backend: str
) -> None:
    settings.AUTHENTICATION_BACKENDS = [f"django.contrib.auth.backends.{backend}"]
    ann = sign_in("ann")
    User.objects.update(is_active=False)
    assert (now(ann) is None) == (backend == "ModelBackend")


def test_backend_that_is_no_longer_used_vouches_for_nobody(db: None, settings: Settings) -> None:
    ann = sign_in("ann")
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]
    assert now(ann) is None


def test_user_without_a_session_stands_while_active(db: None) -> None:
    user = User.objects.create_user("ann")
    ann = identity.of_user(user)
    assert now(ann) == ann
    user.is_active = False
    user.save()
    assert now(ann) is None


def test_permissions_of_those_who_have_any_are_asked_for_again(db: None) -> None:
    ann = sign_in("ann")
    user = User.objects.get()
    user.user_permissions.set(Permission.objects.filter(codename="ban"))
    assert now(ann) == ann
    banner = replace(ann, bans=True)
    assert now(ann, thoroughly=True) == banner
    user.user_permissions.clear()
    assert now(banner) == ann


@pytest.mark.parametrize("count", [2, 40])
def test_many_take_as_many_queries_as_few(
    db: None, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    many = [sign_in(f"user{number}") for number in range(count)]
    with django_assert_num_queries(2):  # the users, their sessions
        found = standing.confirm(many, thoroughly=False)
    assert [each.identity for each in found] == many


def test_more_than_a_query_takes_are_asked_for_in_parts(
    db: None, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(standing, "AT_ONCE", 2)
    many = [sign_in(f"user{number}") for number in range(5)]
    with django_assert_num_queries(6):
        found = standing.confirm(many, thoroughly=False)
    assert [each.identity for each in found] == many


def test_key_of_a_session_is_never_shown(db: None) -> None:
    ann = sign_in("ann")
    assert ann.proof.session_key
    assert ann.proof.session_key not in repr(ann)
    assert ann.proof.session_key not in ann.proof.login
