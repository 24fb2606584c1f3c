"""Acts of moderation, from the admin, from commands and from a site's own code.

Each is one transaction with its entry in the record (``store.record``), or where it takes many
transactions, the first of them; every hub hears of it after the commit, and finds it by itself
within a heartbeat where that word is lost.
"""

from chat.moderation.actors import by_command, by_site, by_user
from chat.moderation.content import announce, redact, redact_by
from chat.moderation.histories import (
    clear_history,
    delete_rooms,
    new_epochs,
    prune,
    sweep_what_is_left,
)
from chat.moderation.people import Target, ban, disconnect, lift, mute, remove, target_of

__all__ = [
    "Target",
    "announce",
    "ban",
    "by_command",
    "by_site",
    "by_user",
    "clear_history",
    "delete_rooms",
    "disconnect",
    "lift",
    "mute",
    "new_epochs",
    "prune",
    "redact",
    "redact_by",
    "remove",
    "sweep_what_is_left",
    "target_of",
]
