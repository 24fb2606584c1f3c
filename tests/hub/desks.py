"""Writers on a database that does as a test says."""

from collections.abc import Sequence

from django.db import DataError, InternalError

from chat import store
from chat.hub.writer import Writer
from chat.protocol.errors import Forbidden, Unavailable
from chat.store import Draft, Outcome, PostDraft, Stored
from tests.fakes import EPOCH, Threads, entry


def draft(number: int, room: str = "main", text: str = "") -> PostDraft:
    """Return a post with an id of its own."""
    return PostDraft(
        room=room, sender_key="u:7", sender_name="bob", id=f"i{number}", text=text or f"m{number}"
    )


class Database:
    """What ``store.append`` does: gives seqs, refuses poison, or is away."""

    def __init__(self) -> None:
        self.heads: dict[str, int] = {}
        self.away = False
        self.doubts = 0
        """How many of the next transactions are stored while their commits seem to fail."""
        self.read_only = False
        self.again: list[bool] = []
        """Of each transaction, whether it was said to be one more try."""
        self.others = 0
        """Messages that another process adds before each transaction of ours."""

    def append(self, drafts: Sequence[Draft], *, again: bool) -> list[Outcome]:
        """Store all of ``drafts`` or none."""
        self.again.append(again)
        if self.read_only:
            raise InternalError("cannot execute INSERT in a read-only transaction")
        if self.away:
            raise Unavailable
        if self.doubts:
            self.doubts -= 1
            self.away = True
            raise store.CommitInDoubt("server closed the connection unexpectedly")
        posts = [draft for draft in drafts if isinstance(draft, PostDraft)]
        if any(post.text == "poison" for post in posts):
            raise DataError("poison")
        if any(post.text == "bug" for post in posts):
            raise RuntimeError("bug")
        for room in {post.room for post in posts}:
            self.heads[room] = self.heads.get(room, 0) + self.others
        return [self._one(post) for post in posts]

    def _one(self, post: PostDraft) -> Outcome:
        if post.text == "forbidden":
            return Forbidden()
        if post.text == "double":
            return Stored(room=post.room, epoch=EPOCH, seq=1)
        seq = self.heads[post.room] = self.heads.get(post.room, 0) + 1
        return Stored(room=post.room, epoch=EPOCH, seq=seq, entry=entry(seq, room=post.room))


class Desk:
    """A writer on a fake database, and what it said."""

    def __init__(self, *, batch: int = 100) -> None:
        self.database = Database()
        self.threads = Threads(self.database.append)
        self.said: list[tuple[str, object]] = []
        self.writer = Writer(self.threads, batch=batch, publish=self._publish)  # type: ignore[arg-type]  # a stand-in

    def _publish(self, room: str, epoch: str, entries: list[store.Entry]) -> None:
        assert epoch == EPOCH
        self.said.append((room, [entry.seq for entry in entries]))

    def submit(self, number: int, room: str = "main", text: str = "") -> None:
        """Submit a draft, whose outcome is noted down under its number."""
        self.writer.submit(
            draft(number, room, text), lambda outcome: self.said.append((f"#{number}", outcome))
        )

    @property
    def outcomes(self) -> dict[str, object]:
        """What became of each draft: its seq, or the type of its problem."""
        return {
            name: outcome.seq if isinstance(outcome, Stored) else type(outcome)
            for name, outcome in self.said
            if name.startswith("#")
        }

    @property
    def published(self) -> list[tuple[str, object]]:
        """What was published, by room."""
        return [(name, seqs) for name, seqs in self.said if not name.startswith("#")]
