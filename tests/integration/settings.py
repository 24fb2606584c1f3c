"""The site's settings, but for what ``CHAT_OVERRIDES`` says in JSON: short times, small bounds."""

import json
import os
from typing import Any

from project.settings import *  # noqa: F403

CHAT = CHAT | json.loads(os.environ.get("CHAT_OVERRIDES", "{}"))  # noqa: F405


def overriding(**chat: Any) -> dict[str, str]:
    """The environment of a site whose ``CHAT`` has these values."""
    return {
        "DJANGO_SETTINGS_MODULE": "tests.integration.settings",
        "CHAT_OVERRIDES": json.dumps(chat),
    }
