"""The tables."""

from chat.models.log import Message, Outbox
from chat.models.moderation import Act, Ban
from chat.models.processes import Connection, Node, Sample
from chat.models.rooms import RETENTION_MOST, Membership, Room, new_epoch

__all__ = [
    "RETENTION_MOST",
    "Act",
    "Ban",
    "Connection",
    "Membership",
    "Message",
    "Node",
    "Outbox",
    "Room",
    "Sample",
    "new_epoch",
]
