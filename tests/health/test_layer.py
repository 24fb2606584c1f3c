"""Readiness: the channel layer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer, get_channel_layer
from pytest_django import Settings

from chat import health
from tests.health.checks import failing
from tests.services import RedisServer


async def ready() -> None:
    """Wait until nothing fails."""
    async with asyncio.timeout(60):
        while failing(await health.readiness()):
            pass


class BrokenLayer(InMemoryChannelLayer):
    """A layer whose server is away."""

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Fail."""
        raise ConnectionError("redis://:secret@nowhere")


class SilentLayer(InMemoryChannelLayer):
    """A layer that takes everything and delivers nothing."""

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Lose the message."""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("layer", "detail"),
    [("BrokenLayer", "failed: ConnectionError"), ("SilentLayer", "no answer within 2 s")],
)
async def test_layer_that_does_not_deliver_fails_in_time(
    settings: Settings, layer: str, detail: str
) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": f"tests.health.test_layer.{layer}"}}
    assert failing(await health.readiness()) == {"channel_layer": detail}
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    await ready()


class ForgetfulLayer(InMemoryChannelLayer):
    """A layer that loses every other message."""

    sent = 0

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Lose the message, or not."""
        self.sent += 1
        if self.sent % 2 == 0:
            await super().send(channel, message)


@pytest.mark.django_db
async def test_message_that_is_lost_on_the_way_is_no_failure(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "AGAIN_SECONDS", 0.01)
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "tests.health.test_layer.ForgetfulLayer"}}
    assert not failing(await health.readiness())


@pytest.mark.django_db
async def test_site_without_a_channel_layer_is_ready(settings: Settings) -> None:
    settings.CHANNEL_LAYERS = {}
    checks = await health.readiness()
    assert checks["channel_layer"] == health.Check(ok=True, detail="none is configured")


@pytest.mark.django_db
async def test_answer_to_an_earlier_probe_is_not_taken_for_ones_own(
    settings: Settings,
) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    await health.readiness()
    layer, channel = health._channels[asyncio.get_running_loop()]
    await layer.send(channel, {"type": "chat.health", "token": "late"})
    assert not failing(await health.readiness())


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["core", "pubsub"])
async def test_probing_redis_leaves_nothing_behind_and_notices_its_end(
    own_redis: RedisServer, settings: Settings, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(health, "LIMIT_SECONDS", 2.0)
    backend = {"core": "core.RedisChannelLayer", "pubsub": "pubsub.RedisPubSubChannelLayer"}[kind]
    hosts = [{"address": own_redis.url, "socket_timeout": None}]
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": f"channels_redis.{backend}", "CONFIG": {"hosts": hosts}}
    }
    layer: Any = get_channel_layer()
    close = layer.flush if kind == "pubsub" else layer.close_pools
    try:
        for _ in range(5):
            assert not failing(await health.readiness())
        if kind == "pubsub":
            assert len(layer.channels) == 1
            await layer.flush()
        else:
            assert own_redis.execute("DBSIZE") == 0
        own_redis.kill()
        assert set(failing(await health.readiness())) == {"channel_layer"}
        own_redis.start()
        await ready()
    finally:
        await close()
