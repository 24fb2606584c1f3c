"""The sessions that a command is about."""

from __future__ import annotations

from ipaddress import ip_network

from django.db.models import QuerySet

from chat.models import Connection, Room
from chat.moderation import Target
from chat.moderation.people import network_of


def chosen(
    connections: QuerySet[Connection], *, target: Target | None = None, room: Room | None = None
) -> list[Connection]:
    """Those of ``target`` that are in ``room``, of all where there is none; oldest first."""
    found = connections.select_related("node")
    if target is not None and target.key:
        found = found.filter(sender_key=target.key)
    # Not every database can look into a list, or knows ranges of addresses.
    return [
        connection
        for connection in found.order_by("since", "pk")
        if (room is None or room.slug in connection.rooms)
        and (target is None or not target.network or _within(connection.address, target.network))
    ]


def _within(address: str, network: str) -> bool:
    try:
        place = ip_network(network_of(address.partition("%")[0]))
    except ValueError:
        return False  # a Unix socket's, or none
    return place.network_address in ip_network(network)
