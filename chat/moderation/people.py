"""What is done to people: kept out, kept silent, sent away, and let in again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from django.db import transaction
from django.db.models import Model
from msgspec import Struct

from chat import conf, identity, store
from chat.broadcast import after_commit, tell_all
from chat.hub import signals
from chat.models import Act, Ban, Connection, Room
from chat.moderation.batches import in_turns
from chat.protocol.closing import CloseCode
from chat.store import Actor

AT_ONCE = 200
"""Sessions that are asked to end in one transaction, and that one signal names."""


class Target(Struct, frozen=True):
    """Whom it is about: a sender by ``key``, or all who come from a ``network``. Exactly one."""

    key: str = ""
    name: str = ""
    network: str = ""


def target_of(what: Any) -> Target:
    """Whom ``what`` means: a user, a connection, a sender's key, or an address or a range of them.

    Raises ``ValueError``, which says what would be right.
    """
    if isinstance(what, Connection):
        return Target(key=what.sender_key, name=what.sender_name)
    if isinstance(what, Model):
        if what.pk is None:
            raise ValueError("a user who is not saved cannot be found again")
        who = identity.of_user(what)
        return Target(key=who.key, name=who.sender.name)
    text = str(what).strip()
    if text[:2] in ("u:", "g:"):
        found = identity.of_key(text)
        if found is None:
            raise ValueError(f"there is nobody with the key {text}")
        return Target(key=found.key, name=found.sender.name)
    return Target(network=network_of(text))


def network_of(text: str) -> str:
    """An address or a range of them as it is kept: CIDR, without the bits behind the prefix.

    Raises ``ValueError``, which says what would be right.
    """
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither u: and a user's number, nor g: and a guest's, nor an address "
            "or a range of them such as 203.0.113.0/24 or 2001:db8::/32"
        ) from None
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            network = IPv4Network((mapped, network.prefixlen - 96))
    if not network.prefixlen:
        raise ValueError("that would be everybody: give a range with a prefix")
    return str(network)


def ban(
    target: Target,
    *,
    by: Actor,
    room: Room | None = None,
    until: datetime | None = None,
    reason: str = "",
) -> Ban:
    """Keep somebody out of a room, or of the whole site; an earlier ban of theirs is replaced."""
    return _impose(Ban.Kind.BAN, target, by, room, until, reason)


def mute(
    target: Target,
    *,
    by: Actor,
    room: Room | None = None,
    until: datetime | None = None,
    reason: str = "",
) -> Ban:
    """Let somebody read and no longer post, in a room or anywhere."""
    return _impose(Ban.Kind.MUTE, target, by, room, until, reason)


def _impose(
    kind: Ban.Kind,
    target: Target,
    by: Actor,
    room: Room | None,
    until: datetime | None,
    reason: str,
) -> Ban:
    return store.impose(
        kind,
        by,
        key=target.key,
        name=target.name,
        network=target.network,
        room=room,
        until=until,
        reason=reason,
    )


def lift(ban: Ban, *, by: Actor, reason: str = "") -> None:
    """Take back a ban or a mute."""
    store.lift(ban, by, reason=reason)


def remove(
    target: Target,
    *,
    room: Room,
    by: Actor,
    until: datetime | None = None,
    reason: str = "",
) -> None:
    """Put somebody out of a room now, end the membership, and keep them out until ``until``.

    Without an end until that is lifted. Raises ``ValueError`` for a range of addresses.
    """
    if not target.key:
        raise ValueError("only a user or a guest is removed from a room: addresses are banned")
    store.expel(room, by, key=target.key, name=target.name, until=until, reason=reason)


def disconnect(connections: Iterable[Connection], *, by: Actor, reason: str = "") -> int:
    """End sessions with 4503, which asks their clients not to come back; how many there were.

    Many are asked to in several transactions, unless the caller has begun one. Nothing keeps a
    person from connecting anew: that takes a ban.
    """
    ended, code = 0, CloseCode.REMOVED
    for some in in_turns(connections, AT_ONCE):
        sessions = [each.session for each in some]
        with transaction.atomic(using=conf.current().database):
            store.ask_to_close(sessions, code)
            for each in some:
                store.record(
                    Act.Kind.DISCONNECT,
                    by,
                    target_key=each.sender_key,
                    target_name=each.sender_name,
                    reason=reason,
                )
            after_commit(partial(tell_all, signals.Dismissed(sessions, code)))
        ended += len(some)
    return ended
