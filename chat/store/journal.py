"""SQLite's write-ahead log, in which pages stand as they were before a text was taken away."""

from __future__ import annotations

import contextlib

from django.db import OperationalError, connections

from chat import conf


def clear_journal() -> None:
    """Empty SQLite's write-ahead log, unless somebody reads from it or writes just now.

    Waits for nobody: whoever posts would wait with us. What is left is gone when the log is next
    written over, or with the next call.
    """
    connection = connections[conf.current().database]
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        return
    with connection.cursor() as cursor:
        patience = int(cursor.execute("PRAGMA busy_timeout").fetchone()[0])
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            # Raised where a query of this very connection is not read to its end.
            with contextlib.suppress(OperationalError):
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {patience}")
