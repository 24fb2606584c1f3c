import json
from typing import Any

import msgspec
import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from chat import conf

DEFAULTS: dict[str, Any] = {
    "GUESTS": "read",
    "ROOM_CREATION": "staff",
    "TEXT_LIMIT": 4000,
    "FRAME_LIMIT": 65_536,
    "POSTS_PER_SECOND": 10,
    "ROOMS_PER_SESSION": 50,
    "ROOMS_CREATED_PER_MINUTE": 60,
    "SESSIONS_PER_USER": 20,
    "SESSIONS_PER_ADDRESS": 100,
    "WINDOW": 8192,
    "HEARTBEAT": 20,
    "CHANNEL_LAYER": "default",
    "DATABASE": "default",
}


@pytest.mark.parametrize(("name", "value"), DEFAULTS.items())
def test_default_is_what_the_documents_say(settings: Settings, name: str, value: object) -> None:
    del settings.CHAT
    assert getattr(conf.current(), name.lower()) == value


def test_site_without_the_setting_has_no_problems(settings: Settings) -> None:
    del settings.CHAT
    assert conf.problems() == []


def test_given_settings_are_in_force(settings: Settings) -> None:
    settings.CHAT = {"GUESTS": "post", "POSTS_PER_SECOND": 0.5, "HEARTBEAT": 1}
    assert conf.problems() == []
    config = conf.current()
    assert (config.guests, config.posts_per_second, config.heartbeat) == ("post", 0.5, 1)
    assert config.window == 8192


def test_settings_are_read_once_and_anew_when_they_change(settings: Settings) -> None:
    settings.CHAT = {"TEXT_LIMIT": 7}
    first = conf.current()
    settings.OTHER = 1
    assert conf.current() is first
    settings.CHAT = {"TEXT_LIMIT": 8}
    assert conf.current().text_limit == 8


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GUESTS", "write"),
        ("GUESTS", None),
        ("ROOM_CREATION", True),
        ("TEXT_LIMIT", 0),
        ("TEXT_LIMIT", 100_001),
        ("TEXT_LIMIT", "4000"),
        ("TEXT_LIMIT", 4.5),
        ("FRAME_LIMIT", 1023),
        ("POSTS_PER_SECOND", -1),
        ("POSTS_PER_SECOND", True),
        ("ROOMS_PER_SESSION", 0),
        ("ROOMS_CREATED_PER_MINUTE", -1),
        ("SESSIONS_PER_USER", -1),
        ("HEARTBEAT", 0),
        ("HEARTBEAT", 20.5),
        ("COMMIT_BATCH", 1001),
        ("READ_THREADS", 65),
        ("SYSTEM_NAME", ""),
        ("DATABASE", ""),
        ("WEBSOCKET_PATH", "ws"),
        ("WEBSOCKET_PATH", "https://example.com/ws"),
    ],
)
def test_wrong_value_is_a_problem_that_names_it(
    settings: Settings, name: str, value: object
) -> None:
    settings.CHAT = {name: value}
    (problem,) = conf.problems()
    assert problem.startswith(f"CHAT[{name!r}] is {value!r}: ")
    with pytest.raises(ImproperlyConfigured, match=name):
        conf.current()


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("GUESTS", "maybe", "'none', 'read', 'post'"),
        ("ROOM_CREATION", True, "'anyone', 'users', 'staff'"),
        ("WEBSOCKET_PATH", "ws", "a path from the root, or an address"),
        ("GUEST", "post", "Did you mean GUESTS?"),
        ("roomcreation", "staff", "Did you mean ROOM_CREATION?"),
    ],
)
def test_problem_says_what_would_be_right(
    settings: Settings, name: str, value: object, right: str
) -> None:
    settings.CHAT = {name: value}
    (problem,) = conf.problems()
    assert right in problem


@pytest.mark.parametrize("name", ["TEXTLIMIT", "text_limit", "", 5])
def test_unknown_setting_is_a_problem_that_says_which_there_are(
    settings: Settings, name: object
) -> None:
    settings.CHAT = {name: 1}
    (problem,) = conf.problems()
    assert f"CHAT[{name!r}] is not a setting" in problem
    assert ("Did you mean TEXT_LIMIT?" in problem) != ("There are: GUESTS, ROOM" in problem)


def test_all_problems_are_told_at_once(settings: Settings) -> None:
    settings.CHAT = {"GUESTS": "x", "NOPE": 1, "TEXT_LIMIT": 5, "WINDOW": 1}
    assert len(conf.problems()) == 3
    with pytest.raises(ImproperlyConfigured, match=r"GUESTS.*NOPE.*WINDOW"):
        conf.current()


@pytest.mark.parametrize(
    ("character", "escaping"),
    [("x", True), ("\x01", True), ("я", True), ("я", False), ("€", True), ("🙂", False)],
)
def test_longest_text_that_is_said_to_fit_into_a_frame_does(character: str, escaping: bool) -> None:
    config = conf.Config()
    text = character * config.longest_in_frame
    post = {"type": "post", "room": "я" * 64, "id": "f" * 32, "text": text}
    assert len(json.dumps([post], ensure_ascii=escaping).encode()) <= config.frame_limit


@pytest.mark.parametrize("value", [None, [], "post", 5])
def test_setting_that_is_no_dict_is_a_problem(settings: Settings, value: object) -> None:
    settings.CHAT = value
    assert conf.problems() == [f"CHAT must be a dict, not {type(value).__name__}."]
    with pytest.raises(ImproperlyConfigured):
        conf.current()


def test_every_setting_says_what_it_is_for() -> None:
    (schema,) = msgspec.json.schema(conf.Config)["$defs"].values()
    assert set(schema["properties"]) == set(conf.FIELDS)
    assert all(field["description"] for field in schema["properties"].values())
