"""Calling commands in the tests' own process."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from chat import api
from chat.models import Message, Room

Call = Callable[..., str]
CallJson = Callable[..., Any]


@pytest.fixture
def call() -> Call:
    """Call a command, as from a script: nobody can be asked; what it printed."""

    def call(name: str, *arguments: str) -> str:
        stdout = io.StringIO()
        call_command(name, *arguments, stdout=stdout)
        return stdout.getvalue()

    return call


@pytest.fixture
def call_json(call: Call) -> CallJson:
    """Call a command with ``--json``; what that says, which is all it printed."""

    def call_json(name: str, *arguments: str) -> Any:
        return json.loads(call(name, *arguments, "--json"))

    return call_json


@pytest.fixture
def main(db: None) -> Room:
    """The room that is always there once somebody has come."""
    return Room.objects.create(slug="main")


@pytest.fixture
def old() -> Room:
    """A room with ten messages, of which seven are 40 days old."""
    room = Room.objects.create(slug="old")
    for number in range(10):
        api.publish("old", f"m{number + 1}", "Bot")
    Message.objects.filter(seq__lte=7).update(at=timezone.now() - timedelta(days=40))
    return room
