"""Whether those who were let in are still who they were: asked of the site again, many at a time.

The functions ask the database; the hub runs them off the loop.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from importlib import import_module
from itertools import islice
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user_model, load_backend
from django.utils import timezone
from msgspec import Struct

from chat.identity import Identity, of_user, verified

AT_ONCE = 500
"""Within the parameters that a query on SQLite may have."""

T = TypeVar("T")


class Standing(Struct, frozen=True):
    """What has become of somebody: ``None`` where they are no longer signed in.

    ``expires`` is when their Django session ends, where that is known.
    """

    identity: Identity | None = None
    expires: datetime | None = None


GONE = Standing()


def confirm(known: Sequence[Identity], *, thoroughly: bool) -> list[Standing]:
    """How users stand now, in their order.

    Permissions are asked for again where somebody has any; ``thoroughly``: of everybody. Queries:
    the users and their sessions, 500 at a time, and the permissions of each one they are asked for.
    """
    users = _users({who.user_pk for who in known})
    ends = _ends_of_sessions({who.proof.session_key for who in known} - {""})
    rights: dict[Any, Identity] = {}
    found = []
    for who in known:
        user, key = users.get(who.user_pk), who.proof.session_key
        if user is None or not _may_sign_in(user, who) or (key and key not in ends):
            found.append(GONE)
            continue
        if thoroughly or who.is_privileged:
            now = rights.get(who.user_pk)
            if now is None:
                now = rights[who.user_pk] = of_user(user)
            who = who.with_permissions_of(now)
        found.append(Standing(who, ends.get(key)))
    return found


def _users(pks: Collection[Any]) -> dict[Any, Any]:
    users = get_user_model()._default_manager
    return {
        user.pk: user for some in _batches(pks) for user in users.filter(pk__in=some).iterator()
    }


def _may_sign_in(user: Any, who: Identity) -> bool:
    """Whether the backend that has let ``who`` in would do so again, by the same password."""
    proof = who.proof
    if proof.backend and proof.backend not in settings.AUTHENTICATION_BACKENDS:
        return False
    backend: Any = load_backend(proof.backend) if proof.backend else None
    if hasattr(backend, "user_can_authenticate"):
        allowed = backend.user_can_authenticate(user)
    else:
        allowed = getattr(user, "is_active", True)
    return bool(allowed) and (not proof.session_key or verified(user, proof.session_hash))


def _ends_of_sessions(keys: Collection[str]) -> dict[str, datetime | None]:
    """Those Django sessions that are still there, and when they end where the engine tells."""
    engine = import_module(settings.SESSION_ENGINE).SessionStore
    if not hasattr(engine, "get_model_class"):
        return {key: None for key in keys if _is_there(engine(key), key)}
    sessions = engine.get_model_class()._default_manager.filter(expire_date__gt=timezone.now())
    return dict(
        row
        for some in _batches(keys)
        for row in sessions.filter(session_key__in=some).values_list("session_key", "expire_date")
    )


def _is_there(session: Any, key: str) -> bool:
    if SESSION_KEY in session:
        return True
    # A cache that is away looks as if the session were not there: asked like this, it raises.
    session.exists(key)
    return False


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    waiting = iter(items)
    while some := list(islice(waiting, AT_ONCE)):
        yield some
