"""Who is at the other end: a user of the site, or a guest with a signed number.

The functions that ask the database are plain and synchronous; the hub runs them off the loop.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http.cookies import Morsel
from importlib import import_module
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
    load_backend,
)
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
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
# What goes before a number where it stands for a name: on the wire, and in the pages' languages.
_NUMBERED = ("Guest", "UID", "Gast", "ضيف")
# What lines of the terminal dialect begin with.
_MARKS = ("[", "*", "!", "/")

_SALT = "chat.guest"


@dataclass(frozen=True, slots=True)
class Proof:
    """What the site went by when it took somebody for a user; empty where it did without.

    Kept in memory only: neither is ever sent, stored or logged.
    """

    session_key: str = ""
    """The Django session's."""
    session_hash: str = ""
    """What that session remembers of the user's password."""
    backend: str = ""
    """The path of the authentication backend."""

    @property
    def login(self) -> str:
        """What may be told of the session: enough to know it again, not enough to use it."""
        return login_of(self.session_key) if self.session_key else ""


@dataclass(frozen=True, slots=True)
class Identity:
    """One who talks. ``key`` tells users (``u:7``) from guests (``g:…``) and from code (``s:``)."""

    key: str
    sender: Sender
    user_pk: Any = None
    is_staff: bool = False
    moderates: bool = False
    """Whether a permission of the site lets them delete what others wrote where they may see."""
    bans: bool = False
    """Whether a permission of the site lets them mute and remove people there."""
    watches: bool = False
    """Whether a permission of the site lets them see what is going on in all processes."""
    proof: Proof = field(default=Proof(), compare=False, repr=False)

    @property
    def is_guest(self) -> bool:
        """Whether nobody is signed in."""
        return self.user_pk is None

    @property
    def is_privileged(self) -> bool:
        """Whether the site lets them do more than others who are signed in."""
        return self.is_staff or self.moderates or self.bans or self.watches

    def with_permissions_of(self, now: Identity) -> Identity:
        """The same one, by the same name, with what the site lets ``now`` do."""
        return replace(
            self,
            is_staff=now.is_staff,
            moderates=now.moderates,
            bans=now.bans,
            watches=now.watches,
        )

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
        if name.startswith(_MARKS) or (kind in _NUMBERED and number.isdigit()):
            raise BadCommand("that name looks like one the chat gives: choose another")
        return replace(self, sender=Sender(self.sender.id, name))


def sender_id(key: str) -> str:
    """The wire's id of a sender, which no other has: a user's or a guest's key without its kind.

    Code's is the whole key, and so is that of a user whose primary key has a colon in it: so what
    code calls itself can never be somebody's id.
    """
    whole = key.startswith("s:") or key.count(":") > 1
    return key if whole else key.partition(":")[2]


def key_of(sender: str) -> str:
    """The key of the sender whom the wire calls ``sender``: ids tell what it is."""
    if ":" in sender and sender_id(sender) == sender:
        return sender
    number = int(sender) if sender.isascii() and sender.isdigit() else 0
    guest = _GUESTS_FROM <= number < 2 * _GUESTS_FROM and str(number) == sender
    return f"{'g' if guest else 'u'}:{sender}"


def of_key(key: str) -> Identity | None:
    """The user or guest of that key; ``None`` where there is no such user. Asks the database."""
    kind, _, number = key.partition(":")
    if kind == "g":
        return _guest(number) if key == key_of(number) else None
    if kind != "u" or "\0" in number:
        return None  # PostgreSQL takes no NUL: the query would fail
    users = get_user_model()._default_manager
    try:
        user = users.filter(pk=get_user_model()._meta.pk.to_python(number)).first()
    except (ValidationError, OverflowError):
        return None
    return None if user is None else of_user(user)


def login_of(session_key: str) -> str:
    """What stands for a Django session where its key must not be: on the bus, and in a log."""
    return sha256(session_key.encode()).hexdigest()


def of_system(name: str) -> Identity:
    """The site itself, where code publishes under a name instead of a user."""
    key = f"s:{name}"
    return Identity(key=key, sender=Sender(sender_id(key), name))


def of_user(user: Any, session: Any = None) -> Identity:
    """A signed-in user, by the Django session where it is by one. Asks for permissions."""
    key = f"u:{user.pk}"
    return Identity(
        key=key,
        sender=Sender(sender_id(key), user.get_username()[:NAME_MOST]),
        user_pk=user.pk,
        is_staff=bool(getattr(user, "is_staff", False)),
        moderates=bool(user.has_perm("chat.redact_message")),
        bans=bool(user.has_perm("chat.ban")),
        watches=bool(user.has_perm("chat.view_live")),
        proof=_proof(user, session),
    )


def _proof(user: Any, session: Any) -> Proof:
    if session is None or session.get(SESSION_KEY) != user._meta.pk.value_to_string(user):
        return Proof()  # by a token, say: all there is to look at again is the user
    return Proof(
        session_key=session.session_key or "",
        session_hash=session.get(HASH_SESSION_KEY) or "",
        backend=session.get(BACKEND_SESSION_KEY) or "",
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
    if user is None or not verified(user, session.get(HASH_SESSION_KEY)):
        return None
    return of_user(user, session)


def verified(user: Any, session_hash: str | None) -> bool:
    """Whether a session that remembers ``session_hash`` is of the password the user now has."""
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
    if not cookie:
        return None
    try:
        return _guest(signing.Signer(salt=_SALT).unsign(cookie))
    except signing.BadSignature:
        return None


def guest_cookie(identity: Identity) -> str:
    """The signed value that makes ``of_guest`` return this guest again."""
    return signing.Signer(salt=_SALT).sign(identity.sender.id)


def remember_guest(request: HttpRequest, response: HttpResponseBase, who: Identity) -> None:
    """Let the guest ``who`` be the same one on the next page, and on its WebSocket."""
    if not who.is_guest or of_guest(request.COOKIES.get(GUEST_COOKIE)) == who:
        return
    response.cookies[GUEST_COOKIE] = cookie_of_guest(who, secure=request.is_secure())


def cookie_of_guest(who: Identity, *, secure: bool) -> Morsel[str]:
    """The cookie that ``remember_guest`` sets, for where there is no response to set it on."""
    cookie: Any = Morsel()  # whose values need not be text, whatever its types say
    value = guest_cookie(who)
    cookie.set(GUEST_COOKIE, value, value)
    cookie.update({"path": "/", "max-age": GUEST_COOKIE_AGE, "httponly": True, "samesite": "Lax"})
    cookie["secure"] = secure
    return cast("Morsel[str]", cookie)


def of_cookies(cookies: Mapping[str, str]) -> Identity:
    """The guest of a handshake: the one its cookie names, or a new one."""
    return of_guest(cookies.get(GUEST_COOKIE)) or new_guest()


def of_request(request: HttpRequest) -> Identity:
    """The user who is signed in, else the guest of the cookies. Asks the database for a user."""
    user = getattr(request, "user", None)  # a site may do without accounts
    if user is not None and user.is_authenticated:
        return of_user(user, getattr(request, "session", None))
    return of_cookies(request.COOKIES)


def _guest(number: str) -> Identity:
    return Identity(key=f"g:{number}", sender=unnamed_guest(number))
