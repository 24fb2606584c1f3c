"""What is redacted is in SQLite's files no more: neither in the database nor in its journal."""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from project.backends import SQLITE_OPTIONS
from tests.servers import SiteServer

SECRET = b"xylographer"

# Long messages around it, so that there are pages on which nothing else is.
SAY = """
from chat import api, store
for number in range(20):
    api.publish("main", f"{number} " + "some words " * 300)
    api.publish("main", "a xylographer " * 250)
while store.search.extend():
    pass
"""
REDACT = """
from chat import moderation
from chat.models import Message
secret = Message.objects.filter(text__contains="xylographer").select_related("room")
print(moderation.redact(secret, by=moderation.by_command("test")))
"""
CLEAR = "from chat import store; store.clear_journal()"


@pytest.fixture
def database(tmp_path: Path, migrated_sqlite: Path) -> Path:
    """A database of its own."""
    return Path(shutil.copy(migrated_sqlite, tmp_path / "db.sqlite3"))


@pytest.fixture
def site(database: Path) -> Iterator[SiteServer]:
    """A process that runs code on it."""
    site = SiteServer(env={"DATABASE_URL": f"sqlite:///{database}"})
    yield site
    site.close()


@pytest.fixture
def other(database: Path) -> Iterator[sqlite3.Connection]:
    """Another connection: the last one that is closed would take the journal with it."""
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("SELECT 1 FROM chat_room").fetchall()
        yield other


def kept(database: Path) -> bool:
    """Whether the secret can be read in any of the database's files."""
    return any(SECRET in file.read_bytes() for file in database.parent.glob(f"{database.name}*"))


@pytest.mark.usefixtures("other")
def test_redacted_text_is_in_no_file(site: SiteServer, database: Path) -> None:
    site.run(SAY)
    assert kept(database)
    assert site.run(REDACT).strip() == "20"
    assert not kept(database)


def test_redacting_waits_for_no_reader_and_the_journal_is_cleared_after_it(
    site: SiteServer, database: Path, other: sqlite3.Connection
) -> None:
    site.run(SAY)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM chat_message").fetchall()
    began = time.monotonic()
    site.run(REDACT)
    assert time.monotonic() - began < SQLITE_OPTIONS["timeout"] / 2
    assert kept(database)  # the reader may still want it
    other.execute("ROLLBACK")
    site.run(CLEAR)
    assert not kept(database)
