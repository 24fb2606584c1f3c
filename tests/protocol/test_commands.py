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
    ('{"type":"typing","room":"main"}', commands.Typing(room="main")),
    ('{"type":"history","room":"main","before":9}', commands.History(room="main", before=9)),
    (
        '{"type":"history","room":"main","before":9,"limit":10}',
        commands.History(room="main", before=9, limit=10),
    ),
    ('{"type":"rooms"}', commands.Rooms()),
    ('{"type":"rename","name":"bob"}', commands.Rename(name="bob")),
    ('{"type":"pong","seen":{"main":7,"other":0}}', commands.Pong(seen={"main": 7, "other": 0})),
    ('{"type":"pong"}', commands.Pong(seen={})),
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
        "typing",
        "history",
        "rooms",
        "rename",
        "pong",
    } == commands.TYPES
