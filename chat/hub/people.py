"""Who is in which room, counted by session here and by process elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from chat.protocol.events import Sender

HERE = 0
"""This process, among the nodes."""

_NOBODY: Mapping[str, Sender] = {}


class Change(NamedTuple):
    """What changed in one room since it was last told: senders by their ids."""

    joined: dict[str, Sender]
    left: dict[str, Sender]
    renamed: dict[str, Sender]

    def __bool__(self) -> bool:
        """Whether anything did."""
        return bool(self.joined or self.left or self.renamed)


class People:
    """The people of each room.

    Somebody is in a room while at least one node has them there, and a node has them there while at
    least one of their sessions is.
    """

    def __init__(self) -> None:
        self._rooms: dict[str, dict[str, Sender]] = {}
        self._nodes: dict[str, dict[str, set[int]]] = {}
        self._sessions: dict[tuple[str, str], int] = {}
        self._told_here: dict[str, dict[str, Sender]] = {}
        self._told: dict[str, dict[str, Sender]] = {}
        self._touched_here: set[tuple[str, str]] = set()
        self._touched: set[tuple[str, str]] = set()

    def of(self, slug: str) -> Mapping[str, Sender]:
        """Everybody in a room, by id."""
        return self._rooms.get(slug, _NOBODY)

    def at(self, node: int, slug: str) -> bool:
        """Whether ``node`` has anybody in the room."""
        return any(node in nodes for nodes in self._nodes.get(slug, {}).values())

    # Here

    def enter(self, slug: str, sender: Sender) -> None:
        """One more session of ``sender`` is in the room, in this process."""
        key = (slug, sender.id)
        self._sessions[key] = self._sessions.get(key, 0) + 1
        self._touched_here.add(key)
        self.enter_at(HERE, slug, sender)

    def leave(self, slug: str, who: str) -> None:
        """One session fewer."""
        key = (slug, who)
        self._sessions[key] -= 1
        if not self._sessions[key]:
            del self._sessions[key]
            self._touched_here.add(key)
            self.leave_at(HERE, slug, who)

    def rename(self, slug: str, sender: Sender) -> None:
        """Somebody who is there goes by another name."""
        self._touched_here.add((slug, sender.id))
        self.enter_at(HERE, slug, sender)

    # Anywhere

    def enter_at(self, node: int, slug: str, sender: Sender) -> None:
        """``node`` has ``sender`` in the room."""
        self._rooms.setdefault(slug, {})[sender.id] = sender
        self._nodes.setdefault(slug, {}).setdefault(sender.id, set()).add(node)
        self._touched.add((slug, sender.id))

    def leave_at(self, node: int, slug: str, who: str) -> None:
        """``node`` no longer has them."""
        nodes = self._nodes.get(slug, {}).get(who)
        if nodes is None:
            return
        nodes.discard(node)
        if nodes:
            return
        self._touched.add((slug, who))
        del self._nodes[slug][who], self._rooms[slug][who]
        if not self._rooms[slug]:
            del self._nodes[slug], self._rooms[slug]

    def replace_at(self, node: int, present: Iterable[tuple[str, Sender]]) -> None:
        """``node`` has exactly these (room, sender) and nobody else."""
        now = {(slug, sender.id): sender for slug, sender in present}
        before = [
            (slug, who)
            for slug, people in self._nodes.items()
            for who, nodes in people.items()
            if node in nodes
        ]
        for slug, who in before:
            if (slug, who) not in now:
                self.leave_at(node, slug, who)
        for (slug, _), sender in now.items():
            self.enter_at(node, slug, sender)

    # Since it was last told

    def changes(self) -> tuple[dict[str, Change], dict[str, Change]]:
        """What changed in this process, and what changed over all, by room.

        Who came and went in between is not mentioned.
        """
        here = self._differences(
            self._touched_here,
            self._told_here,
            lambda slug, who: self.of(slug).get(who) if (slug, who) in self._sessions else None,
        )
        everywhere = self._differences(
            self._touched, self._told, lambda slug, who: self.of(slug).get(who)
        )
        return here, everywhere

    @staticmethod
    def _differences(
        touched: set[tuple[str, str]],
        told: dict[str, dict[str, Sender]],
        now: Callable[[str, str], Sender | None],
    ) -> dict[str, Change]:
        found: dict[str, Change] = {}
        for slug, who in touched:
            known = told.setdefault(slug, {})
            before, after = known.get(who), now(slug, who)
            if before == after:
                continue
            change = found.setdefault(slug, Change({}, {}, {}))
            if after is None:
                change.left[who] = known.pop(who)
                continue
            (change.renamed if before else change.joined)[who] = known[who] = after
        for slug in {slug for slug, _ in touched}:
            if not told.get(slug):
                told.pop(slug, None)
        touched.clear()
        return found
