"""The checks of the database: SQLite has to be told to be durable, and to wait."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from project import backends
from tests.programs import ROOT
from tests.test_checks import found, only

Databases = Callable[..., None]

SQLITE = backends.database(None, beside=ROOT)


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Databases:
    """Let the site have these databases, by alias. No test here connects to one."""

    def replace(**entries: dict[str, Any]) -> None:
        for alias, entry in entries.items():
            monkeypatch.setitem(settings.DATABASES, alias, entry)

    return replace


@pytest.fixture(autouse=True)
def sound_site(settings: Settings, databases: Databases) -> None:
    """The project's settings, as they are while it is developed."""
    settings.DEBUG = True
    databases(default=SQLITE)


def test_unknown_database_is_an_error(settings: Settings) -> None:
    settings.CHAT = {"DATABASE": "log"}
    assert only().id == "chat.E003"
    assert "'default'" in str(only().hint)


def sqlite(**options: Any) -> dict[str, Any]:
    """Return the project's SQLite with these options instead."""
    return SQLITE | {"OPTIONS": SQLITE["OPTIONS"] | options}


@pytest.mark.parametrize("mode", [None, "DEFERRED"])
def test_sqlite_that_locks_late_is_a_warning(databases: Databases, mode: str | None) -> None:
    databases(default=sqlite(transaction_mode=mode))
    assert only().id == "chat.W005"
    assert "['transaction_mode'] = 'IMMEDIATE'" in str(only().hint)


@pytest.mark.parametrize("command", [None, "", "PRAGMA journal_mode=DELETE"])
def test_sqlite_without_a_write_ahead_log_is_a_warning(
    databases: Databases, command: str | None
) -> None:
    databases(default=sqlite(init_command=command))
    assert found().keys() == {"chat.W006", "chat.W012"}
    assert "PRAGMA journal_mode=WAL" in str(found()["chat.W006"].hint)


@pytest.mark.parametrize("level", ["=NORMAL", " = off", "=0", "(1)", "='normal'"])
def test_sqlite_that_does_not_wait_for_the_disk_is_a_warning(
    databases: Databases, level: str
) -> None:
    command = f"PRAGMA journal_mode=WAL; PRAGMA synchronous{level}; PRAGMA secure_delete=ON"
    databases(default=sqlite(init_command=command))
    assert only().id == "chat.W007"
    assert "synchronous=FULL" in str(only().hint)


@pytest.mark.parametrize("more", ["", "PRAGMA secure_delete=OFF", "PRAGMA secure_delete=FAST"])
def test_sqlite_that_keeps_what_is_redacted_is_a_warning(databases: Databases, more: str) -> None:
    databases(default=sqlite(init_command=f"PRAGMA journal_mode=WAL; {more}"))
    assert only().id == "chat.W012"
    assert "secure_delete=ON" in str(only().hint)


@pytest.mark.parametrize(
    "command",
    [
        "PRAGMA journal_mode=WAL; PRAGMA secure_delete=1",
        "pragma journal_mode = wal; pragma synchronous = full; pragma secure_delete = on",
        "PRAGMA journal_mode('WAL'); PRAGMA synchronous=2; PRAGMA secure_delete(TRUE);",
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=EXTRA; PRAGMA secure_delete='yes';",
    ],
)
def test_sqlite_is_sound_however_it_is_told(databases: Databases, command: str) -> None:
    databases(default=sqlite(init_command=command, transaction_mode="exclusive"))
    assert not found()


def test_sqlite_without_options_is_told_of_both(databases: Databases) -> None:
    databases(default={"ENGINE": "django.db.backends.sqlite3", "NAME": "db"})
    assert found().keys() == {"chat.W005", "chat.W006", "chat.W012"}


def test_sqlite_in_memory_is_an_error(databases: Databases) -> None:
    databases(default=SQLITE | {"NAME": ":memory:"})
    assert only().id == "chat.E004"
    assert "file" in str(only().hint)


def test_other_databases_need_no_options(databases: Databases) -> None:
    databases(default=backends.database("postgres://u@localhost/log", beside=ROOT))
    assert not found()


def test_only_the_database_of_the_log_counts(databases: Databases, settings: Settings) -> None:
    databases(default={"ENGINE": "django.db.backends.sqlite3"}, log=SQLITE)
    settings.CHAT = {"DATABASE": "log"}
    assert not found()
