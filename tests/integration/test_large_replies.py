"""Pages of the longest messages there may be: every one is answered, on both servers.

daphne refuses to send more than 1 MiB in one message. 200 messages of 4000 characters, which
wire.md allows in one page, are up to 4.8 MB.
"""

import asyncio

import pytest

from tests.integration.people import Visits
from tests.integration.settings import overriding
from tests.servers import Serve, ServerKind, SiteServer


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def server(serve_module: Serve, request: pytest.FixtureRequest) -> SiteServer:
    """A site as it comes, but that one may fill rooms quickly."""
    kind: ServerKind = request.param
    return serve_module(kind, env=overriding(POSTS_PER_SECOND=0))


@pytest.mark.parametrize(
    ("character", "limit"), [("a", 200), ("€", 200), ("\x01", 50)], ids=["1 byte", "3", "6"]
)
async def test_page_of_long_messages_is_answered(
    server: SiteServer, visit: Visits, room: str, character: str, limit: int
) -> None:
    anna, bert = [await visit.json(server, room) for _ in range(2)]
    text = character * 4000
    await asyncio.gather(*(anna.post(room, text, id=str(number)) for number in range(limit)))
    # In as many pages as the server likes.
    seqs: list[int] = []
    before, more = limit + 1, True
    while more:
        page = await bert.ask("history", room=room, before=before, limit=limit)
        assert page["messages"], "a page with nothing on it, and more to come"
        assert {message["text"] for message in page["messages"]} == {text}
        seqs = [*(message["seq"] for message in page["messages"]), *seqs]
        before, more = seqs[0], page["more"]
    assert seqs == list(range(1, limit + 1))
    # The session goes on.
    await anna.post(room, "and on")
    await bert.said(room, "and on")
