"""The groups of the channel layer that this process is in, and those it is to be in.

One task makes the two the same. So nobody waits for a layer that is slow or away, and no two calls
about one group are ever under way, of which either might come last.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any

AT_ONCE = 16
"""Calls of the layer that are under way together; while it cannot be reached, two."""

# Channels that were given up and are still in groups; older ones stay there, for the day that
# memberships last.
GIVEN_UP_MOST = 8

RETRY_SECONDS = (0.1, 0.5, 1.0, 2.0)
"""Between attempts while the layer is away; the last one again and again."""

Call = Callable[[], Awaitable[None]]


class Memberships:
    """The groups of one channel at a time.

    ``attempt`` carries out a call of the layer and says whether it succeeded, soon whatever the
    layer does. ``entered`` is called for each group that a new channel enters for the first time,
    and ``whole`` when every group is entered after some may not have been.
    """

    def __init__(
        self,
        layer: Any,
        first: str,
        *,
        attempt: Callable[[Call], Awaitable[bool]],
        entered: Callable[[], None],
        whole: Callable[[], None],
    ) -> None:
        self._layer = layer
        self._attempt = attempt
        self._entered = entered
        self._whole = whole
        self.channel = ""
        """The one that is listened to; empty while there is none."""
        self.behind = False
        """Whether a call failed when the layer was last tried."""
        self._wanted: dict[str, None] = {first: None}
        self._held: set[str] = set()
        """Groups that the channel may be in."""
        self._due: OrderedDict[str, None] = OrderedDict()
        """Groups in which it may not be as it is to be, in the order in which that is mended."""
        self._given_up: deque[str] = deque()
        self._left: OrderedDict[tuple[str, str], None] = OrderedDict()
        """Channels that were given up, each with a group that it may be in."""
        self._new: set[str] = set()
        """Groups that the channel has to enter for the first time, of when it was new."""
        self._doubtful = False
        self._waiters: dict[str, asyncio.Future[None]] = {}
        self._wake = asyncio.Event()

    def use(self, channel: str) -> None:
        """Have ``channel`` enter every group."""
        self.channel = channel
        self._new = set(self._wanted)
        # Whoever entered before there was a channel did not wait to be in.
        self._doubtful = self._doubtful or len(self._wanted) > 1
        self.renew()

    def give_up(self) -> None:
        """The channel is not listened to any more: take it out of its groups, in time."""
        if self._held:
            self._given_up.append(self.channel)
            self._left.update(((self.channel, group), None) for group in self._held)
        while len(self._given_up) > GIVEN_UP_MOST:
            oldest = self._given_up.popleft()
            for pair in [pair for pair in self._left if pair[0] == oldest]:
                del self._left[pair]
        self.channel = ""
        self._held = set()
        self._due.clear()
        self._doubtful = True

    def renew(self) -> None:
        """Enter every group again: memberships expire, and a flushed Redis forgets them."""
        for group in self._wanted:
            self._due.setdefault(group)
        self._wake.set()

    def doubt(self) -> None:
        """The same, and ``whole`` is to be called at the end."""
        self._doubtful = True
        self.renew()

    async def enter(self, group: str, patience: float) -> None:
        """Be in ``group``: when this returns, or later where that takes more than ``patience``."""
        self._wanted[group] = None
        if not self.channel or (group in self._held and group not in self._due):
            return
        self._due[group] = None
        self._due.move_to_end(group, last=False)
        self._wake.set()
        if self.behind:
            return  # nobody is to wait for the layer once more
        waiter = self._waiters.get(group)
        if waiter is None:
            waiter = self._waiters[group] = asyncio.get_running_loop().create_future()
        await asyncio.wait([waiter], timeout=patience)

    def leave(self, group: str) -> None:
        """Be no longer in ``group``, in time."""
        self._wanted.pop(group, None)
        self._new.discard(group)
        self._release(group)
        if self.channel:
            self._due[group] = None
            self._wake.set()

    async def run(self) -> None:
        """Do what is due, for ever."""
        failed = 0
        while True:
            if self._doubtful and self.channel and not self._due:
                self._doubtful = False
                self._whole()
            calls = self._next()
            if not calls:
                self._wake.clear()
                await self._wake.wait()
            elif all(await asyncio.gather(*(self._mend(*call) for call in calls))):
                self.behind = False
                failed = 0
            else:
                self.behind = self._doubtful = True
                self._release(*self._waiters)
                await asyncio.sleep(RETRY_SECONDS[min(failed, len(RETRY_SECONDS) - 1)])
                failed += 1

    def _next(self) -> list[tuple[str, str]]:
        """What is due first: channels, each with a group."""
        most = 1 if self.behind else AT_ONCE
        calls = [(self.channel, group) for group in islice(self._due, most)] if self.channel else []
        # A turn for these too, however long that takes: one group may fail for ever.
        return calls + list(islice(self._left, 1 if calls else most))

    async def _mend(self, channel: str, group: str) -> bool:
        if channel != self.channel:
            return await self._take_out(channel, group)
        entering = group in self._wanted
        if entering:
            self._held.add(group)  # also where it fails: that may be only its answer
            done = await self._attempt(lambda: self._layer.group_add(group, channel))
        else:
            done = await self._attempt(lambda: self._layer.group_discard(group, channel))
        if channel != self.channel:
            return True  # it was given up meanwhile
        if not done:
            if group in self._due:
                self._due.move_to_end(group)  # others may not fail
            return False
        if not entering:
            self._held.discard(group)
        if entering == (group in self._wanted):
            self._due.pop(group, None)
            self._release(group)
            if group in self._new:
                self._new.discard(group)
                self._entered()
        return True

    async def _take_out(self, channel: str, group: str) -> bool:
        done = await self._attempt(lambda: self._layer.group_discard(group, channel))
        if done:
            self._left.pop((channel, group), None)
        elif (channel, group) in self._left:
            self._left.move_to_end((channel, group))
        return done

    def _release(self, *groups: str) -> None:
        for group in groups:
            waiter = self._waiters.pop(group, None)
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    async def stop(self) -> None:
        """Leave all groups; the rest of them stays where the layer cannot be reached."""
        self.give_up()
        while pairs := list(islice(self._left, AT_ONCE)):
            if not all(await asyncio.gather(*(self._take_out(*pair) for pair in pairs))):
                return
