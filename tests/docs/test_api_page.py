"""docs/api.md has all that a site's own code may call."""

import re
from pathlib import Path

from chat import api, moderation

NAMES = set(re.findall(r"\w+", (Path(__file__).parents[2] / "docs" / "api.md").read_text()))


def test_what_code_may_call_is_listed() -> None:
    assert {*api.__all__, *moderation.__all__} <= NAMES
