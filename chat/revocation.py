"""Telling every hub at once when the site takes something back from somebody.

Receivers of Django's signals. Each has the hubs look at the one it is about, after the commit; what
they then find in the database is what counts. What happens without a signal, as an ``update`` of
many users does, they find by themselves within a heartbeat.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection
from importlib import import_module
from typing import Any
from weakref import WeakValueDictionary

from django.apps import apps
from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.auth.signals import user_logged_out
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.utils import timezone

from chat.broadcast import tell_all
from chat.hub import signals
from chat.identity import login_of
from chat.models import Ban, Membership

USERS_AT_ONCE = 500
"""Users or sign-outs that one signal names."""


class _Change:
    """What one thing has brought about, which is to be told after its commit."""

    def __init__(
        self,
        using: str | None,
        *,
        barred: bool = False,
        everybody: bool = False,
        users: Collection[str] = (),
        logins: Collection[str] = (),
    ) -> None:
        self.using = using or DEFAULT_DB_ALIAS
        self.barred, self.everybody, self.users, self.logins = barred, everybody, users, logins

    def __call__(self) -> None:
        """Tell it, together with all others of the transaction that has been committed."""
        changes = _waiting.take(self.using)
        if any(change.barred for change in changes):
            tell_all(signals.Barred())
        for some in _parts(dict.fromkeys(key for change in changes for key in change.logins)):
            tell_all(signals.SignedOut(some))
        for some in _parts(dict.fromkeys(key for change in changes for key in change.users)):
            tell_all(signals.Doubted(some))
        if any(change.everybody for change in changes):
            tell_all(signals.Doubted(None))


class _Waiting(threading.local):
    """What a thread's transactions have brought about so far.

    Only Django holds on to the changes, until the commit. It lets go of those that are rolled back,
    be it to a savepoint, and so they are gone from here.
    """

    def __init__(self) -> None:
        self._number = itertools.count()
        self._changes: WeakValueDictionary[int, _Change] = WeakValueDictionary()

    def add(self, change: _Change) -> None:
        """Have that told after the commit, at once where there is no transaction."""
        self._changes[next(self._number)] = change
        # Robust: a channel layer that is away must not keep a site's other callbacks from running.
        transaction.on_commit(change, using=change.using, robust=True)

    def take(self, using: str) -> list[_Change]:
        """What is to be told of that database; nothing more for the next who asks."""
        found = {number: one for number, one in self._changes.items() if one.using == using}
        for number in found:
            del self._changes[number]
        return list(found.values())


_waiting = _Waiting()


def _parts(names: Collection[str]) -> list[list[str]]:
    listed = list(names)
    return [listed[at : at + USERS_AT_ONCE] for at in range(0, len(listed), USERS_AT_ONCE)]


def connect() -> None:
    """Receive what the site's models and its sign-outs send."""
    user = get_user_model()
    user_logged_out.connect(_signed_out, dispatch_uid="chat.signed_out")
    for model in _with_proxies(user):
        post_save.connect(_user_saved, model, dispatch_uid="chat.user_saved")
        post_delete.connect(_user_deleted, model, dispatch_uid="chat.user_deleted")
    for signal in (post_save, post_delete):
        for model in _with_proxies(Membership):
            signal.connect(_membership_changed, model, dispatch_uid="chat.membership")
        for model in _with_proxies(Ban):
            signal.connect(_ban_changed, model, dispatch_uid="chat.ban")
    for name in ("groups", "user_permissions"):
        relation = getattr(user, name, None)  # a user model of the site's own may have neither
        if relation is not None:
            m2m_changed.connect(
                _users_rights_changed, relation.through, dispatch_uid=f"chat.user.{name}"
            )
    if apps.is_installed("django.contrib.auth"):
        group = apps.get_model("auth", "Group")
        m2m_changed.connect(
            _many_rights_changed, group.permissions.through, dispatch_uid="chat.group"
        )
        for model in _with_proxies(group):
            post_delete.connect(_many_rights_changed, model, dispatch_uid="chat.group_deleted")
    session = _session_model()
    if session is not None:
        post_delete.connect(_session_deleted, session, dispatch_uid="chat.session")


def _with_proxies(model: type[Model]) -> list[type[Model]]:
    """A model and its proxies and children: Django sends signals for the class that was used."""
    return [each for each in apps.get_models() if issubclass(each, model)]


def _session_model() -> Any:
    """The model that Django sessions are kept in, where the engine has one that is installed."""
    if not apps.is_installed("django.contrib.sessions"):
        return None
    engine = import_module(settings.SESSION_ENGINE).SessionStore
    return engine.get_model_class() if hasattr(engine, "get_model_class") else None


def _doubt(keys: Collection[str], using: str | None) -> None:
    _waiting.add(_Change(using, users=keys))


def _signed_out(request: Any, **_: Any) -> None:
    # The session's row goes a moment later: that it has ended is told of it by name.
    session = getattr(request, "session", None)
    if session is not None and session.session_key:
        _waiting.add(_Change(None, logins=[login_of(session.session_key)]))


def _session_deleted(instance: Any, using: str, **_: Any) -> None:
    # With each sign-in Django deletes a session of nobody; and those that have expired, as
    # ``manage.py clearsessions`` deletes them, have ended anyway.
    if instance.expire_date > timezone.now() and SESSION_KEY in instance.get_decoded():
        _waiting.add(_Change(using, logins=[login_of(instance.pk)]))


def _user_saved(
    instance: Any, created: bool, using: str, update_fields: Any = None, **_: Any
) -> None:
    # With each sign-in Django writes when it was, and nothing else; who is new has no session.
    if not created and set(update_fields or ("all",)) != {"last_login"}:
        _doubt([f"u:{instance.pk}"], using)


def _user_deleted(instance: Any, using: str, **_: Any) -> None:
    _doubt([f"u:{instance.pk}"], using)


def _membership_changed(instance: Membership, using: str, **_: Any) -> None:
    _doubt([f"u:{instance.user_id}"], using)


def _ban_changed(using: str, **_: Any) -> None:
    _waiting.add(_Change(using, barred=True))


def _users_rights_changed(
    instance: Any, action: str, reverse: bool, pk_set: set[Any] | None, using: str, **_: Any
) -> None:
    if not action.startswith("post_"):
        return
    if not reverse:
        _doubt([f"u:{instance.pk}"], using)
    elif pk_set is not None:
        _doubt([f"u:{pk}" for pk in pk_set], using)
    else:  # all users of a group, or of a permission, which are no longer known
        _many_rights_changed(using=using)


def _many_rights_changed(using: str, action: str = "post_", **_: Any) -> None:
    if action.startswith("post_"):
        _waiting.add(_Change(using, everybody=True))
