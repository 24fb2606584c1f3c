"""Who is at the other end: a user of the site, or a guest with a signed number.

The functions that ask the database are plain and synchronous; the hub runs them off the loop.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
    load_backend,
)
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from chat import conf
from chat.protocol.errors import BadCommand
from chat.protocol.events import Sender
from chat.protocol.terminal import unnamed_guest, unnamed_user

NAME_MOST = 150
"""Characters of a sender's name that the log keeps."""

GUEST_COOKIE = "chat_guest"
GUEST_COOKIE_AGE = 365 * 24 * 3600

# Guests are numbered from 2**30 up, users from 1 up: on the wire an id is never both.
_GUESTS_FROM = 2**30
# What lines of the terminal dialect begin with.
_MARKS = ("[", "*", "!", "/")

_SALT = "chat.guest"


@dataclass(frozen=True, slots=True)
class Identity:
    """One who talks. ``key`` tells users (``u:7``) from guests (``g:…``) and from code (``s:``)."""

    key: str
    sender: Sender
    user_pk: Any = None
    is_staff: bool = False
    moderates: bool = False
    """Whether a permission of the site lets them look after every public room."""

    @property
    def is_guest(self) -> bool:
        """Whether nobody is signed in."""
        return self.user_pk is None

    def unnamed(self) -> Identity:
        """The same one as a terminal first shows it: by its number."""
        return self if self.is_guest else replace(self, sender=unnamed_user(self.sender.id))

    def named(self, name: str) -> Identity:
        """The same one under another display name.

        Raises ``BadCommand`` for a name that looks like one the chat itself gives, or is the
        site's own.
        """
        if name.casefold() == conf.current().system_name.casefold():
            raise BadCommand("that is the site's own name: choose another")
        kind, _, number = name.partition(" ")
        if name.startswith(_MARKS) or (kind in ("Guest", "UID") and number.isdigit()):
            raise BadCommand("that name looks like one the chat gives: choose another")
        return replace(self, sender=Sender(self.sender.id, name))


def sender_id(key: str) -> str:
    """The wire's id of a sender: the key without its kind."""
    return key.partition(":")[2]


def of_system(name: str) -> Identity:
    """The site itself, where code publishes under a name instead of a user."""
    return Identity(key=f"s:{name}", sender=Sender(name, name))


def of_user(user: Any) -> Identity:
    """A signed-in user. Asks the database for permissions."""
    return Identity(
        key=f"u:{user.pk}",
        sender=Sender(str(user.pk), user.get_username()[:NAME_MOST]),
        user_pk=user.pk,
        is_staff=bool(getattr(user, "is_staff", False)),
        moderates=bool(user.has_perm("chat.redact_message")),
    )


def of_session(session_key: str) -> Identity | None:
    """The user signed in to a Django session; ``None`` when nobody (any longer) is.

    Reads only: unlike ``auth.get_user`` it never cycles the key, since a WebSocket cannot set the
    cookie that would go with it.
    """
    if "\0" in session_key:
        return None  # PostgreSQL takes no NUL: the query would fail
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    path = session.get(BACKEND_SESSION_KEY)
    if SESSION_KEY not in session or path not in settings.AUTHENTICATION_BACKENDS:
        return None
    user_pk = get_user_model()._meta.pk.to_python(session[SESSION_KEY])
    user = load_backend(path).get_user(user_pk)
    if user is None or not _verified(user, session.get(HASH_SESSION_KEY)):
        return None
    return of_user(user)


def _verified(user: Any, session_hash: str | None) -> bool:
    if not hasattr(user, "get_session_auth_hash"):
        return True
    valid = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return bool(session_hash) and any(
        constant_time_compare(session_hash or "", known) for known in valid
    )


def new_guest() -> Identity:
    """A guest nobody has seen before."""
    return _guest(str(_GUESTS_FROM + secrets.randbelow(_GUESTS_FROM)))


def of_guest(cookie: str | None) -> Identity | None:
    """The guest that a signed cookie names; ``None`` where it is missing or forged."""
    try:
        return _guest(signing.Signer(salt=_SALT).unsign(cookie or ""))
    except signing.BadSignature:
        return None


def guest_cookie(identity: Identity) -> str:
    """The signed value that makes ``of_guest`` return this guest again."""
    return signing.Signer(salt=_SALT).sign(identity.sender.id)


def remember_guest(request: HttpRequest, response: HttpResponse, who: Identity) -> None:
    """Let the guest ``who`` be the same one on the next page, and on its WebSocket."""
    if not who.is_guest or of_guest(request.COOKIES.get(GUEST_COOKIE)) == who:
        return
    response.set_cookie(
        GUEST_COOKIE,
        guest_cookie(who),
        max_age=GUEST_COOKIE_AGE,
        httponly=True,
        secure=request.is_secure(),
        samesite="Lax",
    )


def of_cookies(cookies: Mapping[str, str]) -> Identity:
    """The guest of a handshake: the one its cookie names, or a new one."""
    return of_guest(cookies.get(GUEST_COOKIE)) or new_guest()


def _guest(number: str) -> Identity:
    return Identity(key=f"g:{number}", sender=unnamed_guest(number))
