"""The site of which the chat is a part."""

from __future__ import annotations

import pytest

from tests.browser.talk import publish
from tests.servers import Serve, SiteServer


@pytest.fixture(scope="module")
def shop(serve_module: Serve) -> SiteServer:
    """A site of which the chat is a part, with the rooms ``tea`` and ``coffee``."""
    server = serve_module(
        env={
            "DJANGO_SETTINGS_MODULE": "tests.browser.embedding.settings",
            "CHAT_ROOM_CREATION": "staff",
        }
    )
    publish(server, "tea", 20, text="tea {}")
    publish(server, "coffee", 1, text="coffee {}")
    server.run(
        "from chat.models import Room; Room.objects.create(slug='members', guests='none')",
    )
    return server
