"""What is looked for in the pages of that site."""

from __future__ import annotations

import json
from typing import Any

from tests.browser.page import Page
from tests.browser.talk import drawn


def of(room: str, rest: str = "") -> str:
    """Return a selector for a room of the page, or for what is in it."""
    return f"chat-room[data-room={room}] {rest}".rstrip()


def live_in(page: Page, *rooms: str) -> Page:
    for room in rooms:
        page.wait_until(f"document.querySelector('{of(room)}')?.dataset.state === 'open'")
    drawn(page)
    return page


def box(page: Page, selector: str) -> dict[str, Any]:
    found = page.evaluate(
        f"document.querySelector({json.dumps(selector)}).getBoundingClientRect().toJSON()"
    )
    return dict(found)
