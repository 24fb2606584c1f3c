from http.cookies import SimpleCookie

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.backends.db import SessionStore
from django.core import signing
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import translation
from django.utils.translation import gettext
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from chat import identity
from chat.identity import GUEST_COOKIE, Identity, Proof
from chat.protocol import terminal
from chat.protocol.errors import BadCommand
from chat.protocol.events import Sender


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_user("ann", password="secret")


def signed_in(user: User) -> str:
    """Sign a user in; the session's key."""
    client = Client()
    client.force_login(user)
    key = client.session.session_key
    assert key is not None
    return key


# Guests


def test_new_guests_differ_and_have_numbers_no_user_has() -> None:
    guests = [identity.new_guest() for _ in range(100)]
    numbers = {int(guest.sender.id) for guest in guests}
    assert len(numbers) > 90
    assert all(2**30 <= number < 2**31 for number in numbers)
    assert all(guest.key == f"g:{guest.sender.id}" for guest in guests)
    assert all(terminal.label(guest.sender) == f"[UID: {guest.sender.id}]" for guest in guests)


def test_guest_is_a_guest_without_rights() -> None:
    guest = identity.new_guest()
    assert guest.is_guest
    assert (guest.is_staff, guest.moderates, guest.user_pk) == (False, False, None)
    assert guest.unnamed() == guest


def test_cookie_brings_the_same_guest_back() -> None:
    guest = identity.new_guest()
    cookie = identity.guest_cookie(guest)
    assert identity.of_guest(cookie) == guest
    assert identity.of_cookies({GUEST_COOKIE: cookie, "other": "x"}) == guest


@pytest.mark.parametrize(
    "forge",
    [
        lambda cookie: "",
        lambda cookie: cookie.partition(":")[0],
        lambda cookie: f"1{cookie}",
        lambda cookie: cookie[:-1],
        lambda cookie: f"{cookie}x",
        lambda cookie: signing.Signer(salt="other").sign("1073741824"),
        lambda cookie: "1:",
        lambda cookie: "\x00:\xff",
    ],
)
def test_forged_cookie_makes_a_new_guest(forge: object) -> None:
    guest = identity.new_guest()
    assert callable(forge)
    cookie = forge(identity.guest_cookie(guest))
    assert identity.of_guest(cookie) is None
    assert identity.of_cookies({GUEST_COOKIE: cookie}).key != guest.key


def test_no_cookie_makes_a_new_guest() -> None:
    assert identity.of_guest(None) is None
    assert identity.of_cookies({}).is_guest


def test_cookie_is_worth_nothing_under_another_secret(settings: Settings) -> None:
    """The secret is read when it is used, not when the module is imported."""
    cookie = identity.guest_cookie(identity.new_guest())
    settings.SECRET_KEY = "another"
    assert identity.of_guest(cookie) is None


def test_cookie_outlives_the_rotation_of_the_secret(settings: Settings) -> None:
    guest = identity.new_guest()
    cookie = identity.guest_cookie(guest)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    assert identity.of_guest(cookie) == guest


@pytest.mark.parametrize("secure", [True, False])
def test_page_remembers_a_visitor_as_a_guest(secure: bool) -> None:
    request = RequestFactory().get("/", secure=secure)
    response, guest = HttpResponse(), identity.new_guest()
    identity.remember_guest(request, response, guest)
    cookie = response.cookies[GUEST_COOKIE]
    assert identity.of_guest(cookie.value) == guest
    assert cookie["max-age"] == 365 * 24 * 3600
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert bool(cookie["secure"]) is secure


def test_page_leaves_a_guest_it_knows_as_it_is() -> None:
    request = RequestFactory().get("/")
    request.COOKIES[GUEST_COOKIE] = identity.guest_cookie(identity.new_guest())
    response = HttpResponse()
    identity.remember_guest(request, response, identity.of_cookies(request.COOKIES))
    assert response.cookies == SimpleCookie()


def test_page_gives_a_user_no_guests_cookie(ann: User) -> None:
    request = RequestFactory().get("/")
    response = HttpResponse()
    identity.remember_guest(request, response, identity.of_user(ann))
    assert response.cookies == SimpleCookie()


# Users


def test_user_is_known_by_key_number_and_name(ann: User) -> None:
    who = identity.of_user(ann)
    assert who == Identity(key=f"u:{ann.pk}", sender=Sender(str(ann.pk), "ann"), user_pk=ann.pk)
    assert not who.is_guest
    assert terminal.label(who.sender) == "ann"
    assert terminal.label(who.unnamed().sender) == f"[UID: {ann.pk}]"
    assert who.unnamed().key == who.key


def test_rights_of_a_user_are_those_of_the_site(ann: User) -> None:
    ann.is_staff = True
    ann.user_permissions.add(Permission.objects.get(codename="redact_message"))
    who = identity.of_user(ann)
    assert (who.is_staff, who.moderates) == (True, True)


def test_session_of_a_signed_in_user_is_theirs(ann: User) -> None:
    assert identity.of_session(signed_in(ann)) == identity.of_user(ann)


def test_session_of_an_inactive_user_is_nobodys(ann: User) -> None:
    key = signed_in(ann)
    ann.is_active = False
    ann.save()
    assert identity.of_session(key) is None


def test_session_of_a_deleted_user_is_nobodys(ann: User) -> None:
    key = signed_in(ann)
    ann.delete()
    assert identity.of_session(key) is None


def test_session_from_before_a_new_password_is_nobodys(ann: User) -> None:
    key = signed_in(ann)
    ann.set_password("another")
    ann.save()
    assert identity.of_session(key) is None


def test_session_of_a_rotated_secret_is_still_theirs_and_keeps_its_key(
    ann: User, settings: Settings
) -> None:
    key = signed_in(ann)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "new"
    assert identity.of_session(key) == identity.of_user(ann)
    assert SessionStore().exists(key)
    settings.SECRET_KEY_FALLBACKS = []
    assert identity.of_session(key) is None


@pytest.mark.parametrize("key", ["", "x", "x" * 32, "x" * 500, "'; --"])
def test_session_that_is_not_there_is_nobodys(db: None, key: str) -> None:
    assert identity.of_session(key) is None


def test_session_without_a_sign_in_is_nobodys(db: None) -> None:
    session = SessionStore()
    session["cart"] = [1]
    session.create()
    assert session.session_key is not None
    assert identity.of_session(session.session_key) is None


def test_session_that_has_signed_out_is_nobodys(ann: User) -> None:
    client = Client()
    client.force_login(ann)
    key = client.session.session_key
    assert key is not None
    client.logout()
    assert identity.of_session(key) is None


def test_session_of_a_backend_that_was_taken_away_is_nobodys(ann: User, settings: Settings) -> None:
    key = signed_in(ann)
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.RemoteUserBackend"]
    assert identity.of_session(key) is None


def test_session_without_its_hash_is_nobodys(ann: User) -> None:
    client = Client()
    client.force_login(ann)
    session = client.session
    del session["_auth_user_hash"]
    session.save()
    assert session.session_key is not None
    assert identity.of_session(session.session_key) is None


def test_user_model_without_a_hash_is_believed() -> None:
    assert identity.verified(object(), None)


# Code, and names


def test_site_speaks_under_a_name_of_its_own() -> None:
    who = identity.of_system("Robot")
    assert (who.key, who.sender) == ("s:Robot", Sender("s:Robot", "Robot"))


@pytest.mark.parametrize("key", ["u:7", "u:s", "g:1073741824"])
def test_id_on_the_wire_of_a_user_or_guest_is_the_key_without_its_kind(key: str) -> None:
    assert identity.sender_id(key) == key[2:]
    assert identity.key_of(key[2:]) == key


@pytest.mark.parametrize("key", ["s:7", "s:1073741824", "s:a:b", "s:", "u:s:7", "u:u:s:7", "u:a:b"])
def test_id_on_the_wire_of_what_could_be_taken_for_another_is_the_whole_key(key: str) -> None:
    assert identity.sender_id(key) == key
    assert identity.key_of(key) == key


@given(st.sampled_from("us"), st.text("us:71", max_size=4))
def test_no_two_senders_have_one_id(kind: str, rest: str) -> None:
    key = f"{kind}:{rest}"
    assert identity.key_of(identity.sender_id(key)) == key


@pytest.mark.parametrize("name", ["Ann", "Guest", "Guest x", "UID", "Guest House 5", "a[b"])
def test_name_of_ones_own_is_taken(name: str) -> None:
    guest = identity.new_guest()
    assert guest.named(name).sender == Sender(guest.sender.id, name)
    assert guest.named(name).key == guest.key


@pytest.mark.parametrize("name", ["Guest 7", "UID 12", "[UID: 7]", "[x", "* a", "!!! a", "/a"])
def test_name_that_looks_like_the_chats_own_is_refused(name: str) -> None:
    with pytest.raises(BadCommand):
        identity.new_guest().named(name)


@pytest.mark.parametrize("language", [code for code, _ in settings.LANGUAGES])
def test_name_by_which_pages_call_guests_is_refused(language: str) -> None:
    with translation.override(language):
        called = gettext("Guest {number}")
    for number in ("1073741831", "7"):
        with pytest.raises(BadCommand):
            identity.new_guest().named(called.replace("{number}", number))


# By key


@pytest.mark.parametrize(
    ("sender", "key"),
    [
        ("7", "u:7"),
        ("1073741824", "g:1073741824"),
        ("2147483647", "g:2147483647"),
        ("1073741823", "u:1073741823"),
        ("2147483648", "u:2147483648"),
        ("01073741824", "u:01073741824"),
        ("١٠٧٣٧٤١٨٢٤", "u:١٠٧٣٧٤١٨٢٤"),
        ("b9a1", "u:b9a1"),
    ],
)
def test_senders_id_tells_guests_from_users(sender: str, key: str) -> None:
    assert identity.key_of(sender) == key


def test_guest_and_user_are_found_by_their_keys(ann: User) -> None:
    guest = identity.new_guest()
    assert identity.of_key(guest.key) == guest
    assert identity.of_key(f"u:{ann.pk}") == identity.of_user(ann)


@pytest.mark.parametrize("key", ["u:999", "u:x", "u:", "u:\0", "u:" + "9" * 40, "g:7", "s:x", ""])
def test_key_of_nobody_finds_nobody(db: None, key: str) -> None:
    assert identity.of_key(key) is None


# What it rests on


def test_user_of_a_session_rests_on_it(ann: User) -> None:
    key = signed_in(ann)
    found = identity.of_session(key)
    assert found is not None
    assert found.proof.session_key == key
    assert found.proof.session_hash == ann.get_session_auth_hash()
    assert found.proof.backend == "django.contrib.auth.backends.ModelBackend"
    assert found.proof.login == identity.login_of(key)
    assert found.named("Ann").proof == found.unnamed().proof == found.proof


def test_user_of_a_request_rests_on_its_session_where_that_is_how_they_signed_in(
    ann: User,
) -> None:
    request = RequestFactory().get("/")
    request.user, request.session = ann, SessionStore(signed_in(ann))
    assert identity.of_request(request).proof.session_key == request.session.session_key
    request.session = SessionStore()
    assert identity.of_request(request).proof == Proof()


def test_guests_rest_on_nothing() -> None:
    assert identity.new_guest().proof == Proof()
    assert identity.new_guest().proof.login == ""
