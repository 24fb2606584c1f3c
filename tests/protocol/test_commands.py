from datetime import UTC, datetime

import pytest

from chat.protocol import commands
from chat.protocol.commands import AnyCommand, Position
from chat.protocol.frames import decode

GOLDEN: list[tuple[str, AnyCommand]] = [
    ('{"type":"join","room":"main"}', commands.Join(room="main")),
    (
        '{"type":"join","room":"main","after":{"epoch":"e1","seq":7},"history":200,"ref":"r"}',
        commands.Join(room="main", after=Position(epoch="e1", seq=7), history=200, ref="r"),
    ),
    ('{"type":"join","room":"main","after":null}', commands.Join(room="main")),
    ('{"type":"leave","room":"main","ref":1}', commands.Leave(room="main", ref=1)),
    (
        '{"type":"post","room":"main","text":"hello","id":"a-1"}',
        commands.Post(room="main", text="hello", id="a-1"),
    ),
    (
        '{"type":"edit","room":"main","seq":3,"text":"hallo"}',
        commands.Edit(room="main", seq=3, text="hallo"),
    ),
    ('{"type":"delete","room":"main","seq":3}', commands.Delete(room="main", seq=3)),
    (
        '{"type":"moderate","room":"main","action":"delete","target":3}',
        commands.Moderate(room="main", action="delete", target=3),
    ),
    (
        '{"type":"moderate","room":"main","action":"mute","target":"7",'
        '"until":"2026-03-01T09:00:00+01:00","reason":"rude"}',
        commands.Moderate(
            room="main",
            action="mute",
            target="7",
            until=datetime(2026, 3, 1, 8, tzinfo=UTC),
            reason="rude",
        ),
    ),
    ('{"type":"typing","room":"main"}', commands.Typing(room="main")),
    ('{"type":"history","room":"main","before":9}', commands.History(room="main", before=9)),
    (
        '{"type":"history","room":"main","before":9,"limit":10}',
        commands.History(room="main", before=9, limit=10),
    ),
    ('{"type":"rooms"}', commands.Rooms()),
    ('{"type":"rooms","seen":{"main":7}}', commands.Rooms(seen={"main": 7})),
    (
        '{"type":"rooms","seen":{"main":{"epoch":"k3x9","seq":7}}}',
        commands.Rooms(seen={"main": commands.Position(epoch="k3x9", seq=7)}),
    ),
    ('{"type":"rename","name":"bob"}', commands.Rename(name="bob")),
    ('{"type":"pong","seen":{"main":7,"other":0}}', commands.Pong(seen={"main": 7, "other": 0})),
    ('{"type":"pong"}', commands.Pong(seen={})),
    ('{"type":"watch"}', commands.Watch()),
    ('{"type":"unwatch"}', commands.Unwatch()),
]


@pytest.mark.parametrize(("text", "command"), GOLDEN, ids=lambda value: str(value)[:60])
def test_command_as_the_wire_has_it_is_read(text: str, command: AnyCommand) -> None:
    assert list(decode(text)) == [command]


def test_defaults_are_those_of_the_wire() -> None:
    assert commands.Join(room="main").history == 50
    assert commands.History(room="main", before=1).limit == 50
    assert commands.HISTORY_MOST == 200


def test_every_command_of_the_wire_has_a_class() -> None:
    covered = {type(command) for _, command in GOLDEN}
    assert covered == set(AnyCommand.__args__)
    assert {
        "join",
        "leave",
        "post",
        "edit",
        "delete",
        "moderate",
        "typing",
        "history",
        "rooms",
        "rename",
        "pong",
        "watch",
        "unwatch",
    } == commands.TYPES
