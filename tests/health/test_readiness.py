"""Readiness: every check says no in time when what it asks about is away, broken or silent."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from django.db import connections
from django.test import AsyncClient

from chat import health
from chat.hub import hub as hubs
from tests.health.checks import failing

ALL_WELL = dict.fromkeys(("database", "migrations", "channel_layer", "draining"), True)


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
