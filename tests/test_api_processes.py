"""Publishing from one process to another, and past whatever is away."""

import asyncio
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from channels.layers import BaseChannelLayer
from django.db import transaction
from pytest_django import Settings

from chat import api
from chat.hub import hub as hubs
from chat.hub.bus import LAYER_SECONDS
from chat.hub.heart import Heart
from chat.models import Message, Room
from project.backends import LAYERS, channel_layer
from tests.hub.clients import Connect, off_loop
from tests.integration.people import Visits
from tests.integration.settings import overriding
from tests.servers import Serve, site_environment
from tests.services import RedisServer

BROKEN = {"default": {"BACKEND": "tests.test_api_processes.BrokenLayer"}}

# Between two looks of a process at its rooms there are 6 s: what comes sooner, it was told.
SELDOM = overriding(HEARTBEAT=20)
TOLD_SECONDS = 4.0


class BrokenLayer(BaseChannelLayer):
    """A channel layer whose Redis is away."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Fail."""
        raise ConnectionError("no Redis")


# Whatever is away


@pytest.mark.django_db(transaction=True)
def test_layer_that_is_away_does_not_make_a_stored_message_fail(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CHANNEL_LAYERS = BROKEN
    with caplog.at_level(logging.WARNING, "chat"):
        api.publish("main", "hello")
    assert Message.objects.get().text == "hello"
    assert "no Redis" in caplog.text


@pytest.fixture
def silent_redis() -> Iterator[str]:
    """The URL of something that takes connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"redis://127.0.0.1:{silent.getsockname()[1]}/0"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", LAYERS)
def test_layer_that_is_silent_holds_up_no_publisher_for_long(
    settings: Settings, caplog: pytest.LogCaptureFixture, silent_redis: str, kind: str
) -> None:
    settings.CHANNEL_LAYERS = {"default": channel_layer(silent_redis, kind=kind)}
    rooms = [Room.objects.create(slug=f"room-{number}") for number in range(20)]
    began = time.monotonic()
    with caplog.at_level(logging.WARNING, "chat"), transaction.atomic():
        for room in rooms:
            api.publish(room, "hello")
    # Not once for each room: the first that takes too long is the last that is tried.
    assert LAYER_SECONDS <= time.monotonic() - began < 3 * LAYER_SECONDS
    assert Message.objects.filter(text="hello").count() == len(rooms)
    assert [record.getMessage() for record in caplog.records] == [
        "channel layer failed: TimeoutError()"
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "layers", [{}, {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}]
)
def test_layer_that_nobody_listens_to_is_not_needed(
    settings: Settings, layers: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    settings.CHANNEL_LAYERS = layers
    api.publish("main", "hello")
    api.room_changed(Room.objects.get())
    assert Message.objects.get().text == "hello"
    assert not caplog.records


async def test_process_without_a_layer_tells_its_own_people(
    connect: Connect, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHANNEL_LAYERS = {}
    monkeypatch.setattr(Heart, "_beat", 3600.0)
    client = await connect()
    await client.join()
    await off_loop(api.publish, "main", "hello")
    assert (await client.event("message"))["text"] == "hello"

    def close() -> None:
        Room.objects.update(guests="none")
        api.room_changed(Room.objects.get())

    await off_loop(close)
    await client.event("left", room="main")


@pytest.mark.django_db(transaction=True)
def test_hub_whose_loop_has_ended_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    monkeypatch.setattr(hubs, "running", lambda: [SimpleNamespace(loop=loop)])
    settings.CHANNEL_LAYERS = BROKEN
    api.publish("main", "hello")
    assert "no Redis" in caplog.text  # so it was told over the layer instead


# Other processes


PUBLISHER = """
import sys
import django
django.setup()
from django.db import transaction
from chat.api import publish
with transaction.atomic():
    publish("main", "from the till", "Till 3")
    if "wait" in sys.argv:
        print("published", flush=True)
        sys.stdin.readline()
if "direct" in sys.argv:
    publish("main", "once more")
"""


@contextmanager
def publisher(env: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that serves nobody and publishes in a transaction."""
    process = subprocess.Popen(
        [sys.executable, "-c", PUBLISHER, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=site_environment({"DJANGO_SETTINGS_MODULE": "project.settings", **env}),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("layer", ["core", "pubsub"])
async def test_process_without_people_is_heard_by_those_who_are_elsewhere(
    serve: Serve, own_redis: RedisServer, layer: str
) -> None:
    server = serve(env={"REDIS_URL": own_redis.url, "CHANNEL_LAYER": layer, **SELDOM})
    async with Visits() as visits:
        client = await visits.json(server, "main")
        with publisher(server.env, "direct") as process:
            assert await asyncio.to_thread(process.wait, 30) == 0
        async with asyncio.timeout(TOLD_SECONDS):
            first = await client.said("main", "from the till")
            await client.said("main", "once more")
        assert first["sender"] == {"id": "s:Till 3", "name": "Till 3"}
        assert client.texts("main") == ["from the till", "once more"]


async def test_nobody_waits_for_a_publisher_whose_transaction_is_open(
    serve: Serve, redis_server: RedisServer, postgres_database: str
) -> None:
    server = serve(env={"DATABASE_URL": postgres_database, "REDIS_URL": redis_server.url, **SELDOM})
    async with Visits() as visits:
        anna, bert = [await visits.json(server, "main") for _ in range(2)]
        with publisher(server.env, "wait") as process:
            assert process.stdout is not None
            assert process.stdin is not None
            assert await asyncio.to_thread(process.stdout.readline) == "published\n"
            async with asyncio.timeout(TOLD_SECONDS):
                for number in range(3):
                    await anna.post("main", f"m{number}")
                    await bert.said("main", f"m{number}")
            process.stdin.write("commit\n")
            process.stdin.flush()
            assert await asyncio.to_thread(process.wait, 30) == 0
        for client in (anna, bert):
            async with asyncio.timeout(TOLD_SECONDS):
                await client.said("main", "from the till")
            assert client.texts("main") == ["m0", "m1", "m2", "from the till"]


async def test_publisher_that_is_killed_before_its_commit_has_said_nothing(
    serve: Serve, postgres_database: str
) -> None:
    server = serve(env={"DATABASE_URL": postgres_database, **overriding(HEARTBEAT=4)})
    async with Visits() as visits:
        client = await visits.json(server, "main")
        with publisher(server.env, "wait") as process:
            assert process.stdout is not None
            await asyncio.to_thread(process.stdout.readline)
        await asyncio.sleep(3)  # three beats, in which it would be found
        await client.post("main", "after")
        assert client.texts("main") == ["after"]
