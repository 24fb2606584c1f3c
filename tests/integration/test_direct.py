"""Which way frames go on real servers: past ``send``, and by it where they are compressed."""

from typing import ClassVar

import pytest

from tests.integration.clients import JsonClient
from tests.integration.people import Visits
from tests.servers import Serve, ServerKind, SiteServer

APPLICATION = "tests.integration.counted:application"
BEHIND_MIDDLEWARE = "tests.integration.counted:behind_middleware"
BY_SEND = "a text frame went by send"


class Compressing(JsonClient):
    """A client that offers compression, as browsers do."""

    compression: ClassVar[str | None] = "deflate"


async def said_and_heard(server: SiteServer, visit: Visits, room: str) -> int:
    """Let one say something to two, and return how many frames went by send meanwhile."""
    anna, bert = [await visit.json(server, room) for _ in range(2)]
    async with await Compressing.connect(server.ws_url) as carl:
        await carl.join(room)
        before = server.log.count(BY_SEND)
        await anna.post(room, "hello")
        for client in (anna, bert, carl):
            await client.said(room, "hello")
        return server.log.count(BY_SEND) - before


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_frames_go_past_send(
    serve: Serve, visit: Visits, room: str, kind: ServerKind
) -> None:
    server = serve(kind, application=APPLICATION)
    assert await said_and_heard(server, visit, room) == 0
    assert BY_SEND not in server.log


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_frames_go_through_middleware(
    serve: Serve, visit: Visits, room: str, kind: ServerKind
) -> None:
    server = serve(kind, application=BEHIND_MIDDLEWARE)
    assert await said_and_heard(server, visit, room) >= 4  # the ack, and to each of three


async def test_frames_that_are_compressed_go_by_send(
    serve: Serve, visit: Visits, room: str
) -> None:
    server = serve("uvicorn", application=APPLICATION, options=["--ws-per-message-deflate", "true"])
    assert await said_and_heard(server, visit, room) == 1
