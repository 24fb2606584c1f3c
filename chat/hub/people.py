"""Who is in which room, counted by session here and by process elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Reversible
from typing import Generic, NamedTuple, TypeVar

from chat.protocol.events import Sender

HERE = 0
"""This process, among the nodes."""

UNNAMED, BORROWED, OWN = range(3)
"""What a name counts: a number in its place; what a user's terminal goes by; one's own."""

_NOBODY: Mapping[str, Sender] = {}
_NOWHERE: Mapping[int, Guise] = {}


class Guise(NamedTuple):
    """What somebody goes by in one session, or in one process."""

    sender: Sender
    weight: int = OWN


T = TypeVar("T", Sender, Guise)


class Change(NamedTuple, Generic[T]):
    """What changed in one room since it was last told: senders by their ids."""

    joined: dict[str, T]
    left: dict[str, T]
    renamed: dict[str, T]

    def __bool__(self) -> bool:
        """Whether anything did."""
        return bool(self.joined or self.left or self.renamed)


class People:
    """The people of each room.

    Somebody is in a room while at least one node has them there, and a node has them there while at
    least one of their sessions is. Of the names that these go by, the weightiest is shown; among
    equals the latest.
    """

    def __init__(self) -> None:
        self._rooms: dict[str, dict[str, Sender]] = {}
        self._nodes: dict[str, dict[str, dict[int, Guise]]] = {}
        self._sessions: dict[tuple[str, str], list[Guise]] = {}
        self._told_here: dict[str, dict[str, Guise]] = {}
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

    def enter(self, slug: str, guise: Guise) -> None:
        """One more session of the sender is in the room, in this process."""
        self._sessions.setdefault((slug, guise.sender.id), []).append(guise)
        self._settle(slug, guise.sender.id)

    def leave(self, slug: str, guise: Guise) -> None:
        """One session fewer, which went by ``guise``."""
        self._sessions[slug, guise.sender.id].remove(guise)
        self._settle(slug, guise.sender.id)

    def rename(self, slug: str, before: Guise, after: Guise) -> None:
        """A session that is there goes by another name."""
        guises = self._sessions[slug, after.sender.id]
        guises.remove(before)
        guises.append(after)
        self._settle(slug, after.sender.id)

    def _settle(self, slug: str, who: str) -> None:
        """Go by what this process's sessions of somebody now are."""
        key = (slug, who)
        guises = self._sessions[key]
        self._touched_here.add(key)
        if guises:
            self.enter_at(HERE, slug, _weightiest(guises))
        else:
            del self._sessions[key]
            self.leave_at(HERE, slug, who)

    # Anywhere

    def enter_at(self, node: int, slug: str, guise: Guise) -> None:
        """``node`` has the sender in the room, by that name."""
        who = guise.sender.id
        nodes = self._nodes.setdefault(slug, {}).setdefault(who, {})
        if nodes.get(node) != guise:
            nodes.pop(node, None)  # the latest is last
            nodes[node] = guise
        self._show(slug, who, nodes)

    def leave_at(self, node: int, slug: str, who: str) -> None:
        """``node`` no longer has them."""
        nodes = self._nodes.get(slug, {}).get(who)
        if nodes is None:
            return
        nodes.pop(node, None)
        if nodes:
            self._show(slug, who, nodes)
            return
        self._touched.add((slug, who))
        del self._nodes[slug][who], self._rooms[slug][who]
        if not self._rooms[slug]:
            del self._nodes[slug], self._rooms[slug]

    def _show(self, slug: str, who: str, nodes: dict[int, Guise]) -> None:
        self._rooms.setdefault(slug, {})[who] = _weightiest(nodes.values()).sender
        self._touched.add((slug, who))

    def replace_at(self, node: int, present: Iterable[tuple[str, Guise]]) -> None:
        """``node`` has exactly these sessions, each (room, what it goes by), and nobody else."""
        now: dict[tuple[str, str], Guise] = {}
        for slug, guise in present:
            key = (slug, guise.sender.id)
            now[key] = _weightiest([now[key], guise]) if key in now else guise
        before = [
            (slug, who)
            for slug, people in self._nodes.items()
            for who, nodes in people.items()
            if node in nodes
        ]
        for slug, who in before:
            if (slug, who) not in now:
                self.leave_at(node, slug, who)
        for (slug, _), guise in now.items():
            self.enter_at(node, slug, guise)

    # Since it was last told

    def changes(self) -> tuple[dict[str, Change[Guise]], dict[str, Change[Sender]]]:
        """What changed in this process, and what changed over all, by room.

        Who came and went in between is not mentioned.
        """
        here = self._differences(
            self._touched_here,
            self._told_here,
            lambda slug, who: self._nodes.get(slug, {}).get(who, _NOWHERE).get(HERE),
        )
        everywhere = self._differences(
            self._touched, self._told, lambda slug, who: self.of(slug).get(who)
        )
        return here, everywhere

    @staticmethod
    def _differences(
        touched: set[tuple[str, str]],
        told: dict[str, dict[str, T]],
        now: Callable[[str, str], T | None],
    ) -> dict[str, Change[T]]:
        found: dict[str, Change[T]] = {}
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


def _weightiest(guises: Reversible[Guise]) -> Guise:
    return max(reversed(guises), key=lambda guise: guise.weight)
