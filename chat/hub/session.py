"""One connection: its identity, its rooms, its limits, and what it is told."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from django.utils import timezone
from msgspec import UNSET, UnsetType

from chat.access import Restraint
from chat.hub import carrying, visiting
from chat.hub.dialects import Dialect
from chat.hub.intake import Intake
from chat.hub.limits import TokenBucket
from chat.hub.outgoing import Messages, Outgoing, size_of
from chat.hub.seat import Seat
from chat.hub.sending import Outlet, Send
from chat.hub.window import Credit
from chat.identity import Identity
from chat.protocol import VERSION, commands, events
from chat.protocol.closing import CloseCode
from chat.protocol.commands import AnyCommand, Ref
from chat.protocol.errors import Problem, Unavailable
from chat.protocol.frames import Rejected

if TYPE_CHECKING:
    from chat.hub.hub import Hub

logger = logging.getLogger("chat")

BEATS = 4
"""Beats of the hub in a heartbeat: each pings a quarter of the sessions."""

NEVER = -1
"""The turn of a session that has not been welcomed yet: nothing may come before that."""

# A client with a full window, or a full socket, has this long to take something.
STALLED_HEARTBEATS = 0.5

TYPING_RATE, TYPING_BURST = 1.0, 2
"""How often a second somebody's typing is told, and how often at once."""

_turns = itertools.count()


class Session:
    """A connection that was let in. Not thread-safe: it lives on its hub's loop."""

    __slots__ = (
        "_answered",
        "_credit",
        "_intake",
        "_outlet",
        "_replies",
        "address",
        "client",
        "closed",
        "creations",
        "dialect",
        "heard_at",
        "hub",
        "id",
        "identity",
        "posts",
        "restraints",
        "reviews",
        "seats",
        "sender_id",
        "since",
        "terminal",
        "turn",
        "typings",
    )

    def __init__(
        self,
        hub: Hub,
        identity: Identity,
        dialect: Dialect,
        address: str,
        send: Send,
        *,
        cut: Callable[[], None] = lambda: None,
        client: str = "",
    ) -> None:
        rate = hub.config.posts_per_second
        self.id = secrets.token_hex(8)
        self.hub = hub
        self.identity = identity
        self.sender_id = identity.sender.id
        self.dialect = dialect
        self.terminal = dialect.terminal
        self.address = address
        self.client = client
        self.since = timezone.now()
        self.seats: dict[str, Seat] = {}
        self.restraints: tuple[Restraint, ...] = ()
        """The bans and mutes that it was last judged by."""
        self.reviews = 0
        """How often it came into doubt what it may do: a join under way begins anew."""
        self.closed = False
        self.turn = NEVER
        """The beat of each heartbeat in which this session is pinged."""
        self.heard_at = hub.loop.time()
        self._intake = Intake(self)
        self._outlet = Outlet(
            send,
            most=hub.config.window_bytes,
            freed=self._freed,
            failed=self.too_slow,
            cut=cut,
        )
        self._credit = Credit(hub.config.window_bytes)
        self._answered: asyncio.Future[None] | None = None
        """Done by the next pong, where a command waits for one."""
        self._replies: list[events.AnyEvent] = []
        self.posts = TokenBucket(rate, burst=2 * rate)
        self.typings = TokenBucket(TYPING_RATE, TYPING_BURST)
        # Each room that is made is a transaction of the one writer that stores everybody's posts.
        self.creations = TokenBucket(
            hub.config.rooms_created_per_minute / 60, burst=2 * hub.config.rooms_per_session
        )

    # What the client says

    def begin(self) -> None:
        """What a connection starts with: a welcome, or for a terminal its place in ``main``."""
        if self.terminal:
            self._intake.take([carrying.FIRST_JOIN])
        else:
            self.reply(self._welcome())
            self.flush()
        self.turn = next(_turns) % BEATS

    @property
    def welcomed(self) -> bool:
        """Whether the session has begun: nothing may come before that."""
        return self.turn != NEVER

    def _welcome(self) -> events.Welcome:
        config = self.hub.config
        return events.Welcome(
            version=VERSION,
            session=self.id,
            sender=self.identity.sender,
            heartbeat=config.heartbeat,
            limits=events.Limits(
                text=config.text_limit,
                frame=config.frame_limit,
                posts_per_second=config.posts_per_second,
                window=config.window,
            ),
        )

    def receive(self, text: str) -> None:
        """Take one frame of the client's, and carry out its commands."""
        self.heard_at = self.hub.loop.time()
        self._intake.receive(text)

    def take(self, found: Sequence[AnyCommand | Rejected]) -> None:
        """Carry out commands in order; at once, where nothing has to be waited for."""
        self._intake.take(found)

    def pong(self, command: commands.Pong) -> None:
        """The client says how far it is."""
        self._credit.answered()
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(None)
        visiting.pong(self, command)

    async def until_read(self) -> None:
        """Wait, with a large answer, until the client has read enough of those before."""
        while self._credit.half_spent:
            self._ping_if_due(0)  # its answer is what we wait for
            self._answered = self.hub.loop.create_future()
            patience = STALLED_HEARTBEATS * self.hub.config.heartbeat
            limit = self.hub.loop.call_later(patience, self.too_slow)
            try:
                await self._answered
            finally:
                limit.cancel()

    # Its rooms

    async def catch_up(self, seat: Seat) -> None:
        """Serve ``seat`` what it lacks; while the log cannot be read, the hub's beat does later."""
        try:
            await seat.room.catch_up(seat)
        except Unavailable:
            return

    def resume(self) -> None:
        """The client takes more again: send what it has not been sent."""
        for seat in list(self.seats.values()):
            if not seat.live and not seat.serving:
                self.hub.spawn(self.catch_up(seat))

    def _freed(self) -> None:
        for seat in self.seats.values():
            seat.stalled_at = None
        self.resume()

    # What the client is told

    def push_row(self, row: Messages) -> int:
        """Send what can be had again from the log; see ``Outlet.push_row``."""
        return self._outlet.push_row(row)

    def push_log(self, message: Outgoing) -> bool:
        """The same for what is read from the log for this session alone, which has its bound."""
        if self._credit.half_spent:
            self._ping_if_due(0)  # its answer is what we wait for
            return False
        if not self._outlet.push(message):
            return False
        self._ping_if_due(size_of(message))
        return True

    def push_all(self, messages: Sequence[Outgoing]) -> bool:
        """Send all, the rest of them later if need be; false when nothing can be sent now."""
        if messages and not self._outlet.push(messages[0]):
            return False
        for message in messages[1:]:
            self._outlet.send(message)
        return True

    def reply(self, event: events.AnyEvent) -> None:
        """Send ``event`` to this session alone, in one frame with others of this turn."""
        if self.closed:
            return
        if not self._replies:
            self.hub.loop.call_soon(self.flush)
        self._replies.append(event)

    def flush(self) -> None:
        """Send the replies that wait, now."""
        if not self.closed:
            self._tell()

    def _tell(self) -> None:
        replies, self._replies = self._replies, []
        if not replies:
            return
        messages = self.dialect.show(replies)
        for message in messages:
            self._outlet.send(message)
        if self.terminal:
            return
        self._ping_if_due(sum(map(size_of, messages)))
        if self._credit.exceeded:
            self.too_slow()

    def _ping_if_due(self, sent: int) -> None:
        if self._credit.sent(sent):
            self.reply(events.Ping())

    def refuse(
        self, problem: Problem, ref: Ref | UnsetType = UNSET, post_id: str | UnsetType = UNSET
    ) -> None:
        """Answer a command that was not carried out."""
        if isinstance(problem, Unavailable):
            self.hub.figures.counts.unavailable += 1
        self.reply(
            events.Error(
                ref=ref,
                code=problem.code,
                detail=problem.detail,
                id=post_id,
                retry_after=UNSET if problem.retry_after is None else problem.retry_after,
            )
        )

    # The end

    @property
    def overflows(self) -> bool:
        """Whether its connection holds more than may be: see ``Outlet.overflows``."""
        return self._outlet.overflows

    def too_slow(self) -> None:
        """Close: the client is more than the window behind; it may come back and resume."""
        self.close(CloseCode.TOO_SLOW)

    def close(self, code: CloseCode) -> None:
        """Close with ``code``; what was answered before is sent first."""
        if self.closed:
            return
        self.closed = True
        self._tell()
        self.hub.figures.closed(code)
        self._outlet.close(code)
        self._give_back()

    def gone(self) -> None:
        """The socket is gone. Safe to call again."""
        self.closed = True
        self._outlet.abandon()
        self._give_back()

    def _give_back(self) -> None:
        visiting.leave_all(self, gone=True)
        self._intake.stop()
        self.hub.disconnect(self)
