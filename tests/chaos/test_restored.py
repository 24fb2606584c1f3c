"""The database is restored from a backup while the processes run."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from tests.chaos.conftest import PLANS
from tests.chaos.deployment import Deployment
from tests.chaos.test_database_away import again
from tests.integration.people import Visits


@contextmanager
def nobody_connected(site: Deployment) -> Iterator[str]:
    """Keep the processes from the database; its name."""
    assert site.postgres is not None
    assert site.postgres_relay is not None
    name = site.database.rpartition("/")[2]
    site.postgres_relay.cut()
    site.postgres.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )
    yield name
    site.postgres_relay.mend()


def back_up(site: Deployment) -> None:
    """Copy the database."""
    assert site.postgres is not None
    with nobody_connected(site) as name:
        site.postgres.execute(f'CREATE DATABASE "{name}-backup" TEMPLATE "{name}"')


def restore(site: Deployment) -> None:
    """Put the copy in its place."""
    assert site.postgres is not None
    with nobody_connected(site) as name:
        site.postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        site.postgres.execute(f'ALTER DATABASE "{name}-backup" RENAME TO "{name}"')


@pytest.mark.parametrize("site", PLANS[:2], indirect=True, ids=str)
async def test_everybody_has_the_restored_log_in_the_end(
    site: Deployment, visit: Visits, room: str
) -> None:
    anna, bert = [await visit.json(door, room) for door in site.doors]
    kept = [f"kept {number}" for number in range(5)]
    for text in kept:
        await anna.post(room, text)
    await bert.said(room, kept[-1])
    await asyncio.to_thread(back_up, site)
    for number in range(20):
        post_id = f"lost {number}"
        await again(partial(anna.post, room, "to be lost", id=post_id))
    await bert.reach(room, 25)
    position = bert.position(room)

    await asyncio.to_thread(restore, site)
    told = [len(client.events) for client in (anna, bert)]
    process = site.processes[0]
    await asyncio.to_thread(process.manage, "chat_new_epoch", "--yes", "--reason", "restored")
    for client, since in zip((anna, bert), told, strict=True):
        joined = await client.event("joined", since, room=room)
        assert joined["epoch"] != position["epoch"]
        assert joined["recovered"] is False
        await client.reach(room, 5)
        assert client.texts(room) == kept
    # One who was away, by either door, with a position that the log no longer has.
    back = [await visit.json(door) for door in site.doors]
    for client in back:
        assert (await client.join(room, after=position))["recovered"] is False
        assert client.texts(room) == kept
    await again(lambda: anna.post(room, "after", id="after"))
    for client in (anna, bert, *back):
        await client.said(room, "after")
        assert client.texts(room) == [*kept, "after"]
