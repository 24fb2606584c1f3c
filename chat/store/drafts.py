"""What is to be logged, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from chat.models import Act
from chat.protocol.errors import Problem
from chat.store.entries import Entry


class Draft(Struct, frozen=True, kw_only=True):
    """Something to be logged. ``epoch`` is given where the room may be made, with that epoch."""

    room: str
    sender_key: str
    sender_name: str
    epoch: str | None = None


class PostDraft(Draft, frozen=True, kw_only=True):
    """A message to be stored, once for each ``id`` of a sender.

    ``slowed`` where a slow mode of the room binds its sender. ``refusal`` is what it is answered
    with where it is not stored already: its sender may post no more, and may not know that it is.
    """

    id: str
    text: str
    slowed: bool = False
    refusal: Problem | None = None


class EditDraft(Draft, frozen=True, kw_only=True):
    """Another text for the message at ``seq``."""

    seq: int
    text: str
    moderator: bool = False


class DeleteDraft(Draft, frozen=True, kw_only=True):
    """The message at ``seq`` is to lose its text.

    ``via`` is by which way, where that is to be put down in the record of moderation, with the
    ``reason``: in the chat what a moderator does to others' messages is, elsewhere all of it.
    ``as_moderation``: asked for as such, and so recorded even of one's own message.
    """

    seq: int
    moderator: bool = False
    as_moderation: bool = False
    via: Act.Via | None = None
    reason: str = ""


class Stored(Struct, frozen=True, kw_only=True):
    """A draft that is in the log once the transaction has committed.

    ``entry`` is what is to be sent to everybody; a duplicate has none, it was sent before.
    """

    room: str
    epoch: str
    seq: int
    entry: Entry | None = None
    target: int = 0

    @property
    def duplicate(self) -> bool:
        """Whether the log has it from before: an earlier post with the same id, the same change."""
        return self.entry is None


Outcome = Stored | Problem


def added(outcomes: Iterable[Outcome]) -> list[tuple[str, str, list[Entry]]]:
    """What was added to the log, as (room, epoch, consecutive entries).

    What one transaction adds to a room is consecutive; between transactions others may write.
    """
    runs: list[tuple[str, str, list[Entry]]] = []
    newest: dict[tuple[str, str], list[Entry]] = {}
    for outcome in outcomes:
        if not isinstance(outcome, Stored) or outcome.entry is None:
            continue
        room = (outcome.room, outcome.epoch)
        run = newest.get(room)
        if run is None or run[-1].seq + 1 != outcome.entry.seq:
            run = newest[room] = []
            runs.append((*room, run))
        run.append(outcome.entry)
    return runs
