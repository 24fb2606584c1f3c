import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import redis

from tests.programs import ROOT, find_program
from tests.services import PostgresServer, RedisServer


def test_redis_forgets_everything_over_a_restart_and_keeps_its_port(own_redis: RedisServer) -> None:
    port = own_redis.port
    own_redis.execute("SET", "key", "value")
    assert own_redis.execute("GET", "key") == b"value"
    own_redis.restart()
    assert own_redis.port == port
    assert own_redis.execute("GET", "key") is None


def test_killed_redis_is_gone_until_started_again(own_redis: RedisServer) -> None:
    own_redis.kill()
    assert not own_redis.running
    with pytest.raises(redis.ConnectionError):
        own_redis.execute("PING")
    own_redis.start()
    assert own_redis.execute("PING") in (b"PONG", "PONG", True)


def test_two_redis_servers_run_side_by_side(
    redis_server: RedisServer, own_redis: RedisServer
) -> None:
    assert redis_server.port != own_redis.port
    assert redis_server.running
    assert own_redis.running


def test_postgres_keeps_what_was_committed_over_a_crash(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    with psycopg.connect(postgres_database) as connection:
        connection.execute("CREATE TABLE kept (number integer)")
        connection.execute("INSERT INTO kept VALUES (7)")
    postgres_server.kill()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres_database)
    postgres_server.start()
    with psycopg.connect(postgres_database) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(7,)]


def test_postgres_stops_though_a_client_is_connected(
    postgres_server: PostgresServer, postgres_database: str
) -> None:
    with psycopg.connect(postgres_database) as connection:
        assert postgres_server.stop() == 0
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    postgres_server.start()


def test_postgres_has_room_for_many_connections(postgres_server: PostgresServer) -> None:
    assert postgres_server.execute("SHOW max_connections") == [("200",)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_servers_end_with_the_run_however_it_ends(tmp_path: Path, number: signal.Signals) -> None:
    find_program("redis-server")  # says what is missing, should it be
    script = """
import sys, time
from tests.services import RedisServer
server = RedisServer().start()
print(server.pid, server.directory, flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as run:
        assert run.stdout is not None
        pid, directory = run.stdout.readline().split()
        assert _runs(int(pid))
        run.send_signal(number)
        run.wait()
    deadline = time.monotonic() + 10
    while _runs(int(pid)) or Path(directory).exists():
        assert time.monotonic() < deadline, "the server, or its directory, is still there"
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A container's first process may not collect what was orphaned: dead but still listed.
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_missing_program_skips_the_test_but_fails_on_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="no-such-server is not on this machine"):
        find_program("no-such-server", "/usr/lib/*/bin")
