"""The database, one function per transaction. All of them are synchronous and run off the loop.

Only this package writes the log. A function raises Django's database errors as they are; who calls
decides whether to try again.
"""

from chat.store.entries import Entry
from chat.store.log import (
    DeleteDraft,
    Draft,
    EditDraft,
    Outcome,
    PostDraft,
    Stored,
    added,
    append,
)
from chat.store.outbox import move_outbox, put_aside
from chat.store.reading import newest, page_before, read_after, start_of_last
from chat.store.rooms import (
    Opened,
    create_room,
    find_room,
    heads,
    open_room,
    remove_transient,
    renew_epochs,
    roles_in,
    rooms_of,
    unused_rooms,
)
from chat.store.roster import (
    Roster,
    SessionRow,
    beat,
    bury,
    connections_of,
    enroll,
    revise,
    withdraw,
)

__all__ = [
    "DeleteDraft",
    "Draft",
    "EditDraft",
    "Entry",
    "Opened",
    "Outcome",
    "PostDraft",
    "Roster",
    "SessionRow",
    "Stored",
    "added",
    "append",
    "beat",
    "bury",
    "connections_of",
    "create_room",
    "enroll",
    "find_room",
    "heads",
    "move_outbox",
    "newest",
    "open_room",
    "page_before",
    "put_aside",
    "read_after",
    "remove_transient",
    "renew_epochs",
    "revise",
    "roles_in",
    "rooms_of",
    "start_of_last",
    "unused_rooms",
    "withdraw",
]
