"""Settings: `project/` without batching, to compare frames with frames."""

from project.settings import *  # noqa: F403 - settings are made of every name of others
from project.settings import CHAT as _CHAT

CHAT = {**_CHAT, "BATCH_EVENTS": 1}
