"""PostgreSQL falls silent: what may turn out otherwise is neither acknowledged nor refused."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from tests.chaos.conftest import PLANS
from tests.chaos.deployment import Deployment
from tests.integration.clients import JsonClient
from tests.integration.people import Visits
from tests.store.drafts import WAITING_FOR_A_LOCK

pytestmark = pytest.mark.parametrize("site", PLANS[:2], indirect=True, ids=str)


async def send(client: JsonClient, room: str, text: str) -> None:
    """Post under the text as its id; it is under way then, and its answer is not waited for."""
    await client.send("post", room=room, text=text, id=text)
    await client.ask_anyway("leave", room="nowhere")


def answers(client: JsonClient, text: str) -> list[str]:
    """What that post was answered with so far."""
    kinds = ("ack", "error")
    return [e["type"] for e in client.events if e["type"] in kinds and e.get("id") == text]


async def waiting(connection: psycopg.Connection) -> None:
    """Wait until somebody waits for a lock."""
    async with asyncio.timeout(60):
        while not connection.execute(WAITING_FOR_A_LOCK).fetchall():
            await asyncio.sleep(0.01)


async def test_in_a_partition_all_are_refused_but_those_who_may_have_been_stored(
    site: Deployment, visit: Visits, room: str
) -> None:
    anna, bert, cora, dora = [await visit.json(site.doors[0], room) for _ in range(4)]
    eric = await visit.json(site.doors[1], room)
    await anna.post(room, "before")
    assert site.postgres_relay is not None
    with psycopg.connect(site.database) as connection:
        connection.execute("SELECT * FROM chat_room WHERE slug = %s FOR UPDATE", [room])
        await send(anna, room, "under way")
        await waiting(connection)
        site.postgres_relay.freeze()
    refused = await asyncio.gather(
        anna.refusal("post", room=room, text="behind it", id="behind it"),
        bert.refusal("history", room=room, before=2),
        cora.refusal("rooms"),
        dora.refusal("join", room=f"{room}-new"),
    )
    assert {event["code"] for event in refused} == {"unavailable"}
    assert answers(anna, "under way") == []
    site.postgres_relay.thaw()
    await anna.event("ack", id="under way")
    await anna.post(room, "behind it", id="behind it")
    for client in (anna, eric):
        await client.said(room, "behind it")
        assert client.texts(room) == ["before", "under way", "behind it"]


@asynccontextmanager
async def commit_under_way(
    site: Deployment, client: JsonClient, room: str
) -> AsyncIterator[psycopg.Connection]:
    """The client's post "in doubt" is written, and its commit waits until the context ends."""
    with psycopg.connect(site.database, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(1)")
        connection.execute(
            "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$"
        )
        connection.execute(
            "CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON chat_message "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold()"
        )
        await send(client, room, "in doubt")
        await waiting(connection)
        try:
            yield connection
        finally:
            connection.execute("SELECT pg_advisory_unlock(1)")
            connection.execute("DROP FUNCTION hold CASCADE")


@pytest.mark.parametrize("happens", [True, False], ids=["committed", "rolled back"])
async def test_whose_commit_is_cut_off_is_told_what_became_of_it(
    site: Deployment, visit: Visits, room: str, *, happens: bool
) -> None:
    anna, bert = [await visit.json(door, room) for door in site.doors]
    await anna.post(room, "before")
    assert site.postgres_relay is not None
    async with commit_under_way(site, anna, room) as connection:
        await asyncio.to_thread(site.postgres_relay.cut)
        refusal = await anna.refusal("post", room=room, text="later", id="later")
        assert refusal["code"] == "unavailable"
        assert answers(anna, "in doubt") == []
        if not happens:
            end = f"SELECT pg_terminate_backend(pid) FROM ({WAITING_FOR_A_LOCK}) AS waiting"
            connection.execute(end)
    await asyncio.to_thread(site.postgres_relay.mend)
    ack = await anna.event("ack", id="in doubt")
    assert ack["duplicate"] is happens
    for client in (anna, bert):
        await client.said(room, "in doubt")
        assert client.texts(room) == ["before", "in doubt"]


async def test_process_that_stands_still_in_a_transaction_holds_up_nobody_for_long(
    site: Deployment, visit: Visits, room: str
) -> None:
    anna, bert = [await visit.json(door, room) for door in site.doors]
    still = site.processes[0]
    still.arm("stop_before_commit")
    await anna.send("post", room=room, text="held", id="held")
    async with asyncio.timeout(60):
        while not still.stands_still:
            await asyncio.sleep(0.01)
    still.disarm()
    await bert.post(room, "meanwhile")
    still.signal(signal.SIGCONT)
    await anna.event("ack", id="held")
    for client in (anna, bert):
        await client.said(room, "held")
        assert client.texts(room) == ["meanwhile", "held"]
