"""The groups of the channel layer that this process is in, and those it is to be in.

One task makes the two the same. So nobody waits for a layer that is slow or away, and no two calls
about one group are ever under way, of which either might come last.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any

AT_ONCE = 16
"""Calls of the layer that are under way together."""

# Channels that were given up and are still in groups. What is sent to one costs the layer its
# capacity once, and memberships expire after a day.
ABANDONED_MOST = 8

RETRY_SECONDS = (0.1, 0.5, 1.0, 2.0)
"""Between attempts while the layer is away; the last one again and again."""


class Memberships:
    """The groups of one channel at a time.

    ``attempt`` awaits a call of the layer and says whether it succeeded, soon whatever the layer
    does. ``entered`` is called with each group that a new channel enters for the first time, and
    ``whole`` when every group is entered after some may not have been.
    """

    def __init__(
        self,
        layer: Any,
        first: str,
        *,
        attempt: Callable[[Awaitable[None]], Awaitable[bool]],
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
        """Whether the layer could not be reached when it was last tried."""
        self._wanted: dict[str, None] = {first: None}
        self._due: OrderedDict[str, None] = OrderedDict()
        """Groups that may not be as they are to be, in the order in which that is mended."""
        self._held: dict[str, set[str]] = {}
        """By channel, those it may be in: the channels given up too."""
        self._new: set[str] = set()
        """Groups that the channel has to enter for the first time, of when it was new."""
        self._doubtful = False
        self._waiters: dict[str, asyncio.Future[None]] = {}
        self._wake = asyncio.Event()

    def use(self, channel: str) -> None:
        """Have ``channel`` enter every group."""
        self.channel = channel
        self._held[channel] = set()
        self._new = set(self._wanted)
        self.renew()

    def give_up(self) -> None:
        """The channel is not listened to any more: take it out of its groups, in time."""
        self.channel = ""
        self._doubtful = True
        self._due.clear()
        for channel in list(self._held)[:-ABANDONED_MOST]:
            del self._held[channel]

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
        if not self.channel:
            return
        if group in self._held[self.channel] and group not in self._due:
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
        if self.channel:
            self._due[group] = None
            self._wake.set()

    async def run(self) -> None:
        """Do what is due, for ever."""
        failed = 0
        while True:
            calls = self._next()
            if not calls:
                if self._doubtful and self.channel:
                    self._doubtful = False
                    self._whole()
                self._wake.clear()
                await self._wake.wait()
            elif all(await asyncio.gather(*(self._mend(*call) for call in calls))):
                failed = 0
                if self.behind:
                    self.behind = False
                    self.doubt()  # it may have forgotten the others, too
            else:
                self.behind = True
                self._release(*self._waiters)
                await asyncio.sleep(RETRY_SECONDS[min(failed, len(RETRY_SECONDS) - 1)])
                failed += 1

    def _next(self) -> list[tuple[str, str]]:
        """What is due first: channels, each with a group."""
        most = 1 if self.behind else AT_ONCE
        if not self.channel:
            return []
        if self._due:
            return [(self.channel, group) for group in islice(self._due, most)]
        for channel, groups in list(self._held.items()):
            if channel == self.channel:
                continue
            if groups:
                return [(channel, group) for group in islice(groups, most)]
            del self._held[channel]
        return []

    async def _mend(self, channel: str, group: str) -> bool:
        entering = channel == self.channel and group in self._wanted
        held = self._held.setdefault(channel, set())
        if entering:
            held.add(group)  # also where it fails: that may be only its answer
            done = await self._attempt(self._layer.group_add(group, channel))
        else:
            done = await self._attempt(self._layer.group_discard(group, channel))
        if channel != self.channel:
            done = done or entering  # it was given up meanwhile
        elif done and entering == (group in self._wanted):
            self._due.pop(group, None)
            self._release(group)
            if group in self._new:
                self._new.discard(group)
                self._entered()
        if done and not entering:
            held.discard(group)
        return done

    def _release(self, *groups: str) -> None:
        for group in groups:
            waiter = self._waiters.pop(group, None)
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    async def stop(self) -> None:
        """Leave all groups; the rest of them stays where the layer cannot be reached."""
        self.channel = ""
        for channel, groups in self._held.items():
            while groups:
                some = list(islice(groups, AT_ONCE))
                groups.difference_update(some)
                calls = (self._layer.group_discard(group, channel) for group in some)
                if not all(await asyncio.gather(*map(self._attempt, calls))):
                    return
