import json

import pytest

from chat.hub.dialects import FRAME_SIZE, JSON, TERMINAL
from chat.protocol import commands, events
from chat.protocol.errors import BadFrame, UnknownCommand
from chat.protocol.frames import Rejected


def test_json_reads_commands() -> None:
    assert list(JSON.read('[{"type":"rooms"}]')) == [commands.Rooms()]


def test_json_that_is_none_is_a_bad_frame() -> None:
    with pytest.raises(BadFrame):
        JSON.read("hello")


def test_json_shows_all_events_in_one_frame() -> None:
    (message,) = JSON.show([events.Ping(), events.Left(room="a")])
    assert message["type"] == "websocket.send"
    assert json.loads(message["text"]) == [{"type": "ping"}, {"type": "left", "room": "a"}]


def test_json_shows_more_than_a_server_sends_in_more_than_one_frame() -> None:
    """Daphne sends no frame over 1 MiB."""
    shown = [events.Notice(text=f"{number}" + "x" * 1000) for number in range(2000)]
    messages = JSON.show(shown)
    assert len(messages) > 1
    assert all(len(message["text"]) <= FRAME_SIZE + 1100 for message in messages)
    found = [event for message in messages for event in json.loads(message["text"])]
    assert [event["text"] for event in found] == [event.text for event in shown]


def test_json_event_larger_than_a_frame_has_one_of_its_own() -> None:
    shown: list[events.AnyEvent] = [
        events.Ping(),
        events.Notice(text="x" * (FRAME_SIZE + 1)),
        events.Ping(),
    ]
    lengths = [len(json.loads(message["text"])) for message in JSON.show(shown)]
    assert lengths == [1, 1, 1]


def test_terminal_lines_are_posts_each_with_an_id_of_its_own() -> None:
    found = [command for _ in range(2) for command in TERMINAL.read("hello")]
    posts = [command for command in found if isinstance(command, commands.Post)]
    assert [(post.room, post.text) for post in posts] == [("main", "hello")] * 2
    assert len({post.id for post in posts}) == 2


def test_terminal_line_that_means_nothing_is_rejected() -> None:
    (found,) = TERMINAL.read("/x y")
    assert isinstance(found, Rejected)
    assert isinstance(found.problem, UnknownCommand)


def test_terminal_shows_a_frame_for_each_line_and_none_for_what_it_does_not_show() -> None:
    rooms = events.Rooms(rooms=[events.RoomLine(room=r, title=r, online=0) for r in "ab"])
    assert TERMINAL.show([events.Ping(), rooms]) == [
        {"type": "websocket.send", "text": "a"},
        {"type": "websocket.send", "text": "b"},
    ]
