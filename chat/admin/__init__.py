"""The chat in the Django admin: rooms and what is said in them, people, and what is going on."""

from chat.admin.acts import ActAdmin
from chat.admin.bans import BanAdmin
from chat.admin.connections import ConnectionAdmin
from chat.admin.live import NodeAdmin
from chat.admin.members import MembershipAdmin
from chat.admin.messages import MessageAdmin
from chat.admin.rooms import RoomAdmin

__all__ = [
    "ActAdmin",
    "BanAdmin",
    "ConnectionAdmin",
    "MembershipAdmin",
    "MessageAdmin",
    "NodeAdmin",
    "RoomAdmin",
]
