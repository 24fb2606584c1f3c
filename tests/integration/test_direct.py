"""Which way frames go on real servers: past ``send``, and by it where they are compressed."""

from typing import ClassVar

import pytest

from tests.integration.clients import JsonClient
from tests.integration.people import Visits
from tests.servers import Serve, ServerKind

APPLICATION = "tests.integration.counted:application"
BY_SEND = "a text frame went by send"


class Compressing(JsonClient):
    """A client that offers compression, as browsers do."""

    compression: ClassVar[str | None] = "deflate"


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_frames_go_past_send(
    serve: Serve, visit: Visits, room: str, kind: ServerKind
) -> None:
    server = serve(kind, application=APPLICATION)
    anna = await visit.json(server, room)
    async with await Compressing.connect(server.ws_url) as bert:
        await bert.join(room)
        await anna.post(room, "hello")
        await bert.said(room, "hello")
    assert BY_SEND not in server.log


async def test_frames_that_are_compressed_go_by_send(
    serve: Serve, visit: Visits, room: str
) -> None:
    server = serve("uvicorn", application=APPLICATION, options=["--ws-per-message-deflate", "true"])
    anna = await visit.json(server, room)
    async with await Compressing.connect(server.ws_url) as bert:
        await bert.join(room)
        assert server.log.count(BY_SEND) >= 2  # welcome and joined
        await anna.post(room, "hello")
        await bert.said(room, "hello")
