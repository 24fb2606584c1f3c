"""The cookies a tail comes with: a guest's, or those of a user signed in while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    load_backend,
)
from django.core.management.base import CommandError
from django.db import close_old_connections

from chat import identity


def guest_cookie() -> str:
    """A new guest, who stays the same one over every connection of this process."""
    return f"{identity.GUEST_COOKIE}={identity.guest_cookie(identity.new_guest())}"


@contextmanager
def signed_in(user: Any) -> Iterator[str]:
    """A session of the site for ``user``, which is gone afterwards.

    It lasts as long as any other, so that one whose process was killed ends by itself. Raises
    ``CommandError`` where nobody could sign in as this user.
    """
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = user._meta.pk.value_to_string(user)
    session[BACKEND_SESSION_KEY] = _backend_of(user)
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    # Nothing is asked of the database for hours, in which it may end the connection.
    close_old_connections()
    try:
        yield f"{settings.SESSION_COOKIE_NAME}={session.session_key}"
    finally:
        close_old_connections()
        session.delete()


def _backend_of(user: Any) -> str:
    for path in settings.AUTHENTICATION_BACKENDS:
        if load_backend(path).get_user(user.pk) is not None:
            return str(path)
    raise CommandError(f"{user.get_username()} cannot sign in: the account is not active.")
