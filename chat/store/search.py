"""Finding messages by the beginnings of words, in their text or their sender's name.

PostgreSQL has an index for that, which it keeps itself: ``chat_message_words``. What was redacted
is in it no longer than the old row is in the table, until a vacuum.

SQLite has the table ``chat_search`` (FTS5), which holds no texts of its own. New messages get into
it later, some in each beat of a hub and all before a search, because to index them with each post
would cost a fifth of the posts per second. What is changed or deleted after that, triggers take out
at once. Of what was taken out, FTS5 keeps the words in its pages until these are merged: ``settle``
does so.

Where there is neither, every row is read: half a second for a million.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from django.db import OperationalError, connections, transaction
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL

from chat import conf

INDEXED_AT_ONCE = 500
"""Messages that a beat adds to SQLite's index: some 6 ms."""

INDEXED_BEFORE_SEARCH = 5000
"""The same in each transaction before a search."""

MERGED_AT_ONCE = 100
"""Pages of SQLite's index that one transaction merges: some 20 ms."""

# What FTS5's unicode61 takes for a word, as far as Python and it know the same letters.
_WORD = re.compile(r"[^\W_]+")

_MATCHES = (
    "to_tsvector('simple', chat_message.sender_name || ' ' || chat_message.text)"
    " @@ to_tsquery('simple', %s)"
)
_FOUND = "SELECT rowid FROM chat_search WHERE chat_search MATCH %s"


def matching(text: str) -> Q:
    """A condition for messages that have all the words of ``text``, each the beginning of one.

    On SQLite, brings its index up to date first.
    """
    if connections[conf.current().database].vendor == "postgresql":
        return Q(RawSQL(_MATCHES, [_tsquery(text)], output_field=BooleanField()))  # noqa: S611 - what is asked for is a parameter
    words = _WORD.findall(unicodedata.normalize("NFC", text))
    if words and has_index() and _understood(words):
        while extend(INDEXED_BEFORE_SEARCH):
            pass
        beginnings = " ".join(f'"{word}" *' for word in words)
        return Q(pk__in=RawSQL(_FOUND, [beginnings]))  # noqa: S611 - likewise
    found = Q()
    for word in text.split():
        found &= Q(text__icontains=word) | Q(sender_name__icontains=word)
    return found


def _tsquery(text: str) -> str:
    """What PostgreSQL is asked for: quoted, so that it takes the words apart as it does texts."""
    quoted = (word.replace("\\", "\\\\").replace("'", "''") for word in text.split())
    return " & ".join(f"'{word}':*" for word in quoted)


def _understood(words: Sequence[str]) -> bool:
    """Whether FTS5 takes each word for one: it may not know the letters of a younger Unicode.

    It is asked for whole words: what has a beginning in common may be half the index.
    """
    with connections[conf.current().database].cursor() as cursor:
        try:
            cursor.execute(f"{_FOUND} LIMIT 1", [" ".join(f'"{word}"' for word in words)])
        except OperationalError:
            return False
    return True


def has_index() -> bool:
    """Whether this is an SQLite that has its index of words."""
    connection = connections[conf.current().database]
    if connection.vendor != "sqlite":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM sqlite_master WHERE name = 'chat_search'")
        return cursor.fetchone() is not None


def extend(most: int = INDEXED_AT_ONCE) -> int:
    """Add the next messages, at most ``most``, to SQLite's index; how many there were."""
    if not has_index():
        return 0
    database = conf.current().database
    with transaction.atomic(using=database), connections[database].cursor() as cursor:
        cursor.execute(
            "SELECT max(id), count(*) FROM (SELECT id FROM chat_message"
            " WHERE id > (SELECT upto FROM chat_search_state) ORDER BY id LIMIT %s)",
            [most],
        )
        upto, count = cursor.fetchone()
        if count:
            cursor.execute(
                "INSERT INTO chat_search(rowid, sender_name, text)"
                " SELECT id, sender_name, text FROM chat_message"
                " WHERE id > (SELECT upto FROM chat_search_state) AND id <= %s",
                [upto],
            )
            cursor.execute("UPDATE chat_search_state SET upto = %s", [upto])
    return int(count)


def tend() -> None:
    """Do a little for SQLite's index: add to it, and let it forget."""
    if extend() < INDEXED_AT_ONCE:
        settle()


def settle() -> bool:
    """Merge some of SQLite's index, if it was to forget something; whether there is more to do."""
    if not has_index():
        return False
    database = conf.current().database
    connection = connections[database]
    with transaction.atomic(using=database), connection.cursor() as cursor:
        cursor.execute("SELECT forgotten, forgetting, settled FROM chat_search_state")
        forgotten, forgetting, settled = cursor.fetchone()
        if forgotten == settled:
            return False
        begins = forgetting == settled
        if begins:
            # All pages, as they are now, are to become one run; what is to be forgotten from here
            # on is for the next time.
            cursor.execute("UPDATE chat_search_state SET forgetting = %s", [forgotten])
        before = connection.connection.total_changes
        pages = -MERGED_AT_ONCE if begins else MERGED_AT_ONCE
        cursor.execute("INSERT INTO chat_search(chat_search, rank) VALUES ('merge', %s)", [pages])
        # FTS5's documentation says that this is how to tell.
        if connection.connection.total_changes - before < 2:
            cursor.execute("UPDATE chat_search_state SET settled = forgetting")
    return True
