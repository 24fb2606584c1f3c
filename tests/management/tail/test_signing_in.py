"""The cookies a tail comes with."""

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError
from django.http import parse_cookie

from chat import identity
from chat.management.tail.signing_in import guest_cookie, signed_in


@pytest.mark.django_db(transaction=True)
def test_user_is_signed_in_and_nobody_is_afterwards() -> None:
    anna = User.objects.create(username="anna")
    with signed_in(anna) as cookie:
        who = identity.of_session(parse_cookie(cookie)["sessionid"])
        assert who is not None
        assert who.key == f"u:{anna.pk}"
    assert not Session.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_account_that_may_not_sign_in_does_not() -> None:
    anna = User.objects.create(username="anna", is_active=False)
    with pytest.raises(CommandError, match="anna cannot sign in"), signed_in(anna):
        pass
    assert not Session.objects.exists()


def test_guest_is_one_the_site_knows_again() -> None:
    cookies = parse_cookie(guest_cookie())
    who = identity.of_guest(cookies["chat_guest"])
    assert who is not None
    assert who.is_guest
