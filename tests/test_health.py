"""Readiness: every check says no in time when what it asks about is away, broken or silent."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db import connections
from django.test import AsyncClient, Client
from pytest_django import Settings

from chat import health
from chat.hub import hub as hubs
from tests.servers import Serve
from tests.services import PostgresServer, RedisServer

ALL_WELL = dict.fromkeys(("database", "migrations", "channel_layer", "draining"), True)


@pytest.fixture(autouse=True)
def afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known to fail yet."""
    monkeypatch.setattr(health, "_failing", set())


def failing(checks: dict[str, health.Check]) -> dict[str, str]:
    """Return the details of the checks that say no."""
    return {name: check.detail for name, check in checks.items() if not check.ok}


# --- Liveness -------------------------------------------------------------------------------------
# These tests ask for no database, so that any query would be refused: by a session, too.


@pytest.mark.parametrize("address", ["/healthcheck", "/healthcheck/"])
def test_liveness_is_text_and_touches_neither_database_nor_session(
    client: Client, settings: Settings, address: str
) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "no.such.Layer"}}
    client.cookies[settings.SESSION_COOKIE_NAME] = "somebody"
    response = client.get(address)
    assert (response.status_code, response.content) == (200, b"chat is live")
    assert response["Content-Type"] == "text/plain"
    assert "Cookie" not in response.get("Vary", "")
    assert "no-store" in response["Cache-Control"]
    assert not response.cookies


@pytest.mark.parametrize("address", ["/healthcheck", "/healthcheck/ready"])
def test_other_methods_are_not_allowed(settings: Settings, address: str) -> None:
    client = Client(enforce_csrf_checks=True)
    for method in ("post", "put", "patch", "delete", "options"):
        response = getattr(client, method)(address)
        assert response.status_code == 405, method
        assert response["Allow"] == "GET, HEAD"


def test_liveness_answers_head_without_a_body(client: Client) -> None:
    response = client.head("/healthcheck")
    assert (response.status_code, response.content) == (200, b"")


def test_neither_check_asks_for_sign_in_where_the_site_does(
    client: Client, settings: Settings
) -> None:
    required = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, required]
    assert client.get("/healthcheck").status_code == 200


# --- Readiness: what it says ----------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/healthcheck/ready", "/healthcheck/ready/"])
async def test_ready_when_all_is_well(async_client: AsyncClient, address: str) -> None:
    response = await async_client.get(address)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    body = msgspec.json.decode(response.content)
    assert body["status"] == "ready"
    assert {name: check["ok"] for name, check in body["checks"].items()} == ALL_WELL
    assert all(isinstance(check["detail"], str) for check in body["checks"].values())
    assert (await async_client.head(address)).status_code == 200


@pytest.mark.django_db
async def test_unready_names_what_fails_and_is_no_error_of_the_site(
    async_client: AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hubs, "running", lambda: [SimpleNamespace(draining=True)])
    response = await async_client.get("/healthcheck/ready")
    assert response.status_code == 503
    body = msgspec.json.decode(response.content)
    assert body["status"] == "unready"
    assert body["checks"]["draining"] == {"ok": False, "detail": "this process is leaving"}
    assert {name for name, check in body["checks"].items() if check["ok"]} == {
        "database",
        "migrations",
        "channel_layer",
    }
    assert not [record for record in caplog.records if record.name.startswith("django")]


@pytest.mark.django_db
async def test_hub_that_is_not_leaving_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "running", lambda: [SimpleNamespace(draining=False)])
    assert not failing(await health.readiness())


# --- Readiness: the database ----------------------------------------------------------------------


@pytest.fixture
def other_database(monkeypatch: pytest.MonkeyPatch, db: None) -> Callable[[Path], None]:
    """Makes new connections open an SQLite file that has nothing to do with the tests' database."""

    def use(path: Path) -> None:
        default = connections.settings["default"]
        other = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": {}}
        monkeypatch.setitem(connections.settings, "default", {**default, **other})

    return use


async def test_database_that_cannot_be_opened_fails_without_telling_where_it_is(
    other_database: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other_database(tmp_path / "no" / "such" / "directory.sqlite3")
    detail = "failed: OperationalError"
    for _ in range(2):
        found = failing(await health.readiness())
        assert found == {"database": detail, "migrations": detail}
    said = [record for record in caplog.records if record.name == "chat"]
    assert [record.levelno for record in said] == [logging.WARNING] * 2
    assert any("unable to open database file" in record.getMessage() for record in said)


async def test_database_without_tables_fails_by_its_migrations(
    other_database: Callable[[Path], None], tmp_path: Path
) -> None:
    other_database(tmp_path / "empty.sqlite3")
    found = failing(await health.readiness())
    assert set(found) == {"migrations"}
    assert "not applied: " in found["migrations"]
    assert found["migrations"].endswith(", …")


@pytest.mark.django_db
async def test_well_again_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "chat")

    def broken() -> str:
        raise OSError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(health, "_database", broken)
        assert failing(await health.readiness()) == {"database": "failed: OSError"}
    assert not failing(await health.readiness())
    assert not failing(await health.readiness())
    said = [record.getMessage() for record in caplog.records if record.name == "chat"]
    assert said == ["not ready: database: OSError('gone')", "ready again: database"]


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[threading.Event]]:
    """Makes the database hang; holds an event for each question, which lets its answer through."""
    asked: list[threading.Event] = []

    def hang() -> str:
        released = threading.Event()
        asked.append(released)
        released.wait(30)
        return ""

    monkeypatch.setattr(health, "_database", hang)
    yield asked
    for released in asked:
        released.set()


@pytest.mark.django_db
async def test_database_that_hangs_is_a_no_and_is_asked_only_once(
    hanging: list[threading.Event],
) -> None:
    for _ in range(2):
        found = await asyncio.gather(health.readiness(), health.readiness())
        assert [failing(checks) for checks in found] == [{"database": "no answer within 2 s"}] * 2
    assert len(hanging) == 1
    hanging[0].set()
    async with asyncio.timeout(60):
        while failing(await health.readiness()):
            for released in hanging:
                released.set()


@pytest.mark.django_db
async def test_question_that_got_lost_is_asked_again(
    hanging: list[threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "LOST_SECONDS", 0.0)
    await health.readiness()
    await health.readiness()
    assert len(hanging) == 2


# --- Readiness: the channel layer -----------------------------------------------------------------


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
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": f"tests.test_health.{layer}"}}
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
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "tests.test_health.ForgetfulLayer"}}
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


# --- The real thing -------------------------------------------------------------------------------


def probe(address: str) -> tuple[int, dict[str, Any]]:
    """Return the status and the checks that a running site answers with."""
    try:
        with urllib.request.urlopen(f"{address}/healthcheck/ready", timeout=10) as answer:
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, body = error.code, error.read()
    checks: dict[str, Any] = msgspec.json.decode(body)["checks"]
    return status, checks


def test_site_whose_postgres_stops_or_hangs_says_so_and_recovers(
    serve: Serve, postgres_server: PostgresServer, postgres_database: str
) -> None:
    server = serve(env={"DATABASE_URL": postgres_database})
    assert probe(server.url)[0] == 200

    os.kill(postgres_server.pid, signal.SIGSTOP)
    try:
        status, checks = probe(server.url)
        assert status == 503
        assert checks["database"] == {"ok": False, "detail": "no answer within 2 s"}
        assert checks["channel_layer"]["ok"]
        assert urllib.request.urlopen(f"{server.url}/healthcheck", timeout=1).status == 200
    finally:
        os.kill(postgres_server.pid, signal.SIGCONT)
    assert probe(server.url)[0] == 200

    postgres_server.kill()
    status, checks = probe(server.url)
    assert status == 503
    assert not checks["database"]["ok"]
    assert "127.0.0.1" not in str(checks)
    postgres_server.start()
    assert probe(server.url)[0] == 200
