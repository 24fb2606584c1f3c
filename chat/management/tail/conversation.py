"""A client's side of one room: where it is in the log, and what it still has to say.

Decides what to send and what to show, and does neither: no loop, no socket, no clock.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterator

import msgspec
from msgspec import UNSET, Struct, UnsetType

from chat.protocol import commands, events
from chat.protocol.commands import AnyCommand, Position
from chat.protocol.events import AnyEvent, Sender

RETRY_AFTER = 2.0
"""Seconds to wait where the server does not say how many."""

_PASSING = frozenset({"rate_limited", "unavailable"})
_JOIN = "join"
_RENAME = "rename"


class Ended(Exception):
    """The conversation cannot go on; the message says why."""


class Remark(Struct, frozen=True):
    """Something the client itself has to say."""

    text: str


Shown = AnyEvent | Remark


class Conversation:
    """One room, over however many connections.

    Nothing of its log is shown twice, and what is missing is said to be. Lines go out one at a
    time, so that none overtakes another; the one under way goes out again under the same id after
    a loss, and the server stores it once.
    """

    def __init__(self, room: str, *, history: int, name: str = "", user: str = "") -> None:
        """``name`` is a guest's to be; ``user`` the sender's id of whom the cookies sign in."""
        self.room = room
        self.history = history
        self.name = name
        self.user = user
        self.me: Sender | None = None
        self.joined = False
        self.lines: deque[commands.Post] = deque()
        """What is not known to be stored, oldest first."""
        self.refused = 0
        """How many lines will never be."""
        self.retry_after: float | None = None
        """Seconds after which ``go_on`` is to be called; whoever calls it sets this to ``None``."""
        self._epoch = ""
        self._seq: int | None = None
        """The last seq that was shown; ``None`` until a fresh join has brought one."""
        self._frame_limit = 0  # until the welcome: nothing is said before
        self._under_way = False
        self._sent = False
        """Whether the first line went out, over this connection or an earlier one."""
        self._commands: list[AnyCommand] = []

    @property
    def seen(self) -> dict[str, int]:
        """What a pong says."""
        return {} if self._seq is None else {self.room: self._seq}

    def take(self) -> list[AnyCommand]:
        """The commands to send now."""
        taken, self._commands = self._commands, []
        return taken

    # What is said

    def say(self, text: str) -> Iterator[Remark]:
        """Have ``text`` said in the room, as soon as that can be; blank lines are nothing.

        What there is to show comes back: that it cannot be sent.
        """
        text = text.replace("\0", "␀")  # no database takes it
        if not text.strip():
            return
        post = commands.Post(room=self.room, text=text, id=secrets.token_hex(16))
        if len(msgspec.json.encode(post)) > self._frame_limit:
            self.refused += 1
            yield Remark(f"not sent, as it is too long: {text[:60]}…")  # the server would hang up
            return
        self.lines.append(post)
        self._send()

    def go_on(self) -> None:
        """Do again what the server wanted to be asked later."""
        self._under_way = False
        if self.joined:
            self._send()
        else:
            self._join()

    def _join(self) -> None:
        after = None if self._seq is None else Position(epoch=self._epoch, seq=self._seq)
        self._commands.append(
            commands.Join(room=self.room, after=after, history=self.history, ref=_JOIN)
        )

    def _send(self) -> None:
        if self.joined and self.lines and not self._under_way:
            self._under_way = self._sent = True
            self._commands.append(self.lines[0])

    def lost(self) -> None:
        """The connection is gone; all of this goes on over the next."""
        self.joined = self._under_way = False
        self.retry_after = None
        self._commands.clear()

    # What is heard

    def hear(self, event: AnyEvent) -> Iterator[Shown]:
        """Take in one event; what there is to show. Raises ``Ended``."""
        match event:
            case events.Welcome():
                yield from self._welcomed(event)
            case events.Ping():
                self._commands.append(commands.Pong(seen=self.seen))
            case events.Joined():
                yield from self._entered(event)
            case events.Message() | events.Edited() | events.Deleted():
                yield from self._logged(event)
            case events.Ack():
                self._stored(event.id)
                yield event
            case events.Error():
                yield from self._failed(event)
            case events.Left():
                raise Ended(f"No longer in {self.room}.")
            case events.Renamed():
                self.me = event.sender
            case events.Presence():
                # That one is there oneself is no news.
                if any(sender != self.me for sender in (*event.joined, *event.left)):
                    yield event
            case events.Notice():
                yield event

    def _welcomed(self, welcome: events.Welcome) -> Iterator[Remark]:
        known, self.me = self.me, welcome.sender
        self._frame_limit = welcome.limits.frame
        if self.user and welcome.sender.id != self.user:
            raise Ended(
                "The server does not know the session that was made for this user. "
                "Does it use the same database and the same SECRET_KEY?"
            )
        if self._sent and known is not None and known.id != welcome.sender.id:
            # Another sender's ids are other ids: sent again, it could be there twice.
            yield self._given_up("may not have arrived")
        if self.name:
            self._commands.append(commands.Rename(name=self.name, ref=_RENAME))
        self._join()

    def _entered(self, joined: events.Joined) -> Iterator[Shown]:
        # A head before what was shown is a restored database's, whose epoch was left as it was.
        same = joined.epoch == self._epoch and joined.head >= (self._seq or 0)
        if joined.recovered is False and not same:
            yield Remark("the room has another history now, which begins here")
        if not joined.recovered and not same:
            # The messages that come now tell where the log begins for us; without any, at its head.
            begins_at_head = joined.head == 0 or self.history == 0
            self._seq = joined.head if begins_at_head else None
        self._epoch = joined.epoch
        self.joined = True
        yield joined
        self._send()

    def _logged(self, event: events.Logged) -> Iterator[Shown]:
        if isinstance(event, events.Message) and self.me and event.sender.id == self.me.id:
            self._stored(event.id)
        before = event.seq - 1 if self._seq is None else self._seq
        if event.seq <= before:
            return
        if event.seq > before + 1:
            yield Remark(f"{event.seq - before - 1} events before this one are not shown")
        self._seq = event.seq
        yield event

    def _failed(self, error: events.Error) -> Iterator[Shown]:
        ours = bool(self.lines) and error.id == self.lines[0].id
        if error.code in _PASSING and (ours or error.ref == _JOIN):
            wait = error.retry_after
            self.retry_after = RETRY_AFTER if wait is UNSET else wait
        elif error.ref == _JOIN:
            raise Ended(f"{self.room}: {error.detail}.")
        elif error.ref == _RENAME:
            raise Ended(f"Cannot be called {self.name}: {error.detail}.")
        else:
            yield error
            if ours:
                yield self._given_up("not sent")
                self._send()

    def _stored(self, id: str | UnsetType) -> None:
        if self.lines and self.lines[0].id == id:
            self._next()
            self._send()

    def _given_up(self, how: str) -> Remark:
        self.refused += 1
        return Remark(f"{how}: {self._next().text}")

    def _next(self) -> commands.Post:
        self._under_way = self._sent = False
        return self.lines.popleft()
