"""The databases that the store is tested on: the suite's own, and PostgreSQL besides SQLite."""

from collections.abc import Iterator

import dj_database_url
import pytest
from django.conf import settings as site_settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from pytest_django import DjangoDbBlocker, Settings

from chat.models import Act, Ban, Node, Outbox, Room, Sample
from tests.services import PostgresServer

OTHER = "elsewhere"
"""The alias of the database that is not the suite's own."""

DATABASES = ["suite"]
if site_settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES.append("postgresql")


@pytest.fixture(scope="session")
def other_database(
    postgres_server: PostgresServer, django_db_blocker: DjangoDbBlocker
) -> Iterator[dict[str, object]]:
    """A migrated PostgreSQL database, as ``DATABASES`` would have it."""
    postgres_server.start()
    url = postgres_server.create_database()
    entry = {**dj_database_url.parse(url)}
    configured = connections.configure_settings({"default": {}, OTHER: entry})[OTHER]
    with django_db_blocker.unblock():
        connections.settings[OTHER] = configured
        try:
            call_command("migrate", database=OTHER, verbosity=0)
        finally:
            forget()
    yield configured
    postgres_server.drop_database(url)


def forget() -> None:
    """Let the rest of the suite know nothing of the other database."""
    connections[OTHER].close()
    del connections[OTHER]
    del connections.settings[OTHER]


@pytest.fixture(params=DATABASES)
def database(
    request: pytest.FixtureRequest,
    settings: Settings,
    transactional_db: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[str]:
    """The alias of an empty database, which the store uses; threads may use it too."""
    if request.param == "suite":
        yield "default"
        return
    entry = request.getfixturevalue("other_database")
    connections.settings[OTHER] = entry
    settings.CHAT = {"DATABASE": OTHER}
    with django_db_blocker.unblock():
        try:
            yield OTHER
            for model in (Room, Outbox, Node, Sample, Ban, Act, User):
                model._default_manager.using(OTHER).all().delete()
        finally:
            forget()
