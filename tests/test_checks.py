"""Each check is silent on a sound site, and otherwise says what to change."""

from collections.abc import Callable
from importlib import metadata
from typing import Any

import pytest
from django.core import checks as system_checks
from pytest_django import Settings

from chat import checks, conf
from project import backends
from tests.servers import manage

CORE = "channels_redis.core.RedisChannelLayer"
PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
URL = "redis://localhost:6379/0"

PRODUCTION = {
    "DEBUG": "0",
    "SECRET_KEY": "a-key-that-is-long-enough-and-that-nobody-has-guessed-so-far-0123456789",
    "ALLOWED_HOSTS": "chat.example.org",
    "REDIS_URL": URL,
}


@pytest.fixture(autouse=True)
def debugging(settings: Settings) -> None:
    """The project's settings, as they are while it is developed."""
    settings.DEBUG = True


def found() -> dict[str, system_checks.CheckMessage]:
    """Return what the checks have to say, by id."""
    messages = checks.check()
    ids = [str(message.id) for message in messages]
    assert len(ids) == len(set(ids)), messages
    return dict(zip(ids, messages, strict=True))


def only() -> system_checks.CheckMessage:
    """Return the one thing that the checks have to say."""
    (message,) = found().values()
    return message


# The project


def test_nothing_is_wrong_with_the_project() -> None:
    assert not found()


def test_checks_are_registered(settings: Settings) -> None:
    assert system_checks.run_checks(tags=[checks.TAG]) == []
    settings.CHAT = {"NO_SUCH": 1}
    assert [message.id for message in system_checks.run_checks(tags=[checks.TAG])] == ["chat.E001"]


@pytest.mark.parametrize("env", [{}, PRODUCTION, PRODUCTION | {"CHANNEL_LAYER": "pubsub"}])
def test_nothing_of_ours_is_wrong_with_the_project_as_it_is_deployed(env: dict[str, str]) -> None:
    assert "chat." not in manage("check", "--deploy", env=env)


def test_project_with_one_process_is_told_so_when_it_is_deployed() -> None:
    env = {name: value for name, value in PRODUCTION.items() if name != "REDIS_URL"}
    assert "chat.W002" in manage("check", env=env)


def test_checks_connect_to_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: object) -> None:
        raise AssertionError("a check has opened a connection")

    monkeypatch.setattr("socket.socket.connect", connect)
    monkeypatch.setattr("sqlite3.connect", connect)
    settings.CHANNEL_LAYERS = {"default": backends.channel_layer(URL, kind="core")}
    assert not found()


# CHAT


def test_each_key_that_is_wrong_is_an_error_of_its_own(settings: Settings) -> None:
    settings.CHAT = {"GUESTS": "maybe", "NO_SUCH": 1, "WINDOW": "8192", "HEARTBEAT": 20}
    messages = checks.check()
    assert [message.id for message in messages] == ["chat.E001"] * 3
    for key, message in zip(("GUESTS", "NO_SUCH", "WINDOW"), messages, strict=True):
        assert f"CHAT[{key!r}]" in message.msg
        assert "CHAT" in str(message.hint)
        assert message.is_serious()


def test_chat_that_is_no_dict_is_an_error(settings: Settings) -> None:
    settings.CHAT = ["GUESTS"]
    assert "must be a dict" in only().msg


def test_site_without_chat_has_the_defaults(settings: Settings) -> None:
    del settings.CHAT
    assert not found()


@pytest.mark.parametrize(
    ("frame", "text", "sound"),
    [(65_536, 10_837, True), (65_536, 10_838, False), (600_512, 100_000, True), (1024, 86, False)],
)
def test_text_that_may_not_fit_into_a_frame_is_a_warning(
    settings: Settings, frame: int, text: int, sound: bool
) -> None:
    settings.CHAT = {"FRAME_LIMIT": frame, "TEXT_LIMIT": text}
    if sound:
        assert not found()
        return
    assert only().id == "chat.W013"
    enough = conf.COMMAND_BYTES + conf.CHARACTER_BYTES * text
    assert f"CHAT['FRAME_LIMIT'] to {enough} or more" in str(only().hint)
    settings.CHAT = {"FRAME_LIMIT": enough, "TEXT_LIMIT": text}
    assert not found()


# The channel layer


@pytest.mark.parametrize("layers", [{}, {"other": {"BACKEND": checks.IN_MEMORY}}, {"default": {}}])
def test_missing_layer_is_a_warning(settings: Settings, layers: dict[str, Any]) -> None:
    settings.CHANNEL_LAYERS = layers
    assert only().id == "chat.W001"
    assert "Add 'default' to CHANNEL_LAYERS" in str(only().hint)


def test_layer_that_chat_names_is_the_one_that_counts(settings: Settings) -> None:
    settings.CHANNEL_LAYERS = {"bus": {"BACKEND": checks.IN_MEMORY}}
    settings.CHAT = {"CHANNEL_LAYER": "bus"}
    assert not found()
    settings.CHAT = {"CHANNEL_LAYER": "default"}
    assert "CHAT['CHANNEL_LAYER']" in str(found()["chat.W001"].hint)


@pytest.mark.parametrize("backend", ["", "no.such.Layer", "channels.layers.NoSuch"])
def test_layer_that_cannot_be_imported_is_an_error(settings: Settings, backend: str) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend}}
    assert only().id == "chat.E002"
    assert "pip install channels-chat[redis]" in str(only().hint)


def test_layer_in_memory_is_a_warning_without_debug(settings: Settings) -> None:
    assert not found()
    settings.DEBUG = False
    assert only().id == "chat.W002"
    assert CORE in str(only().hint)
    assert "SILENCED_SYSTEM_CHECKS" in str(only().hint)


PATIENT = {"socket_timeout": None}


@pytest.mark.parametrize(
    "hosts",
    [
        None,
        [],
        [URL],
        [URL.encode()],
        [("localhost", 6379)],
        [["localhost", 6379]],
        [{"address": URL}],
        [{"host": "localhost", "port": 6379}],
        [{"sentinels": [("localhost", 26379)], "master_name": "main"}],
        [{"address": URL, "socket_timeout": 5}],
        [{"address": f"{URL}?socket_timeout=2.5"}],
        [{"address": f"{URL}?socket_timeout=2.5", **PATIENT}],
        URL,
    ],
)
def test_hosts_that_redis_gives_up_on_are_a_warning(settings: Settings, hosts: Any) -> None:
    config = {} if hosts is None else {"CONFIG": {"hosts": hosts}}
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": CORE, **config}}
    assert only().id == "chat.W004"
    assert "{'address': 'redis://…', 'socket_timeout': None}" in str(only().hint)


@pytest.mark.parametrize(
    "host",
    [
        {"address": URL, **PATIENT},
        {"address": URL.encode(), **PATIENT},
        {"address": URL, "socket_timeout": 30},
        f"{URL}?socket_timeout=30",
        {"address": f"{URL}?socket_timeout=30", "socket_timeout": 1},
        {"host": "localhost", "port": 6379, **PATIENT},
        {"sentinels": [("localhost", 26379)], "master_name": "main", **PATIENT},
        {"address": "redis://[", "socket_timeout": 1},
        {"address": URL, "socket_timeout": "soon"},
    ],
)
def test_hosts_that_may_be_silent_are_sound(settings: Settings, host: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": CORE, "CONFIG": {"hosts": [host]}}}
    assert not found()


def test_timeout_is_asked_for_only_where_redis_has_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": CORE, "CONFIG": {"hosts": [URL]}}}
    installed(monkeypatch, redis="7.4.0")
    assert not found()
    installed(monkeypatch, redis="8.0.0b1")
    assert only().id == "chat.W004"


def test_pubsub_layer_needs_no_timeout(settings: Settings) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": PUBSUB, "CONFIG": {"hosts": [URL] * 2}}}
    assert not found()


def test_several_hosts_of_the_core_layer_are_a_warning(settings: Settings) -> None:
    hosts = [{"address": f"redis://redis{number}", **PATIENT} for number in (1, 2)]
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": CORE, "CONFIG": {"hosts": hosts}}}
    assert only().id == "chat.W003"
    assert "one host" in str(only().hint)


# The servers


def installed(monkeypatch: pytest.MonkeyPatch, **versions: str | None) -> None:
    """Let these versions be installed (``None``: not), and the others as they are."""
    really: Callable[[str], str] = metadata.version

    def version(distribution: str) -> str:
        answer = versions.get(distribution, "as it is")
        if answer is None:
            raise metadata.PackageNotFoundError(distribution)
        return really(distribution) if answer == "as it is" else answer

    monkeypatch.setattr(metadata, "version", version)


@pytest.mark.parametrize("version", ["3.0.2", "4.1", "4.2.1", "4.2.1.post1"])
def test_old_daphne_is_a_warning(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    installed(monkeypatch, daphne=version)
    assert only().id == "chat.W010"
    assert "pip install 'daphne>=4.2.2'" in str(only().hint)


@pytest.mark.parametrize("version", ["4.2.2", "4.3.dev1", "10", "unknown", None])
def test_new_daphne_and_none_are_sound(
    monkeypatch: pytest.MonkeyPatch, version: str | None
) -> None:
    installed(monkeypatch, daphne=version)
    assert not found()


@pytest.mark.parametrize("debug", [True, False])
def test_hosts_that_are_all_allowed_are_a_warning(settings: Settings, debug: bool) -> None:
    settings.CHANNEL_LAYERS = {"default": backends.channel_layer(URL, kind="core")}
    settings.DEBUG = debug
    assert not found()
    settings.ALLOWED_HOSTS = ["*"]
    assert only().id == "chat.W011"
    assert "ALLOWED_HOSTS" in str(only().hint)
