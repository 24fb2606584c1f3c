"""Who is kept out or silent, looked up in memory: by sender and by address. Pure."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime
from ipaddress import IPv6Address, ip_address, ip_network

from chat.access import Restraint

logger = logging.getLogger("chat")


class Bans:
    """All that are in force. Never changed: where there are others, another one takes its place.

    A lookup takes one look for each length of prefix there is, of which IPv4 knows 33 and IPv6 129,
    however many networks there are.
    """

    def __init__(self, restraints: Iterable[Restraint] = ()) -> None:
        self._by_key: dict[str, list[Restraint]] = {}
        self._networks: dict[tuple[int, int], dict[int, list[Restraint]]] = {}
        """By version and length of the prefix, and then by the prefix."""
        self._ends: list[datetime] = []
        for each in restraints:
            if each.until is not None:
                self._ends.append(each.until)
            if each.key:
                self._by_key.setdefault(each.key, []).append(each)
            else:
                self._add_network(each)

    def _add_network(self, each: Restraint) -> None:
        try:
            network = ip_network(each.network, strict=False)
        except ValueError:
            # The admin takes no such thing; and the others are to be in force all the same.
            logger.warning("a ban of %r is a ban of nobody: that is no network", each.network)
            return
        shift = network.max_prefixlen - network.prefixlen
        prefixes = self._networks.setdefault((network.version, shift), {})
        prefixes.setdefault(int(network.network_address) >> shift, []).append(each)

    def against(self, key: str, address: str, now: datetime) -> tuple[Restraint, ...]:
        """What restrains a sender who comes from ``address``."""
        if not self._by_key and not self._networks:
            return ()
        found = [*self._by_key.get(key, ()), *self._of(address)]
        return tuple(each for each in found if each.until is None or each.until > now)

    def _of(self, address: str) -> Iterator[Restraint]:
        if not self._networks:
            return
        try:
            # A link-local address may come with its interface.
            place = ip_address(address.partition("%")[0])
        except ValueError:
            return  # a Unix socket's, or none
        if isinstance(place, IPv6Address) and place.ipv4_mapped is not None:
            place = place.ipv4_mapped
        number = int(place)
        for (version, shift), prefixes in self._networks.items():
            if version == place.version:
                yield from prefixes.get(number >> shift, ())

    def ended(self, since: datetime, now: datetime) -> bool:
        """Whether any has ended between two moments."""
        return any(since < end <= now for end in self._ends)
