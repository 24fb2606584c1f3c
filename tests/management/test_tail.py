"""``manage.py chat_tail`` against a real server, at pipes and at a terminal."""

import os
import re
import secrets
import signal
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from chat.management.tail import keyboard
from tests.hub.clients import off_loop
from tests.integration.people import Visits
from tests.integration.settings import overriding
from tests.management.conftest import Call
from tests.management.running import at_terminal, piped
from tests.programs import ROOT, free_port
from tests.servers import Serve, SiteServer, site_environment

HOSTILE = "\x1b]0;owned\x07\x9b2J"


@pytest.fixture(scope="module")
def server(serve_module: Serve) -> SiteServer:
    """A site where everybody may post as fast as they can."""
    return serve_module(env={"CHAT_POSTS_PER_SECOND": "0"})


@pytest.fixture
def room() -> str:
    """A room that no other test is in."""
    return f"room-{secrets.token_hex(4)}"


def tail(server: SiteServer, room: str, *options: str) -> Sequence[str]:
    return ["chat_tail", room, "--url", server.ws_url, *options]


def run(server: SiteServer, room: str, *options: str, typed: str = "") -> tuple[int, str, str]:
    """Run it until it ends; its status, output and errors."""
    with piped(*tail(server, room, *options), env=server.env) as running:
        running.type(typed)
        running.end_input()
        status = running.ended()
        running.read_to_the_end()
        return status, running.printed, running.errors()


def texts_of(server: SiteServer, room: str) -> list[str]:
    """What the room's log says, asked for by another."""
    with piped(*tail(server, room, "--once", "--json", "--history", "200"), env=server.env) as it:
        assert it.ended() == 0, it.errors()
        it.read_to_the_end()
        return it.texts()


def make_room(server: SiteServer, room: str, **fields: str) -> None:
    made = f"Room.objects.create(slug={room!r}, **{fields!r})"
    server.run(f"from chat.models import Room; {made}")


@pytest.fixture(scope="module")
def bob(server: SiteServer) -> str:
    """A user of the site."""
    make = "User.objects.create_user('bob', password='x')"
    server.run(f"from django.contrib.auth.models import User; {make}")
    return "bob"


def test_what_comes_by_a_pipe_is_said_once_and_in_order(server: SiteServer, room: str) -> None:
    lines = [f"line {number}" for number in range(50)]
    status, printed, errors = run(server, room, "--name", "Anna", typed="\n".join(lines))
    assert (status, errors) == (0, "")
    assert "Anna: line 48" in printed
    assert texts_of(server, room) == lines


def test_lines_that_come_too_fast_are_all_said(serve: Serve, room: str) -> None:
    server = serve(env={"CHAT_POSTS_PER_SECOND": "10"})
    lines = [f"line {number}" for number in range(30)]
    status, _, _ = run(server, room, typed="\n".join(lines))
    assert status == 0
    assert texts_of(server, room) == lines


def test_server_that_is_killed_and_comes_back_loses_nothing_and_repeats_nothing(
    serve: Serve, room: str
) -> None:
    server = serve(env={"CHAT_POSTS_PER_SECOND": "0"})
    lines = [f"line {number}" for number in range(200)]
    with (
        piped(*tail(server, room, "--listen", "--json"), env=server.env) as listener,
        piped(*tail(server, room, "--json"), env=server.env) as talker,
    ):
        listener.sees("joined")
        talker.type("".join(f"{line}\n" for line in lines[:100]))
        talker.until(lambda: len(talker.texts()) >= 20, "twenty lines")
        server.kill()  # in the middle of it
        talker.type("".join(f"{line}\n" for line in lines[100:]))
        server.start()
        talker.end_input()
        assert talker.ended() == 0, talker.errors()
        listener.until(lambda: len(listener.texts()) >= len(lines), "every line")
        assert listener.texts() == lines
        listener.process.send_signal(signal.SIGINT)
        assert listener.ended() == 0
        assert "lost" in listener.errors()
        seqs = [event["seq"] for event in listener.events if event["type"] == "message"]
        assert seqs == list(range(1, len(lines) + 1))


def test_user_is_signed_in_for_as_long_as_it_runs(server: SiteServer, bob: str, room: str) -> None:
    make_room(server, room, kind="private")
    count = "from django.contrib.sessions.models import Session; print(Session.objects.count())"
    status, _, errors = run(server, room, "--user", bob, typed="hello")
    assert (status, "no such room" in errors) == (1, True)
    join = f"Room.objects.get(slug={room!r}).memberships.create(user_id=1)"
    server.run(f"from chat.models import Room; {join}")
    status, printed, errors = run(server, room, "--user", bob, "--json", typed="hello")
    assert (status, errors) == (0, "")
    assert '"sender":{"id":"1","name":"bob"}' in printed
    assert server.run(count).strip() == "0"


def test_line_that_is_refused_is_told_and_the_status_is_1(server: SiteServer, room: str) -> None:
    make_room(server, room, guests="read")
    status, printed, errors = run(server, room, typed="hello\nworld\n")
    assert status == 1
    assert "not sent: hello" in printed
    assert "stored: 2" in errors


def test_once_shows_the_last_messages_and_leaves(server: SiteServer, room: str) -> None:
    run(server, room, "--name", "Anna", typed="one\ntwo\nthree\n")
    status, printed, errors = run(server, room, "--once", "--history", "2")
    assert (status, errors) == (0, "")
    assert [line.partition(" ")[2] for line in printed.splitlines()[1:]] == [
        "Anna: two",
        "Anna: three",
    ]


def test_without_input_it_shows_what_there_is_and_leaves(
    server: SiteServer, room: str, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(server, room, "--name", "Anna", typed="hello")
    reading, writing = os.pipe()
    os.close(writing)
    monkeypatch.setattr(keyboard, "STDIN", reading)
    for options in ([], ["--json"], ["--once"]):
        assert "hello" in call("chat_tail", room, "--url", f"{server.url}/ws", *options)
    os.close(reading)


def test_reader_that_has_enough_ends_it_quietly(server: SiteServer, room: str) -> None:
    command: list[str | Path] = [sys.executable, ROOT / "manage.py", *tail(server, room)]
    talk = "\n".join(["hello"] * 20)
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=site_environment(server.env),
    ) as process:
        assert process.stdin, "a pipe"
        assert process.stdout, "a pipe"
        assert process.stderr, "a pipe"
        process.stdout.readline()
        process.stdout.close()
        process.stdin.write(talk.encode())
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_has_it_leave_politely(
    server: SiteServer, room: str, number: signal.Signals
) -> None:
    with piped(*tail(server, room), env=server.env) as running:
        running.sees("1 here")
        running.process.send_signal(number)
        assert running.ended() == 0
        assert running.errors() == ""


def test_who_is_sent_away_by_another_process_leaves_and_says_why(serve: Serve, room: str) -> None:
    server = serve(env=overriding(HEARTBEAT=1, GUESTS="post", ROOM_CREATION="anyone"))
    with piped(*tail(server, room, "--json", "--name", "Anna"), env=server.env) as running:
        running.sees('"joined"')
        who = running.events[0]["members"][0]["id"]
        printed = server.manage("chat_ban", f"guest:{who}", "--until", "1h", "--reason", "spam")
        assert "spam" in printed
        assert running.ended() == 1
        assert "removed or banned" in running.errors()


# What goes wrong


def test_nobody_who_answers_is_told_with_the_address(room: str, server: SiteServer) -> None:
    url = f"ws://127.0.0.1:{free_port()}/ws"
    with piped("chat_tail", room, "--url", url, env=server.env) as running:
        assert running.ended() == 1
        assert url in running.errors()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--url", "localhost"], "no address"),
        (["--history", "201"], "no number from 0 to 200"),
        (["--name", "x", "--user", "y"], "not allowed with"),
    ],
)
def test_wrong_usage_has_status_2(server: SiteServer, options: list[str], told: str) -> None:
    with piped("chat_tail", "main", *options, env=server.env) as running:
        assert running.ended() == 2
        assert told in running.errors()


@pytest.mark.parametrize(
    ("room", "options", "told"),
    [
        ("a b", [], "a room's name is"),
        ("main", ["--name", "System"], "the site's own name"),
        ("main", ["--user", "nobody"], "no user 'nobody'"),
    ],
)
def test_what_the_server_does_not_want_has_status_1(
    server: SiteServer, room: str, options: list[str], told: str
) -> None:
    status, _, errors = run(server, room, *options)
    assert status == 1
    assert told in errors


def test_session_that_the_server_does_not_know_is_told(server: SiteServer, bob: str) -> None:
    other = {**server.env, "SECRET_KEY": "another"}
    with piped(*tail(server, "main", "--user", bob), env=other) as running:
        assert running.ended() == 1
        assert "SECRET_KEY" in running.errors()


def test_missing_extra_is_told_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.management.commands.chat_tail.find_spec", lambda _: None)
    with pytest.raises(CommandError, match=r"channels-chat\[cli\]"):
        call_command("chat_tail", "main")


# At a terminal


async def test_line_being_typed_survives_what_others_say(server: SiteServer, room: str) -> None:
    command = tail(server, room, "--name", "Bert")
    with at_terminal(*command, env=server.env) as (bert, _):
        async with Visits() as visits:
            anna = await visits.json(server, room)
            await off_loop(bert.sees, f"{room}> ")
            bert.type("half a")
            await off_loop(bert.sees, "half a")
            await anna.post(room, f"evil {HOSTILE}")
            row = re.escape(f"\r\x1b[K{room}> half a")
            await off_loop(bert.sees, rf"evil ␛\]0;owned␇�2J\r\n{row}")
            bert.type(" line\r")
            assert (await anna.said(room, "half a line"))["sender"]["name"] == "Bert"
            assert HOSTILE[:2] not in bert.printed


@pytest.mark.parametrize("leaving", ["\x04", signal.SIGINT])
def test_terminal_is_as_it_was_afterwards(
    server: SiteServer, room: str, leaving: str | signal.Signals
) -> None:
    with at_terminal(*tail(server, room), env=server.env) as (running, terminal):
        before = termios.tcgetattr(terminal)
        running.sees(f"{room}> ")
        assert termios.tcgetattr(terminal) != before
        if isinstance(leaving, str):
            running.type(leaving)
        else:
            running.process.send_signal(leaving)
        assert running.ended() == 0
        assert termios.tcgetattr(terminal) == before


def test_terminal_that_wants_no_colours_gets_none(server: SiteServer, room: str) -> None:
    run(server, room, "--name", "Anna", typed="hello")
    coloured = r"\x1b\[[0-9;]*mAnna"
    plain: dict[str, str] = {"NO_COLOR": "1"}
    for env, wanted in ({}, True), (plain, False):
        with at_terminal(*tail(server, room), env={**server.env, **env}) as (running, _):
            running.sees("hello")
            assert bool(re.search(coloured, running.printed)) is wanted
