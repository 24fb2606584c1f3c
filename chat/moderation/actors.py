"""Who an act of moderation is put down to."""

from __future__ import annotations

from typing import Any

from chat import conf, identity
from chat.models import Act
from chat.store import Actor


def by_user(user: Any, via: Act.Via = Act.Via.ADMIN) -> Actor:
    """A user of the site as the one who acts."""
    who = identity.of_user(user)
    return Actor(key=who.key, name=who.sender.name, via=via)


def by_site(via: Act.Via) -> Actor:
    """The site itself as the one who acts."""
    return _named(conf.current().system_name, via)


def by_command(name: str = "") -> Actor:
    """Whoever gives a command; the site itself where that is all one knows."""
    return _named(name, Act.Via.COMMAND) if name else by_site(Act.Via.COMMAND)


def _named(name: str, via: Act.Via) -> Actor:
    who = identity.of_system(name)
    return Actor(key=who.key, name=who.sender.name, via=via)
