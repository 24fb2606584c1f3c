"""Indexes to find messages by: who said them and when, and the words in them.

PostgreSQL builds both without keeping anybody from posting, which takes about a minute for a
million messages. Where that breaks off, it is run again.

SQLite has an index of words where it was built with FTS5; ``chat.store.search`` says how it is kept.
Whoever changes ``chat_message`` in a later migration of SQLite's must make its triggers again:
Django copies the table, and they go with the old one.
"""

from typing import Any

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.utils import OperationalError

# The names by which chat.store.search knows them.
POSTGRES = """
CREATE INDEX CONCURRENTLY chat_message_words ON chat_message
USING gin (to_tsvector('simple', sender_name || ' ' || text)) WHERE kind = 'post'
"""

SQLITE = (
    """
    CREATE VIRTUAL TABLE chat_search USING fts5(
        sender_name, text, content='chat_message', content_rowid='id', columnsize=0, detail=none,
        tokenize='unicode61'
    )
    """,
    """
    CREATE TABLE chat_search_state (
        upto integer NOT NULL,  -- the last message that is in the index
        forgotten integer NOT NULL,  -- counts texts that were taken out of it
        forgetting integer NOT NULL,  -- of these, how many are being merged away, or were
        settled integer NOT NULL  -- and how many are gone from its every page
    )
    """,
    "INSERT INTO chat_search_state VALUES (0, 0, 0, 0)",
    """
    CREATE TRIGGER chat_search_insert AFTER INSERT ON chat_message
    WHEN new.id <= (SELECT upto FROM chat_search_state)
    BEGIN
        INSERT INTO chat_search(rowid, sender_name, text)
        VALUES (new.id, new.sender_name, new.text);
    END
    """,
    """
    CREATE TRIGGER chat_search_update AFTER UPDATE OF sender_name, text ON chat_message
    WHEN old.id <= (SELECT upto FROM chat_search_state)
    BEGIN
        INSERT INTO chat_search(chat_search, rowid, sender_name, text)
        VALUES ('delete', old.id, old.sender_name, old.text);
        INSERT INTO chat_search(rowid, sender_name, text)
        VALUES (new.id, new.sender_name, new.text);
        UPDATE chat_search_state SET forgotten = forgotten + 1;
    END
    """,
    """
    CREATE TRIGGER chat_search_delete AFTER DELETE ON chat_message
    WHEN old.id <= (SELECT upto FROM chat_search_state)
    BEGIN
        INSERT INTO chat_search(chat_search, rowid, sender_name, text)
        VALUES ('delete', old.id, old.sender_name, old.text);
        UPDATE chat_search_state SET forgotten = forgotten + 1;
    END
    """,
)

TRIGGERS = ("chat_search_insert", "chat_search_update", "chat_search_delete")


class AddIndexWithoutLock(migrations.AddIndex):
    """An index that PostgreSQL builds while others write."""

    atomic = False

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Make the index."""
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.execute(f"DROP INDEX IF EXISTS {self.index.name}")
            schema_editor.add_index(model, self.index, concurrently=True)


def make(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Make the index of words, as this database has it."""
    match schema_editor.connection.vendor:
        case "postgresql":
            schema_editor.execute("DROP INDEX IF EXISTS chat_message_words")
            schema_editor.execute(POSTGRES)
        case "sqlite" if _has_fts5(schema_editor):
            for statement in SQLITE:
                schema_editor.execute(statement)


def take_away(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Take it away again."""
    match schema_editor.connection.vendor:
        case "postgresql":
            schema_editor.execute("DROP INDEX IF EXISTS chat_message_words")
        case "sqlite":
            for trigger in TRIGGERS:
                schema_editor.execute(f"DROP TRIGGER IF EXISTS {trigger}")
            schema_editor.execute("DROP TABLE IF EXISTS chat_search_state")
            schema_editor.execute("DROP TABLE IF EXISTS chat_search")


def _has_fts5(schema_editor: BaseDatabaseSchemaEditor) -> bool:
    try:
        schema_editor.execute("CREATE VIRTUAL TABLE temp.chat_search_probe USING fts5(text)")
    except OperationalError:
        return False
    schema_editor.execute("DROP TABLE temp.chat_search_probe")
    return True


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("chat", "0002_moderation")]

    operations = [
        AddIndexWithoutLock(
            model_name="message",
            index=models.Index(fields=["sender_key", "at"], name="chat_message_sender"),
        ),
        migrations.RunPython(make, take_away),
    ]
