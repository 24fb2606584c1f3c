"""The site's settings, but for what ``CHAT_OVERRIDES`` says in JSON: short times, small bounds.

Where ``LOST_SIGNALS`` names some, its channel layer, which is the core one, loses these.
"""

import json
import os
from typing import Any

from project.settings import *  # noqa: F403
from tests.integration.losing import VARIABLE, LosingLayer

CHAT = CHAT | json.loads(os.environ.get("CHAT_OVERRIDES", "{}"))  # noqa: F405

if VARIABLE in os.environ:
    _layer = CHANNEL_LAYERS["default"]  # noqa: F405
    _layer["BACKEND"] = f"{LosingLayer.__module__}.{LosingLayer.__name__}"
    _layer["CONFIG"]["lost"] = os.environ[VARIABLE].split(",")


def overriding(**chat: Any) -> dict[str, str]:
    """The environment of a site whose ``CHAT`` has these values."""
    return {
        "DJANGO_SETTINGS_MODULE": "tests.integration.settings",
        "CHAT_OVERRIDES": json.dumps(chat),
    }
