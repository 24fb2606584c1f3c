"""Looking again at everybody who was let in: what they may no longer have, they lose.

By word over the bus at once; and, as words get lost, by looking at a quarter of the sessions in
each beat, at all of them in a heartbeat, in which all bans are read once, too. A database that is
away changes nothing for anybody.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from chat import access, standing, store
from chat.hub import reviewing, signals
from chat.hub.bans import Bans
from chat.hub.rooms import session_of
from chat.hub.session import BEATS, Session
from chat.models import Room as Record
from chat.protocol.closing import CloseCode
from chat.protocol.errors import Unavailable

if TYPE_CHECKING:
    from chat.hub.hub import Hub

logger = logging.getLogger("chat")

# Words that come within this time of another are seen to together.
GATHER_SECONDS = 0.1

SESSIONS_AT_ONCE = 256

# Sign-outs that are remembered, for those who were identified just before and come in just after.
# That takes milliseconds, so it would need 10 000 sign-outs within them to forget one too early.
ENDED_MOST = 10_000


class Guard:
    """What one hub knows of who may still be there, and how it finds out more."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.bans = Bans()
        self._mark: store.Mark | None = None
        """The mark of the bans that were last read; ``None`` before any were."""
        self._reading = asyncio.Lock()
        self._barred = True
        """Whether the bans are to be read whatever their mark, and all judged by them."""
        self._judged_at = timezone.now()
        self._doubted: dict[Session, bool] = {}
        """Whom to look at next, and whether thoroughly."""
        self._logins: dict[str, dict[Session, None]] = {}
        self._ended: dict[str, None] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Look, for as long as the hub lives."""
        due = self.hub.loop.time()
        for turn in itertools.count():
            due = max(due + self._beat, self.hub.loop.time())
            if turn % BEATS == 0:
                self._barred = True  # one that was changed in place leaves the mark as it is
            for step in (self._compare_bans, self._close_those_asked_for, self._settle):
                await self._try(step)
            await self._try(self._look_at_those_of, turn % BEATS)
            while (left := due - self.hub.loop.time()) > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left):  # see ``Heart._rest``
                        await self._wake.wait()
                    self._wake.clear()
                    await self._try(self._settle)
                    await asyncio.sleep(GATHER_SECONDS)

    @property
    def _beat(self) -> float:
        return self.hub.config.heartbeat / BEATS

    async def _try(self, step: Callable[..., Coroutine[Any, Any, None]], *args: int) -> None:
        try:
            await step(*args)
        except Unavailable:
            pass  # the next beat tries again
        except Exception:
            logger.exception("a look at the sessions failed: %s", step.__name__)

    # Who comes and goes

    def came(self, session: Session) -> None:
        """A session was let in. Who was identified a moment ago is looked at once more."""
        session.restraints = self.restraints(session.identity.key, session.address)
        if session.identity.user_pk is None:
            return
        login = session.identity.proof.login
        if login:
            self._logins.setdefault(login, {})[session] = None
        self._doubted.setdefault(session, False)
        self._wake.set()

    def gone(self, session: Session) -> None:
        """A session is over."""
        self._doubted.pop(session, None)
        sessions = self._logins.get(session.identity.proof.login, {})
        sessions.pop(session, None)
        if not sessions:
            self._logins.pop(session.identity.proof.login, None)

    def has_ended(self, login: str) -> bool:
        """Whether that Django session was signed out a short while ago."""
        return login in self._ended

    # What is heard

    def hear(self, signal: signals.Revoking) -> None:
        """Somebody may have lost something."""
        match signal:
            case signals.Barred():
                self._barred = True
                self._wake.set()
            case signals.SignedOut():
                self._sign_out(signal.logins)
            case signals.Doubted(users=None):
                self._doubt(one for one in self.hub.sessions if one.identity.is_privileged)
            case signals.Doubted():
                for key in signal.users or ():
                    self._doubt(self.hub.sessions_of(key))
            case signals.Dismissed():
                self._dismiss(dict.fromkeys(signal.sessions, signal.code))

    def _sign_out(self, logins: Iterable[str]) -> None:
        for login in logins:
            self._ended[login] = None
            for session in list(self._logins.get(login, ())):
                session.close(CloseCode.SIGNED_OUT)
        while len(self._ended) > ENDED_MOST:
            del self._ended[next(iter(self._ended))]

    def _doubt(self, sessions: Iterable[Session]) -> None:
        """Have those looked at thoroughly; what they are just being given is not to count."""
        for session in sessions:
            session.reviews += 1
            self._doubted[session] = True
            self._wake.set()

    def _dismiss(self, codes: dict[str, int]) -> None:
        for session in list(self.hub.sessions) if codes else ():
            code = codes.get(session.id)
            if code is not None:
                session.close(CloseCode(code))

    async def _close_those_asked_for(self) -> None:
        if self.hub.presence.node is not None:
            self._dismiss(await self.hub.threads.read(store.to_close, self.hub.presence.node))

    # Bans

    async def known(self) -> None:
        """Wait until the bans have been read once. Raises ``Unavailable``."""
        if self._mark is None:
            async with self._reading:
                if self._mark is None:
                    await self._read_bans()

    def restraints(self, key: str, address: str) -> tuple[access.Restraint, ...]:
        """What restrains a sender who comes from ``address``, now."""
        return self.bans.against(key, address, timezone.now())

    async def look_at_bans(self) -> None:
        """Go by the bans that are committed by now, as far as they can be read.

        For who was seen to have lost a role in a room: that goes in one transaction with a ban
        where somebody is removed, and by bans that were read before it nobody could be told why.
        """
        await self._try(self._compare_bans)

    async def _compare_bans(self) -> None:
        """Read the bans where there are others than before, and let those go that have ended."""
        if self._barred or await self.hub.threads.read(store.mark_of_bans) != self._mark:
            await self._read_anew()
        elif self.bans.ended(self._judged_at, timezone.now()):
            await self._judge_all()

    async def _read_anew(self) -> None:
        self._barred = False
        try:
            async with self._reading:
                await self._read_bans()
        except BaseException:
            self._barred = True
            raise
        await self._judge_all()

    async def _read_bans(self) -> None:
        def read() -> tuple[store.Mark, Bans]:
            # The mark first: what comes in between is read again.
            return store.mark_of_bans(), Bans(store.restraints())

        self._mark, self.bans = await self.hub.threads.read(read)

    async def _judge_all(self) -> None:
        self._judged_at = now = timezone.now()
        for number, session in enumerate(list(self.hub.sessions)):
            self.judge(session, now)
            if number % SESSIONS_AT_ONCE == 0:
                await asyncio.sleep(0)

    def judge(self, session: Session, now: datetime) -> None:
        """Go by the bans that were last read."""
        restraints = self.bans.against(session.identity.key, session.address, now)
        if restraints != session.restraints and not session.closed:
            reviewing.restrain(session, restraints)

    # Users

    async def _settle(self) -> None:
        """See to what was heard, to users even where the bans cannot be read."""
        if self._barred:
            await self._try(self._read_anew)
        doubted, self._doubted = self._doubted, {}
        try:
            for thoroughly in (True, False):
                chosen = [session for session, how in doubted.items() if how is thoroughly]
                await self._look_at(chosen, thoroughly=thoroughly)
        except BaseException:
            for session in doubted.keys() & self.hub.sessions.keys():
                self._doubted[session] = doubted[session] or self._doubted.get(session, False)
            raise

    async def _look_at_those_of(self, turn: int) -> None:
        chosen = [session for session in self.hub.sessions if session.turn == turn]
        await self._look_at(chosen, thoroughly=False)

    async def _look_at(self, sessions: Sequence[Session], *, thoroughly: bool) -> None:
        """Ask the site about users; guests have nothing that it could take back."""
        users = [session for session in sessions if session.identity.user_pk is not None]
        for first in range(0, len(users), standing.AT_ONCE):
            some = [
                session for session in users[first : first + standing.AT_ONCE] if not session.closed
            ]
            found = await self.hub.threads.read(
                standing.confirm, [session.identity for session in some], thoroughly=thoroughly
            )
            for session, now in zip(some, found, strict=True):
                self._take(session, now)
            await self._look_at_roles(some, all_of_them=thoroughly)

    def _take(self, session: Session, now: standing.Standing) -> None:
        if session.closed:
            return
        if now.identity is None:
            session.close(CloseCode.SIGNED_OUT)
            return
        reviewing.become(session, now.identity)
        if now.expires is not None:
            left = (now.expires - timezone.now()).total_seconds()
            if left < 2 * self.hub.config.heartbeat:
                # Until the next look that would be too late.
                self.hub.loop.call_later(left + GATHER_SECONDS, self._expire, session)

    def _expire(self, session: Session) -> None:
        if not session.closed:
            self._doubted.setdefault(session, False)
            self._wake.set()

    async def _look_at_roles(self, sessions: Iterable[Session], *, all_of_them: bool) -> None:
        """Ask for the roles that places in rooms depend on."""
        before = {
            seat: seat.rights
            for session in sessions
            if not session.closed
            for seat in session.seats.values()
            if all_of_them
            or seat.rights.role is not None
            or seat.room.record.kind == Record.Kind.PRIVATE
        }
        places = {seat: (seat.room.record.pk, session_of(seat).identity.user_pk) for seat in before}
        roles = await self.hub.threads.read(store.roles_at, set(places.values()))
        if any(before[seat].role and not roles.get(place) for seat, place in places.items()):
            await self.look_at_bans()
        for seat, rights in before.items():
            session = session_of(seat)
            if session.closed or session.seats.get(seat.room.slug) is not seat:
                continue
            role = roles.get(places[seat])
            if seat.rights is not rights:
                self._doubt([session])  # decided anew while we read
            elif role != rights.role:
                session.reviews += 1
                reviewing.take_role(session, seat, role)
