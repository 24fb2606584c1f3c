"""Channel layers that lose what hubs tell each other by some signals, and nothing else.

``losing("doubted")`` is the environment of a site that loses these.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from typing import Any

from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

logger = logging.getLogger(__name__)

VARIABLE = "LOST_SIGNALS"


def losing(*signals: str) -> dict[str, str]:
    """The environment of a site that loses signals of these kinds."""
    return {VARIABLE: ",".join(signals)}


def is_lost(message: dict[str, Any], lost: Collection[str]) -> bool:
    """Whether a message is of a kind that is lost; the log says that it was."""
    kind = json.loads(message["body"])["is"]
    if kind in lost:
        logger.info("lost on the way: %s", kind)
    return kind in lost


class LosingRedisChannelLayer(RedisChannelLayer):  # type: ignore[misc]  # it has no types
    """The core layer, which loses them."""

    def __init__(self, *args: Any, lost: Collection[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lost = lost

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send to a group, unless it is to be lost."""
        if not is_lost(message, self._lost):
            await super().group_send(group, message)


class LosingRedisPubSubChannelLayer(RedisPubSubChannelLayer):  # type: ignore[misc]  # nor has it
    """The pub/sub layer, which loses them."""

    def __init__(self, *args: Any, lost: Collection[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lost = lost

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send to a group, unless it is to be lost."""
        if not is_lost(message, self._lost):
            await self._get_layer().group_send(group, message)


LOSING = {
    "channels_redis.core.RedisChannelLayer": f"{__name__}.LosingRedisChannelLayer",
    "channels_redis.pubsub.RedisPubSubChannelLayer": f"{__name__}.LosingRedisPubSubChannelLayer",
}
"""The layer that loses in the place of each layer."""
