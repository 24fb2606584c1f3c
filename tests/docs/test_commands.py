"""The commands of docs/commands.md, given as they stand there."""

import re
import shlex
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command, load_command_class
from django.utils import timezone

from chat import api
from chat.hub import bus
from chat.models import Ban, Connection, Message, Node, Room
from tests.management.test_base import COMMANDS
from tests.programs import ROOT

TEXT = (ROOT / "docs" / "commands.md").read_text()
RUN = re.compile(r"<!-- run -->\n```sh\n(.*?)```", re.DOTALL)
GIVEN = re.compile(r"python manage\.py (chat_[^|\n]*)")


def test_every_command_has_its_line() -> None:
    assert sorted(re.findall(r"^\| `(chat_\w+)` \|", TEXT, re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize(
    "path", ["README.md", "docs/benchmarks.md", "docs/commands.md", "docs/deployment.md"]
)
def test_commands_are_understood_as_they_are_written(path: str) -> None:
    found = GIVEN.findall((ROOT / path).read_text())
    assert found or path == "README.md"
    for line in found:
        name, *arguments = shlex.split(line, comments=True)
        load_command_class("chat", name).create_parser("manage.py", name).parse_args(arguments)


@pytest.mark.django_db(transaction=True)
def test_commands_do_what_they_are_said_to(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus, "is_shared", lambda _layer: True)  # as with Redis
    rooms = [Room.objects.create(slug=slug) for slug in ("main", "orders", "kitchen")]
    Room.objects.filter(slug="orders").update(retention_days=30)
    anna = User.objects.create(username="anna")
    node = Node.objects.create(name="one")
    guest = "g:1360679230"
    Connection.objects.create(
        node=node, session="s", sender_key=guest, address="203.0.113.7", rooms=["main"]
    )
    for room in rooms:
        api.publish(room, "old", "Bot")
        api.publish(room, "of anna", anna)
    Message.objects.filter(text="old").update(at=timezone.now() - timedelta(days=100))

    blocks = RUN.findall(TEXT)
    assert len(blocks) == 3
    for line in GIVEN.findall("".join(blocks)):
        if "--sender" in line:
            line += " --yes"  # somebody is asked there
        call_command(*shlex.split(line))

    assert "203.0.113.7" in capsys.readouterr().out
    assert sorted(Ban.objects.values_list("kind", "sender_key", "network")) == [
        ("ban", "", "203.0.113.0/24"),
        ("mute", guest, ""),
    ]
    assert Connection.objects.get().close_with == 4503
    texts = sorted(set(Message.objects.values_list("room__slug", "text")))
    said = "Version 2 is out"
    assert [text for text in texts if text[1]] == [
        ("kitchen", said),
        ("main", said),
        ("orders", said),
    ]
