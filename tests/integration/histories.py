"""Whether what clients were told of one room fits together. Pure; knows nothing of any server.

Whoever tests notes down what was said, what was acknowledged, and what each witness heard, over
however many connections; ``History.faults`` is then a list of all that cannot be.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

What = tuple[str, ...]
"""What makes an entry that entry: ("message", sender, id), ("edited", target, text), …"""


class Heard(NamedTuple):
    """One entry of the log, as a witness was told it."""

    seq: int
    what: What
    text: str = ""


class _Witness(NamedTuple):
    start: int
    heard: Sequence[Heard]

    @property
    def end(self) -> int:
        return self.heard[-1].seq if self.heard else self.start


class History:
    """What was said in one room, and who heard what of it."""

    def __init__(self) -> None:
        self._said: dict[What, set[str]] = {}
        self._acked: list[tuple[What, int]] = []
        self._witnesses: dict[str, _Witness] = {}

    def said(self, what: What, text: str = "") -> None:
        """Somebody has sent this, acknowledged or not; of several texts, any may come."""
        self._said.setdefault(what, set()).add(text)

    def acked(self, what: What, seq: int) -> None:
        """The server has said that this is in the log, at ``seq``."""
        self._acked.append((what, seq))

    def heard(self, witness: str, start: int, entries: Sequence[Heard]) -> None:
        """All that ``witness`` was told, who is owed everything after ``start``."""
        assert witness not in self._witnesses, f"{witness} was heard already"
        self._witnesses[witness] = _Witness(start, entries)

    def faults(self) -> list[str]:
        """Everything that contradicts the promises; empty when all is well."""
        assert self._witnesses, "a history that nobody heard proves nothing"
        return [
            *self._faults_of_acks(),
            *(
                f"{name}: {fault}"
                for name, witness in self._witnesses.items()
                for fault in (
                    *self._faults_of_order(witness),
                    *self._faults_of_content(witness),
                    *self._losses(witness),
                )
            ),
            *self._disagreements(),
        ]

    def _faults_of_acks(self) -> Iterator[str]:
        at: defaultdict[int, set[What]] = defaultdict(set)
        of: defaultdict[What, set[int]] = defaultdict(set)
        for what, seq in self._acked:
            at[seq].add(what)
            of[what].add(seq)
            if what not in self._said:
                yield f"{what} was acknowledged, but nobody sent it"
        yield from (f"seq {seq} was acknowledged for {w}" for seq, w in at.items() if len(w) > 1)
        yield from (f"{what} was acknowledged at {s}" for what, s in of.items() if len(s) > 1)

    @staticmethod
    def _faults_of_order(witness: _Witness) -> Iterator[str]:
        for before, seq in pairwise([witness.start, *(entry.seq for entry in witness.heard)]):
            if seq <= before:
                yield f"seq {seq} came after {before}"
            elif seq > before + 1:
                yield f"a hole: seq {seq} came after {before}"

    def _faults_of_content(self, witness: _Witness) -> Iterator[str]:
        for what, times in Counter(entry.what for entry in witness.heard).items():
            if times > 1:
                yield f"{what} came {times} times"
        for entry in witness.heard:
            if entry.what not in self._said:
                yield f"{entry} came, which nobody sent"
            elif entry.text not in self._said[entry.what]:
                yield f"{entry} came, but was sent as {self._said[entry.what]}"

    def _losses(self, witness: _Witness) -> Iterator[str]:
        found = {entry.what: entry.seq for entry in witness.heard}
        for what, seq in self._acked:
            if seq > witness.start and found.get(what) != seq:
                yield f"{what}, acknowledged at {seq}, came at {found.get(what)}"
        longest = max(other.end for other in self._witnesses.values())
        if witness.end < longest:
            yield f"ends at {witness.end}, where others have heard up to {longest}"

    def _disagreements(self) -> Iterator[str]:
        first: dict[int, tuple[str, What]] = {}
        for name, witness in self._witnesses.items():
            for seq, what, _ in witness.heard:
                other, known = first.setdefault(seq, (name, what))
                if what != known:
                    yield f"seq {seq} is {known} for {other} and {what} for {name}"
