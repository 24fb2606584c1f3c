"""The only user of the channel layer: one channel a process, one group a room, one for all.

What it carries is a hint. Whatever the layer drops, doubles, delays or reorders, the log has; so
nothing here is retried and nothing is kept for later.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from channels.layers import InMemoryChannelLayer, get_channel_layer

from chat.hub.memberships import RETRY_SECONDS, Memberships
from chat.hub.signals import CONTROL, AnySignal, Look, group_of, pack, unpack
from chat.store import Counts

logger = logging.getLogger("chat")

# Batches that wait for a slow layer. Beyond it the oldest go: the log has them, and the next look
# at the heads finds them.
WAITING_MOST = 1000

LAYER_SECONDS = 2.0
"""How long one call of the layer may take: a Redis gone silent may hold up nobody for longer."""


def layer_of(alias: str) -> Any:
    """The channel layer of that alias, of whatever make; ``None`` where there is none."""
    return get_channel_layer(alias)


def is_shared(alias: str) -> bool:
    """Whether what is sent over the layer reaches other processes."""
    return not isinstance(layer_of(alias), InMemoryChannelLayer | None)


async def tell(alias: str, signals: Iterable[tuple[str, AnySignal]]) -> None:
    """Send signals, each to its group, from a process without a hub.

    Raises what the layer raises, and ``TimeoutError`` where it takes too long over one of them. An
    in-memory layer is not asked: nobody listens in this process, and no other hears.
    """
    layer = layer_of(alias)
    if layer is None or not is_shared(alias):
        return
    for group, signal in signals:
        async with asyncio.timeout(LAYER_SECONDS):
            await layer.group_send(group, pack(signal))


class Bus:
    """This process's place on the channel layer.

    ``hear`` is called with each signal; ``regained`` when the layer is back after it was away.
    """

    def __init__(
        self,
        alias: str,
        *,
        hear: Callable[[AnySignal], None],
        regained: Callable[[], None],
        counts: Counts | None = None,
    ) -> None:
        self._layer = layer_of(alias)
        self._hear = hear
        self._regained = regained
        self._counts = counts or Counts()
        self._listener: asyncio.Task[None] | None = None
        self._speaker: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._memberships = Memberships(
            self._layer, CONTROL, attempt=self._quietly, entered=self._entered, whole=self._whole
        )
        self._failed = 0
        """How often listening has failed since it last worked."""
        self.heard_at = 0.0
        """When anything was last heard, by the loop's clock.

        Or when a new channel entered a group: as long as it goes on with that, it need not hear.
        """
        self._waiting: deque[tuple[str, AnySignal]] = deque(maxlen=WAITING_MOST)
        self._wake = asyncio.Event()
        self.failures = 0
        """How often the layer has failed since it was last away."""

    def start(self) -> None:
        """Begin to listen and to speak."""
        if self._layer is None:
            logger.warning("no channel layer: other processes are heard by comparing heads only")
            return
        self._speaker = asyncio.create_task(self._speak())
        self._keeper = asyncio.create_task(self._memberships.run())
        self._listener = asyncio.create_task(self._listen())

    def listen_anew(self) -> None:
        """Listen on another channel and connection: the one there is may be dead without a word.

        Another channel, because the pub/sub layer takes a receive that is cancelled for the end of
        its channel. Only where it has to be: the core layer keeps for ever what is still under way
        to the old one, up to its capacity.
        """
        if self._listener is not None:
            self._listener.cancel()
            self._memberships.give_up()
            self._listener = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Leave the layer."""
        for task in (self._listener, self._speaker, self._keeper):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self._memberships.stop()

    def send(self, group: str, signal: AnySignal) -> None:
        """Tell the other processes in ``group``. Never waits.

        This one may hear it too: nothing is to rely on that, but for ``CONTROL``.
        """
        if self._layer is not None and not self._is_alone_in(group):
            self._waiting.append((group, signal))
            self._wake.set()

    def _is_alone_in(self, group: str) -> bool:
        """Whether nobody else hears what is said in a room: only an in-memory layer can tell.

        Each send and each receive of that looks through all of its groups: with 5 000 rooms, more
        than half of what a post to one of them cost.
        """
        layer = self._layer
        if group == CONTROL or not isinstance(layer, InMemoryChannelLayer):
            return False
        return layer.groups.get(group, {}).keys() <= {self._memberships.channel}

    async def enter(self, room: str) -> None:
        """Hear what is said in ``room``. Where the layer is slow or away, later."""
        await self._memberships.enter(group_of(room), LAYER_SECONDS)

    def exit(self, room: str) -> None:
        """No longer hear what is said in ``room``. Never waits."""
        self._memberships.leave(group_of(room))

    def renew(self) -> None:
        """Enter every group again: memberships expire, and a flushed Redis forgets them."""
        self._memberships.renew()

    def _entered(self) -> None:
        self.heard_at = asyncio.get_running_loop().time()

    def _whole(self) -> None:
        if self.failures:
            logger.info("channel layer is back")
        self.failures = 0
        self._regained()

    async def _listen(self) -> None:
        """Hear signals for ever, through whatever the layer raises."""
        memberships = self._memberships
        while True:
            try:
                if not memberships.channel:
                    memberships.use(await self._layer.new_channel())
                message = await self._layer.receive(memberships.channel)
            except Exception as error:
                # Any error of any layer: without this task the process would be deaf.
                self._note(error)
                await asyncio.sleep(RETRY_SECONDS[min(self._failed, len(RETRY_SECONDS) - 1)])
                self._failed += 1
                memberships.doubt()
                continue
            self._failed = 0
            self.heard_at = asyncio.get_running_loop().time()
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        try:
            signal = unpack(message)
        except ValueError as error:
            # Another version of the app on the same layer, or a stranger.
            logger.warning("unreadable message on the channel layer: %s", error)
            return
        try:
            self._hear(signal)
        except Exception:
            # A fault of ours: the process must not go deaf for it.
            logger.exception("%s could not be heard", type(signal).__name__)

    async def _speak(self) -> None:
        """Send what waits, one at a time: in order as far as the layer keeps it."""
        lost = False
        while True:
            while not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            group, signal = self._waiting.popleft()
            if not await self._quietly(partial(self._layer.group_send, group, pack(signal))):
                lost = True
                await asyncio.sleep(RETRY_SECONDS[0])
            elif lost:
                lost = False
                self.send(CONTROL, Look())

    async def _quietly(self, call: Callable[[], Awaitable[None]]) -> bool:
        """Call the layer; false when it raised, or took too long."""
        try:
            async with asyncio.timeout(LAYER_SECONDS):
                await call()
        except Exception as error:
            self._note(error)
            return False
        return True

    def _note(self, error: Exception) -> None:
        self.failures += 1
        self._counts.failures += 1
        if self.failures == 1 or self.failures % 100 == 0:
            logger.warning("channel layer failed (%d times so far): %r", self.failures, error)
