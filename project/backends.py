"""The settings of what the site stands on, made from URLs: the database and the channel layer."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

SQLITE_OPTIONS: dict[str, Any] = {
    # A transaction that will write says so when it begins: one that began by reading and cannot be
    # upgraded fails at once with "database is locked", however long the timeout.
    "transaction_mode": "IMMEDIATE",
    # Seconds to wait for another writer.
    "timeout": 20,
    # WAL: readers and the writer do not wait for each other. FULL: an acknowledged message survives
    # a power cut too; NORMAL would lose the last commits. The journal shrinks back after a large
    # commit. What is deleted or redacted is overwritten, not only unlinked. What a statement may
    # have to undo, a page for most of its rows, is kept in memory and not in a file of its own.
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=33554432; "
        "PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY;"
    ),
}

POSTGRES_OPTIONS: dict[str, Any] = {
    # A network that swallows packets tells nobody, and Linux tries for 15 minutes and more before
    # it gives a connection up. Seconds, but for tcp_user_timeout, which is in milliseconds.
    "connect_timeout": 5,
    # How long what was sent may go unconfirmed.
    "tcp_user_timeout": 10_000,
    # While an answer is waited for, nothing is sent that could go unconfirmed: so ask.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    # And the server is to give up the locks of a client that is out of reach, or stands still, in
    # the middle of a transaction: nobody else can post to those rooms.
    "options": "-c idle_in_transaction_session_timeout=10s",
}

LAYERS = {
    "core": "channels_redis.core.RedisChannelLayer",
    "pubsub": "channels_redis.pubsub.RedisPubSubChannelLayer",
}


def database(url: str | None, *, beside: Path) -> dict[str, Any]:
    """Return the entry of ``DATABASES`` for a URL; an SQLite file in ``beside`` when there is none.

    SQLite paths follow the usual convention: ``sqlite:///relative.sqlite3`` and
    ``sqlite:////absolute.sqlite3``, a relative one being relative to ``beside``. What a PostgreSQL
    URL says after its ``?`` comes before ``POSTGRES_OPTIONS``.
    """
    if url is None:
        return _sqlite(beside / "db.sqlite3")
    scheme = url.partition(":")[0].lower()
    if scheme == "sqlite":
        path = unquote(urlsplit(url).path.removeprefix("/"))
        if path in ("", ":memory:"):
            raise ImproperlyConfigured(
                "DATABASE_URL names no file: expected sqlite:///file or sqlite:////path/to/file. "
                "A database in memory is out of the question, as each thread would see its own."
            )
        return _sqlite(beside / path)
    if scheme in ("postgres", "postgresql"):
        try:
            # Connections are not kept between requests: under ASGI each request has a thread of its
            # own, and a connection that outlives it is one that nobody closes.
            entry: dict[str, Any] = {**dj_database_url.parse(url, conn_max_age=0)}
        except (ValueError, dj_database_url.ParseError) as error:
            raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}") from error
        if not entry["NAME"]:
            raise ImproperlyConfigured(
                "DATABASE_URL names no database: expected postgres://user:password@host:port/name."
            )
        options = {**POSTGRES_OPTIONS, **entry.get("OPTIONS", {})}
        return {**entry, "OPTIONS": options, "CONN_HEALTH_CHECKS": True}
    raise ImproperlyConfigured(
        f"DATABASE_URL begins with {scheme!r}: expected sqlite:///… or postgres://…"
    )


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": dict(SQLITE_OPTIONS),
    }


def channel_layer(url: str | None, *, kind: str) -> dict[str, Any]:
    """Return the entry of ``CHANNEL_LAYERS`` for a Redis URL; in-memory when there is none."""
    if url is None:
        return {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    scheme = url.partition(":")[0].lower()
    if scheme not in ("redis", "rediss", "unix"):
        raise ImproperlyConfigured(
            f"REDIS_URL begins with {scheme!r}: expected redis://host:port/number, rediss:// or unix://"
        )
    # redis-py 8 gives up on a silent socket after 5 s by default, which is how long the layer's own
    # blocking read takes: every idle connection would die. No limit, then.
    host: dict[str, Any] = {"address": url, "socket_timeout": None}
    if scheme != "unix":
        # Connections to a Redis that is out of reach are closed after a while; older redis-py ask
        # for that only when told to.
        host["socket_keepalive"] = True
    return {"BACKEND": LAYERS[kind], "CONFIG": {"hosts": [host]}}
