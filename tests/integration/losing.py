"""A channel layer that loses what hubs tell each other by some signals, and nothing else.

It is the core layer: what is lost is lost before it gets to any. ``losing("doubted")`` is the
environment of a site that loses these.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from typing import Any

from channels_redis.core import RedisChannelLayer

logger = logging.getLogger(__name__)

VARIABLE = "LOST_SIGNALS"


def losing(*signals: str) -> dict[str, str]:
    """The environment of a site that loses signals of these kinds."""
    return {VARIABLE: ",".join(signals)}


class LosingLayer(RedisChannelLayer):  # type: ignore[misc]  # it has no types
    """The core layer, which loses them; the log says so."""

    def __init__(self, *args: Any, lost: Collection[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lost = lost

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send to a group, unless it is to be lost."""
        kind = json.loads(message["body"])["is"]
        if kind in self._lost:
            logger.info("lost on the way: %s", kind)
        else:
            await super().group_send(group, message)
