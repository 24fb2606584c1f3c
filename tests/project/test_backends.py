from pathlib import Path
from typing import Any

import pytest
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from channels_redis.utils import create_pool
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.utils import ConnectionHandler
from django.utils.module_loading import import_string

from project.backends import LAYERS, POSTGRES_OPTIONS, channel_layer, database
from tests.services import PostgresServer, RedisServer

HERE = Path("/srv/site")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (None, "/srv/site/db.sqlite3"),
        ("sqlite:///other.sqlite3", "/srv/site/other.sqlite3"),
        ("sqlite:////var/lib/chat/db.sqlite3", "/var/lib/chat/db.sqlite3"),
        ("sqlite:////var/my%20chat.sqlite3", "/var/my chat.sqlite3"),
    ],
)
def test_sqlite_file_is_named_relative_to_the_project_or_from_the_root(
    url: str | None, name: str
) -> None:
    entry = database(url, beside=HERE)
    assert entry["ENGINE"] == "django.db.backends.sqlite3"
    assert entry["NAME"] == Path(name)
    assert entry["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_postgres_url_is_taken_apart() -> None:
    entry = database("postgres://me:p%40ss@db.example.org:5433/chat?sslmode=require", beside=HERE)
    assert entry["ENGINE"] == "django.db.backends.postgresql"
    assert (entry["USER"], entry["PASSWORD"]) == ("me", "p@ss")
    assert (entry["HOST"], entry["PORT"], entry["NAME"]) == ("db.example.org", 5433, "chat")
    assert entry["OPTIONS"] == {**POSTGRES_OPTIONS, "sslmode": "require"}
    assert entry["CONN_HEALTH_CHECKS"] is True


def test_options_of_a_postgres_url_take_the_place_of_the_usual_ones() -> None:
    url = "postgres://localhost/chat?tcp_user_timeout=3000&options=-c%20lock_timeout%3D1s"
    options = database(url, beside=HERE)["OPTIONS"]
    assert (options["tcp_user_timeout"], options["options"]) == (3000, "-c lock_timeout=1s")
    assert options["connect_timeout"] == POSTGRES_OPTIONS["connect_timeout"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://localhost/chat", "begins with 'mysql': expected sqlite:///… or postgres://…"),
        ("chat.sqlite3", "expected sqlite:///"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file.*in memory"),
        ("postgres://localhost", "names no database"),
        ("postgres://localhost:port/chat", "cannot be read"),
    ],
)
def test_database_url_that_will_not_do_is_refused(url: str, message: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=message):
        database(url, beside=HERE)


def test_no_redis_url_means_the_layer_in_memory() -> None:
    assert channel_layer(None, kind="core") == {"BACKEND": "channels.layers.InMemoryChannelLayer"}


def test_redis_url_of_another_scheme_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="begins with 'http': expected redis://"):
        channel_layer("http://localhost", kind="core")


@pytest.mark.parametrize(
    ("kind", "layer_class"), [("core", RedisChannelLayer), ("pubsub", RedisPubSubChannelLayer)]
)
async def test_layer_carries_a_message_over_redis(
    redis_server: RedisServer, kind: str, layer_class: type[Any]
) -> None:
    entry = channel_layer(redis_server.url, kind=kind)
    layer: Any = import_string(entry["BACKEND"])(**entry["CONFIG"])
    assert type(layer) is layer_class
    try:
        channel = await layer.new_channel()
        await layer.group_add(f"backends-{kind}", channel)
        await layer.group_send(f"backends-{kind}", {"type": "hello"})
        assert await layer.receive(channel) == {"type": "hello"}
    finally:
        await (layer.close_pools() if kind == "core" else layer.flush())


def test_every_kind_of_layer_leaves_a_silent_socket_open() -> None:
    for kind in LAYERS:
        (host,) = channel_layer("redis://localhost", kind=kind)["CONFIG"]["hosts"]
        assert (host["address"], host["socket_timeout"]) == ("redis://localhost", None)


@pytest.mark.parametrize(
    ("url", "keepalive"),
    [("redis://localhost", True), ("rediss://localhost", True), ("unix:///run/redis.sock", None)],
)
def test_connections_to_redis_are_kept_alive_where_there_is_a_network(
    url: str, keepalive: bool | None
) -> None:
    (host,) = channel_layer(url, kind="core")["CONFIG"]["hosts"]
    connection = create_pool(host).make_connection()
    assert getattr(connection, "socket_keepalive", None) is keepalive


@pytest.mark.django_db
def test_connections_of_sqlite_are_set_up_for_threads_and_power_cuts() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the suite's own database is another one")
    with connection.cursor() as cursor:
        values = [
            cursor.execute(f"PRAGMA {name}").fetchone()[0]
            for name in (
                "journal_mode",
                "synchronous",
                "busy_timeout",
                "secure_delete",
                "temp_store",
            )
        ]
    assert values == ["wal", 2, 20_000, 1, 2]


def test_private_postgres_is_one_that_the_url_reaches(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    entry = database(postgres_database, beside=HERE)
    assert (entry["HOST"], entry["PORT"]) == ("127.0.0.1", postgres_server.port)


def test_connection_to_postgres_is_given_up_where_nobody_answers(postgres_database: str) -> None:
    wrapper: Any = ConnectionHandler({"default": database(postgres_database, beside=HERE)})[
        "default"
    ]
    with wrapper.get_new_connection(wrapper.get_connection_params()) as connection:
        used = connection.info.get_parameters()
        assert {name: used[name] for name in POSTGRES_OPTIONS} == {
            name: str(value) for name, value in POSTGRES_OPTIONS.items()
        }
        (limit,) = connection.execute("SHOW idle_in_transaction_session_timeout").fetchone()
        assert limit == "10s"
