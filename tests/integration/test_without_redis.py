"""Two processes that share nothing but an SQLite file: they find out from the log, every beat."""

import pytest

from tests.integration.people import Visits
from tests.integration.regulars import crowd
from tests.integration.settings import overriding
from tests.servers import Serve, SiteServer

EACH, TIMES = 3, 15


@pytest.fixture(scope="module")
def servers(serve_module: Serve) -> list[SiteServer]:
    """Two daphne processes with one database and no Redis."""
    env = overriding(HEARTBEAT=3, POSTS_PER_SECOND=0)
    return [serve_module(env=env), serve_module(env=env)]


async def test_messages_of_one_process_are_seen_on_the_other_in_order_and_once(
    servers: list[SiteServer], visit: Visits, room: str
) -> None:
    anna, bert = [await visit.json(server, room) for server in servers]
    line = await visit.terminal(servers[1], room)
    texts = [f"number {number}" for number in range(20)]
    for text in texts:
        await anna.post(room, text)
    await bert.said(room, texts[-1])
    assert bert.texts(room) == texts

    # And the other way, so that everything of before had its chance to come again.
    await bert.post(room, "answer")
    await anna.said(room, "answer")
    for client in (anna, bert):
        assert client.texts(room) == [*texts, "answer"]
    await line.line(f"[UID: {bert.sender['id']}]: answer")
    said = [text.partition("]: ")[2] for text in line.lines if "]: " in text]
    assert said == [*texts, "answer"]


async def test_everybody_hears_the_same_while_all_talk_at_once(
    servers: list[SiteServer], room: str
) -> None:
    async with crowd(room, servers[:1], servers[1:], each=EACH) as people:
        await people.talk(TIMES)
        history = await people.history()
    assert history.faults() == []
    assert people.acked == 2 * EACH * TIMES + 1
    first, *others = people.regulars
    assert [entry["seq"] for entry in first.entries] == list(range(1, people.acked + 1))
    for other in others:
        assert other.entries == first.entries


async def test_edits_and_deletes_are_found_as_well(
    servers: list[SiteServer], visit: Visits, room: str
) -> None:
    anna, bert = [await visit.json(server, room) for server in servers]
    kept, gone = [(await anna.post(room, text))["seq"] for text in ("one", "two")]
    await anna.ask("edit", room=room, seq=kept, text="won")
    await anna.ask("delete", room=room, seq=gone)
    await bert.event("edited", room=room, target=kept, text="won")
    await bert.event("deleted", room=room, target=gone)
    assert [entry["seq"] for entry in bert.logs[room].entries] == [1, 2, 3, 4]


async def test_who_comes_back_to_the_other_process_resumes_there(
    servers: list[SiteServer], visit: Visits, room: str
) -> None:
    anna, bert = [await visit.json(server, room) for server in servers]
    await bert.post(room, "before")
    position = bert.position(room)
    await bert.close()
    for text in ("while", "away"):
        await anna.post(room, text)
    back = await visit.json(servers[0])
    assert (await back.join(room, after=position))["recovered"] is True
    assert back.texts(room) == ["while", "away"]
