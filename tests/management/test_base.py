"""What all commands have in common."""

import io
import re
import shlex
from pathlib import Path

import pytest
from django.core.management import CommandError, load_command_class

from chat.management.base import AskingCommand, ChatCommand, harmless
from chat.models import Act
from tests.management.conftest import Call

COMMANDS = sorted(
    path.stem
    for path in Path(__file__).parents[2].joinpath("chat/management/commands").glob("chat_*.py")
)


def load(name: str) -> ChatCommand:
    command = load_command_class("chat", name)
    assert isinstance(command, ChatCommand)
    return command


class Asking(AskingCommand):
    """Asks."""

    examples = ()


class Typed(io.StringIO):
    """Standard input with somebody at it."""

    def isatty(self) -> bool:
        return True


def test_there_are_the_commands_that_are_documented() -> None:
    assert COMMANDS == [
        "chat_announce",
        "chat_ban",
        "chat_bench",
        "chat_disconnect",
        "chat_new_epoch",
        "chat_prune",
        "chat_redact",
        "chat_rooms",
        "chat_sessions",
        "chat_tail",
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_examples_as_they_are_typed(name: str) -> None:
    command = load(name)
    text = command.create_parser("manage.py", name).format_help()
    examples = text.partition("\nexamples:\n")[2].rstrip().splitlines()
    assert examples == [f"  manage.py {example}" for example in command.examples]
    assert len(examples) >= 2
    assert all(example.startswith(name) for example in command.examples)


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_understood(name: str) -> None:
    command = load(name)
    for example in command.examples:
        words = shlex.split(re.split(r" [|<] ", example)[0])
        command.create_parser("manage.py", name).parse_args(words[1:])


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_json_is_like(name: str) -> None:
    assert "--json" in load(name).help


# Asking


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Somebody at the keyboard."""
    stdin = Typed()
    monkeypatch.setattr("sys.stdin", stdin)
    return stdin


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_yes_at_the_keyboard_lets_it_go_on(typed: Typed, answer: str) -> None:
    typed.write(answer)
    typed.seek(0)
    stdout, stderr = io.StringIO(), io.StringIO()
    Asking(stdout=stdout, stderr=stderr).ask("disconnect 12 sessions", {"yes": False})
    assert "disconnect 12 sessions" in stderr.getvalue()
    assert stdout.getvalue() == ""


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "yesterday\n"])
def test_anything_else_does_not(typed: Typed, answer: str) -> None:
    typed.write(answer)
    typed.seek(0)
    with pytest.raises(CommandError, match="Nothing was done"):
        Asking(stderr=io.StringIO()).ask("disconnect 12 sessions", {"yes": False})


def test_where_nobody_is_there_yes_has_to_be_said_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(CommandError, match="--yes"):
        Asking().ask("disconnect 12 sessions", {"yes": False})
    Asking().ask("disconnect 12 sessions", {"yes": True})


# Who acts


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("main")
def test_record_has_the_account_or_who_is_named(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ops")
    call("chat_new_epoch", "main")
    call("chat_new_epoch", "main", "--actor", "Anna")
    acts = Act.objects.order_by("pk").values_list("actor_name", "via")
    assert list(acts) == [("ops", "command"), ("Anna", "command")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("main")
def test_account_without_a_name_acts_by_its_number(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless() -> str:
        raise OSError("no username set")

    monkeypatch.setattr("getpass.getuser", nameless)
    call("chat_new_epoch", "main")
    assert re.fullmatch(r"uid \d+", Act.objects.get().actor_name)


# Printing


def test_json_holds_nothing_that_a_terminal_obeys() -> None:
    assert harmless('"\x9b2J\x7fä"') == '"\\u009b2J\\u007fä"'


def test_tables_hold_nothing_that_a_terminal_obeys() -> None:
    stdout = io.StringIO()
    Asking(stdout=stdout, no_color=True).print_table(("WHO",), [("\x1b[2J\nx",)])
    assert stdout.getvalue() == "WHO\n␛[2J ⏎ x\n"
