"""Channel layers that lose, double, delay and swap what is sent to groups, by seeded dice."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

logger = logging.getLogger(__name__)

FATES = {"dropped": 0.2, "doubled": 0.1, "delayed": 0.1, "swapped": 0.1}
"""What may become of a message, and how often it does; the others go as they should."""

DELAY_SECONDS = 2.0
"""At most."""

Send = Callable[[str, dict[str, Any]], Awaitable[None]]


class Dice:
    """Decides what becomes of each message, and has it done."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)
        self._held: list[tuple[str, dict[str, Any]]] = []
        """What goes after the next message instead of before it."""
        self._late: set[asyncio.Task[None]] = set()

    async def send(self, send: Send, group: str, message: dict[str, Any]) -> None:
        """Send ``message``, or do with it what is its fate."""
        (fate,) = self._random.choices([*FATES, "sent"], [*FATES.values(), 1 - sum(FATES.values())])
        if fate != "sent":
            logger.info("a message was %s", fate)
        match fate:
            case "dropped":
                return
            case "swapped":
                self._held.append((group, message))
                return
            case "delayed":
                late = asyncio.create_task(self._send_late(send, group, message))
                self._late.add(late)
                late.add_done_callback(self._late.discard)
                return
            case "doubled":
                await send(group, message)
        await send(group, message)
        held, self._held = self._held, []
        for each in held:
            await send(*each)

    async def _send_late(self, send: Send, group: str, message: dict[str, Any]) -> None:
        await asyncio.sleep(self._random.uniform(0, DELAY_SECONDS))
        await send(group, message)


class LossyRedisChannelLayer(RedisChannelLayer):  # type: ignore[misc]  # it has no types
    """The core layer, with dice."""

    def __init__(self, *args: Any, seed: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dice = Dice(seed)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send to a group, perhaps."""
        await self._dice.send(super().group_send, group, message)


class LossyRedisPubSubChannelLayer(RedisPubSubChannelLayer):  # type: ignore[misc]  # nor has it
    """The pub/sub layer, with dice."""

    def __init__(self, *args: Any, seed: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dice = Dice(seed)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send to a group, perhaps."""
        await self._dice.send(self._get_layer().group_send, group, message)


LOSSY = {
    "channels_redis.core.RedisChannelLayer": f"{__name__}.LossyRedisChannelLayer",
    "channels_redis.pubsub.RedisPubSubChannelLayer": f"{__name__}.LossyRedisPubSubChannelLayer",
}
"""The lossy layer in the place of each layer."""
