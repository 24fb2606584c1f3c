"""The hosts of a Redis channel layer, in whichever form they are given; for the system checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

# How long the core layer's blocking read takes; a socket has to be allowed a longer silence.
BLOCKING_READ_SECONDS = 5.0


def hosts_of(given: Any) -> list[Mapping[str, Any]]:
    """Hosts in all the forms that channels_redis takes, as the arguments it makes of them."""
    if not given or isinstance(given, str | bytes):  # a bare string it refuses itself
        return [{"address": given or "redis://localhost:6379"}]
    hosts: list[Mapping[str, Any]] = []
    for entry in given:
        if isinstance(entry, Mapping):
            hosts.append(entry)
        elif isinstance(entry, tuple | list):
            hosts.append(dict(zip(("host", "port"), entry, strict=False)))
        else:
            hosts.append({"address": entry})
    return hosts


def gives_up(host: Mapping[str, Any]) -> bool:
    """Whether redis-py ends a connection to ``host`` that is silent for as long as the layer."""
    timeout = host.get("socket_timeout", BLOCKING_READ_SECONDS)
    try:
        query = parse_qs(urlsplit(str(host.get("address", ""))).query)
        # What the address says counts for more.
        (timeout,) = query.get("socket_timeout", [timeout])
        return timeout is not None and float(timeout) <= BLOCKING_READ_SECONDS
    except (TypeError, ValueError):
        return False  # no address or no number: redis-py says so itself
