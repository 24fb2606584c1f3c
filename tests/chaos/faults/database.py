"""Faults of PostgreSQL, and of the way to it."""

import asyncio

from tests.chaos.scene import Scene, fault, restart


@fault("postgres")
async def restart_postgres(scene: Scene) -> None:
    """A fast shutdown, and a start."""
    assert scene.site.postgres is not None, "it fits"
    await asyncio.to_thread(scene.site.postgres.restart)


@fault("postgres")
async def crash_postgres(scene: Scene) -> None:
    """Killed, so that it has to recover from its log."""
    assert scene.site.postgres is not None, "it fits"
    await restart(scene.site.postgres)


@fault("postgres")
async def terminate_backends(scene: Scene) -> None:
    """pg_terminate_backend for every connection."""
    site = scene.site
    assert site.postgres is not None, "it fits"
    name = site.database.rpartition("/")[2]
    await asyncio.to_thread(
        site.postgres.execute,
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
    )


@fault("postgres")
async def cut_off_postgres(scene: Scene) -> None:
    """Connections to the database are reset and refused for a while."""
    relay = scene.site.postgres_relay
    assert relay is not None, "it fits"
    refused = scene.people.refusals
    await asyncio.to_thread(relay.cut)
    await asyncio.sleep(scene.dice.uniform(0.5, 2))
    async with asyncio.timeout(60):
        while scene.people.refusals == refused:
            await asyncio.sleep(0.01)
    await asyncio.to_thread(relay.mend)


@fault("postgres")
async def partition_postgres(scene: Scene) -> None:
    """Nothing passes between the processes and the database, and nobody is told."""
    relay = scene.site.postgres_relay
    assert relay is not None, "it fits"
    relay.freeze()
    await asyncio.sleep(scene.dice.uniform(2, 8))
    relay.thaw()
