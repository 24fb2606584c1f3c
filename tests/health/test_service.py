"""Readiness of a real site, whose PostgreSQL stops or hangs."""

from __future__ import annotations

import os
import signal
import urllib.error
import urllib.request
from typing import Any

import msgspec

from tests.servers import Serve
from tests.services import PostgresServer


def probe(address: str) -> tuple[int, dict[str, Any]]:
    """Return the status and the checks that a running site answers with."""
    try:
        with urllib.request.urlopen(f"{address}/healthcheck/ready", timeout=10) as answer:
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, body = error.code, error.read()
    checks: dict[str, Any] = msgspec.json.decode(body)["checks"]
    return status, checks


def test_site_whose_postgres_stops_or_hangs_says_so_and_recovers(
    serve: Serve, postgres_server: PostgresServer, postgres_database: str
) -> None:
    server = serve(env={"DATABASE_URL": postgres_database})
    assert probe(server.url)[0] == 200

    os.kill(postgres_server.pid, signal.SIGSTOP)
    try:
        status, checks = probe(server.url)
        assert status == 503
        assert checks["database"] == {"ok": False, "detail": "no answer within 2 s"}
        assert checks["channel_layer"]["ok"]
        assert urllib.request.urlopen(f"{server.url}/healthcheck", timeout=10).status == 200
    finally:
        os.kill(postgres_server.pid, signal.SIGCONT)
    assert probe(server.url)[0] == 200

    postgres_server.kill()
    status, checks = probe(server.url)
    assert status == 503
    assert not checks["database"]["ok"]
    assert "127.0.0.1" not in str(checks)
    postgres_server.start()
    assert probe(server.url)[0] == 200
