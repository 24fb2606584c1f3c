import json
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.programs import ROOT
from tests.servers import manage, site_environment

PRODUCTION = {"DEBUG": "0", "SECRET_KEY": "k" * 50, "ALLOWED_HOSTS": "chat.example.org"}

NAMES = ["DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "CHAT", "LOG_LEVEL"]
NAMES += ["DATABASES", "CHANNEL_LAYERS"]

SHOW = f"""
import json
from project import settings
print(json.dumps({{name: getattr(settings, name) for name in {NAMES}}}, default=str))
"""


def load(**env: str) -> subprocess.CompletedProcess[str]:
    """Import the settings in a process of their own with no variables but these."""
    return subprocess.run(
        [sys.executable, "-c", SHOW],
        check=False,
        capture_output=True,
        text=True,
        env=site_environment(env),
        cwd=ROOT,
        timeout=60,
    )


def settings(**env: str) -> dict[str, Any]:
    """Return the settings that these variables make."""
    done = load(**env)
    assert done.returncode == 0, done.stderr
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


def test_defaults_are_for_development() -> None:
    loaded = settings()
    assert loaded["DEBUG"] is True
    assert "insecure" in loaded["SECRET_KEY"]
    assert loaded["ALLOWED_HOSTS"] == [".localhost", "127.0.0.1", "[::1]"]
    assert loaded["DATABASES"]["default"]["NAME"] == str(ROOT / "db.sqlite3")
    assert loaded["CHANNEL_LAYERS"]["default"]["BACKEND"].endswith("InMemoryChannelLayer")
    assert loaded["LOG_LEVEL"] == "info"
    assert loaded["CHAT"] == {
        "GUESTS": "post",
        "ROOM_CREATION": "anyone",
        "POSTS_PER_SECOND": 10,
        "SESSIONS_PER_ADDRESS": 100,
    }


def test_every_variable_reaches_its_setting() -> None:
    loaded = settings(
        **PRODUCTION,
        DATABASE_URL="postgres://me@db/chat",
        REDIS_URL="redis://localhost:6380/1",
        CHANNEL_LAYER="pubsub",
        LOG_LEVEL="WARNING",
        CHAT_GUESTS="none",
        CHAT_ROOM_CREATION="staff",
        CHAT_POSTS_PER_SECOND="0.5",
        CHAT_SESSIONS_PER_ADDRESS="0",
    )
    assert loaded["DEBUG"] is False
    assert loaded["ALLOWED_HOSTS"] == ["chat.example.org"]
    assert loaded["DATABASES"]["default"]["HOST"] == "db"
    layer = loaded["CHANNEL_LAYERS"]["default"]
    assert layer["BACKEND"] == "channels_redis.pubsub.RedisPubSubChannelLayer"
    assert layer["CONFIG"]["hosts"][0]["address"] == "redis://localhost:6380/1"
    assert loaded["LOG_LEVEL"] == "warning"
    assert loaded["CHAT"] == {
        "GUESTS": "none",
        "ROOM_CREATION": "staff",
        "POSTS_PER_SECOND": 0.5,
        "SESSIONS_PER_ADDRESS": 0,
    }


def test_forms_are_trusted_over_tls_from_the_own_hosts_alone() -> None:
    loaded = settings(**{**PRODUCTION, "ALLOWED_HOSTS": "chat.example.org,.example.net,*"})
    assert loaded["CSRF_TRUSTED_ORIGINS"] == ["https://chat.example.org", "https://*.example.net"]


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({**PRODUCTION, "SECRET_KEY": ""}, "DEBUG=0 needs a SECRET_KEY of your own"),
        (
            {
                **PRODUCTION,
                "SECRET_KEY": "insecure: for development only, refused unless DEBUG is on",
            },
            "DEBUG=0 needs a SECRET_KEY of your own",
        ),
        ({**PRODUCTION, "ALLOWED_HOSTS": ""}, "DEBUG=0 needs ALLOWED_HOSTS"),
        ({"DEBUG": "2"}, "DEBUG='2' in the environment"),
        ({"DATABASE_URL": "oracle://db/chat"}, "DATABASE_URL begins with 'oracle'"),
        ({"REDIS_URL": "localhost:6379"}, "REDIS_URL begins with 'localhost'"),
        ({"CHANNEL_LAYER": "rabbit"}, "CHANNEL_LAYER='rabbit'.*core, pubsub"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL='loud'"),
        ({"CHAT_GUESTS": "write"}, "CHAT_GUESTS='write'.*none, read, post"),
        ({"CHAT_ROOM_CREATION": "all"}, "CHAT_ROOM_CREATION='all'.*anyone, users, staff"),
        ({"CHAT_POSTS_PER_SECOND": "many"}, "CHAT_POSTS_PER_SECOND='many'"),
        ({"CHAT_SESSIONS_PER_ADDRESS": "1.5"}, "CHAT_SESSIONS_PER_ADDRESS='1.5'.*whole number"),
    ],
)
def test_bad_value_is_refused_by_name(env: dict[str, str], message: str) -> None:
    done = load(**env)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("django.core.exceptions.ImproperlyConfigured: ")
    assert re.search(message, last), last


def test_site_passes_djangos_checks() -> None:
    assert "no issues" in manage("check", "--fail-level=WARNING", env={})
