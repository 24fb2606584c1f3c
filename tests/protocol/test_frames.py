import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from chat.protocol import commands, events, frames
from chat.protocol.errors import BadCommand, BadFrame, UnknownCommand
from chat.protocol.events import Sender
from chat.protocol.frames import Rejected, decode

ROOM = "main"

# A right value of every field of every command.
RIGHT: dict[str, dict[str, Any]] = {
    "join": {"room": ROOM, "after": {"epoch": "e", "seq": 1}, "history": 5},
    "leave": {"room": ROOM},
    "post": {"room": ROOM, "text": "hi", "id": "a"},
    "edit": {"room": ROOM, "seq": 1, "text": "ho"},
    "delete": {"room": ROOM, "seq": 1},
    "typing": {"room": ROOM},
    "history": {"room": ROOM, "before": 1, "limit": 5},
    "rooms": {"seen": {ROOM: 1}},
    "rename": {"name": "bob"},
    "pong": {"seen": {ROOM: 1}},
}
REQUIRED = [
    (kind, field)
    for kind, fields in RIGHT.items()
    for field in fields
    if field not in ("after", "history", "limit", "seen")
]
FIELDS = [(kind, field) for kind, fields in RIGHT.items() for field in (*fields, "ref")]

# What no field of that name takes, whatever the command.
WRONG: dict[str, list[Any]] = {
    "room": [None, 1, True, [], {}, "", "a b", "a/b", "a\n", "a\0", "x" * 65, "a.b"],
    "after": [1, "e", [], {}, {"epoch": "e"}, {"epoch": 1, "seq": 1}, {"epoch": "e", "seq": -1}],
    "history": [None, "5", 1.5, True, -1, [], {}],
    "limit": [None, "5", 1.5, True, -1, [], {}],
    "seq": [None, "1", 1.5, True, -1, 2**53, 10**40, [], {}],
    "before": [None, "1", 1.5, True, -1, 2**53, 10**40, [], {}],
    "text": [None, 1, True, [], {}, "a\0b"],
    "id": [None, 1, True, [], {}, "", "x" * 65, "a\0"],
    "name": [None, 1, True, [], {}, "", "  ", "x" * 41, "a\nb", "a\x1b[2J", "a\u2028b", "a\0"],
    "seen": [None, 1, "x", [], {ROOM: "1"}, {ROOM: -1}, {ROOM: 2**53}, {ROOM: None}],
    "ref": [None, 1.5, True, [], {}, "x" * 65, 2**53, -(2**53)],
}
WRONG_CASES = [(kind, field, value) for kind, field in FIELDS for value in WRONG[field]]

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)


def only(text: str) -> commands.AnyCommand | Rejected:
    """Return what a frame of one command holds."""
    (found,) = decode(text)
    return found


def rejected(text: str) -> Rejected:
    """Return what a frame of one command, which cannot be read, is answered by."""
    found = only(text)
    assert isinstance(found, Rejected)
    return found


# Frames


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "hello",
        "null",
        "5",
        '"join"',
        "true",
        "[1]",
        "[[]]",
        '[{"type":"rooms"},null]',
        '{"type":"rooms"',
        '{"type":"rooms"}{"type":"rooms"}',
        "{'type':'rooms'}",
        "\ufeff[]",
        "[" * 100_000 + "]" * 100_000,
        '{"type":"rooms","x":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"type":5,"x":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"type":"rooms","ref":NaN}',
        '{"type":"history","room":"main","before":Infinity}',
        '{"type":"history","room":"main","before":1e999}',
        '{"type":"history","room":"main","before":1' + "0" * 5000 + "}",
        '{"type":"post","room":"main","id":"a","text":"\\ud800"}',
        '{"type":"post","room":"main","id":"a","text":"\ud800"}',
        '{"type":"nonsense","text":"\udfff"}',
    ],
    ids=lambda text: ascii(text)[:50],
)
def test_frame_that_is_no_json_of_commands_is_a_bad_frame(text: str) -> None:
    with pytest.raises(BadFrame):
        decode(text)


def test_empty_array_is_no_command() -> None:
    assert list(decode("[]")) == []


def test_array_of_a_hundred_commands_is_read_in_order() -> None:
    text = json.dumps([{"type": "rooms", "ref": number} for number in range(100)])
    assert [command.ref for command in decode(text)] == list(range(100))


@pytest.mark.parametrize("wrong", [{"type": "rooms"}, {"type": "nonsense"}])
def test_array_of_more_than_a_hundred_is_a_bad_frame(wrong: dict[str, str]) -> None:
    with pytest.raises(BadFrame, match="at most 100"):
        decode(json.dumps([{"type": "rooms"}] * 100 + [wrong]))


def test_bad_command_in_an_array_harms_no_other() -> None:
    found = decode('[{"type":"rooms","ref":1},{"type":"leave","ref":2},{"type":"rooms","ref":3}]')
    assert [type(command) for command in found] == [commands.Rooms, Rejected, commands.Rooms]
    assert [command.ref for command in found] == [1, 2, 3]


@given(json_values)
def test_any_json_is_commands_rejected_or_a_bad_frame(value: Any) -> None:
    try:
        found = decode(json.dumps(value))
    except BadFrame:
        return
    assert len(found) == (len(value) if isinstance(value, list) else 1)


@given(st.text())
def test_any_text_is_commands_rejected_or_a_bad_frame(text: str) -> None:
    with contextlib.suppress(BadFrame):
        decode(text)


@given(
    st.sampled_from(sorted(RIGHT)),
    st.dictionaries(st.sampled_from(sorted({*WRONG, "other"})), json_values),
)
def test_any_fields_of_a_command_are_read_or_rejected(kind: str, fields: dict[str, Any]) -> None:
    found = only(json.dumps({"type": kind, **RIGHT[kind], **fields}))
    assert isinstance(found, Rejected) or found.__struct_config__.tag == kind


# Commands


@pytest.mark.parametrize("kind", sorted(RIGHT))
def test_unknown_fields_are_ignored(kind: str) -> None:
    extra = {"type": kind, **RIGHT[kind], "color": "red", "deep": [{"a": None}]}
    assert only(json.dumps(extra)) == only(json.dumps({"type": kind, **RIGHT[kind]}))


@pytest.mark.parametrize(("kind", "field"), REQUIRED)
def test_command_without_a_field_it_needs_is_rejected(kind: str, field: str) -> None:
    fields = {name: value for name, value in RIGHT[kind].items() if name != field}
    found = rejected(json.dumps({"type": kind, "ref": "r", **fields}))
    assert isinstance(found.problem, BadCommand)
    assert field in found.problem.detail
    assert found.ref == "r"


@pytest.mark.parametrize(
    ("kind", "field", "value"), WRONG_CASES, ids=lambda value: ascii(value)[:40]
)
def test_command_with_a_wrong_field_is_rejected(kind: str, field: str, value: Any) -> None:
    found = rejected(json.dumps({"type": kind, **RIGHT[kind], field: value}))
    assert isinstance(found.problem, BadCommand)


@pytest.mark.parametrize("slug", ["a", "x" * 64, "Main", "комната", "部屋", "a-b_c", "9", "-", "é"])
def test_name_of_any_script_is_a_room(slug: str) -> None:
    assert only(json.dumps({"type": "leave", "room": slug})) == commands.Leave(room=slug)


@pytest.mark.parametrize("kind", ["", "Post", "POST", "message", "ack", "x" * 1000, "\U0001f600"])
def test_unknown_type_is_said_so_with_its_ref(kind: str) -> None:
    found = rejected(json.dumps({"type": kind, "ref": 7}))
    assert isinstance(found.problem, UnknownCommand)
    assert found.ref == 7
    assert len(found.problem.detail) < 200


@pytest.mark.parametrize("frame", ["{}", '{"type":null}', '{"type":5}', '{"type":["post"]}'])
def test_missing_or_strange_type_is_a_bad_command(frame: str) -> None:
    assert isinstance(rejected(frame).problem, BadCommand)


@pytest.mark.parametrize("ref", ["", "r" * 64, 0, -(2**53) + 1, 2**53 - 1])
def test_ref_at_its_bounds_comes_back(ref: str | int) -> None:
    assert only(json.dumps({"type": "rooms", "ref": ref})).ref == ref
    assert rejected(json.dumps({"type": "leave", "ref": ref})).ref == ref


def test_rejected_post_keeps_its_id_and_nothing_else_does() -> None:
    assert rejected('{"type":"post","room":"main","id":"a"}').id == "a"
    assert rejected('{"type":"post","room":"main","id":7}').id is UNSET
    assert rejected('{"type":"edit","room":"main","id":"a"}').id is UNSET


def test_huge_history_is_a_number_like_any_other() -> None:
    found = only(json.dumps({"type": "join", "room": ROOM, "history": 10**300}))
    assert found == commands.Join(room=ROOM, history=10**300)


# Events


def test_frame_joins_what_is_encoded() -> None:
    ping, left = events.Ping(), events.Left(room=ROOM)
    text = frames.frame([frames.encode(ping), frames.encode(left)])
    assert json.loads(text) == [{"type": "ping"}, {"type": "left", "room": ROOM}]
    assert frames.decode_events(text) == [ping, left]


MESSAGE = events.Message(room=ROOM, seq=3, id="a", sender=Sender("7", "bob"), text="hi", at="T")
EDITED = events.Edited(room=ROOM, seq=4, target=3, text="ho", at="E")
DELETED = events.Deleted(room=ROOM, seq=5, target=3, at="D")


@pytest.mark.parametrize("event", [MESSAGE, EDITED, DELETED])
def test_logged_event_is_read_back(event: events.Logged) -> None:
    assert frames.decode_logged(frames.encode(event)) == event


def test_edited_message_has_the_new_text_and_when() -> None:
    found = frames.decode_logged(frames.amend(frames.encode(MESSAGE), EDITED))
    assert isinstance(found, events.Message)
    assert (found.text, found.edited_at, found.deleted) == ("ho", "E", UNSET)
    assert (found.seq, found.id, found.sender, found.at) == (3, "a", MESSAGE.sender, "T")


def test_deleted_message_has_no_text() -> None:
    edited = frames.amend(frames.encode(MESSAGE), EDITED)
    found = frames.decode_logged(frames.amend(edited, DELETED))
    assert isinstance(found, events.Message)
    assert (found.text, found.deleted) == ("", True)


def test_earlier_edit_says_the_text_as_it_now_is() -> None:
    again = events.Edited(room=ROOM, seq=6, target=3, text="hum", at="F")
    found = frames.decode_logged(frames.amend(frames.encode(EDITED), again))
    assert found == events.Edited(room=ROOM, seq=4, target=3, text="hum", at="E")


def test_earlier_edit_of_a_deleted_message_has_no_text() -> None:
    found = frames.decode_logged(frames.amend(frames.encode(EDITED), DELETED))
    assert found == events.Edited(room=ROOM, seq=4, target=3, text="", at="E")


@pytest.mark.parametrize("change", [EDITED, DELETED])
def test_delete_stays_as_it_is(change: events.Logged) -> None:
    assert frames.amend(frames.encode(DELETED), change) == frames.encode(DELETED)


@given(st.lists(st.sampled_from([MESSAGE, EDITED, DELETED])), st.text())
def test_last_seq_is_that_of_the_last_logged_event(logged: list[events.Logged], said: str) -> None:
    sender = Sender(said, said)
    other = [
        events.Typing(room=said, sender=sender),
        events.Presence(room=said, online=1, joined=[sender], left=[]),
        events.Ping(),
    ]
    shown = [msgspec.structs.replace(e, room=said) for e in logged]
    text = frames.frame(frames.encode(event) for event in (*shown, *other))
    assert frames.last_seq(text) == (logged[-1].seq if logged else None)


@pytest.mark.parametrize("said", ['"seq":99', '\\"seq":99', '\\\\"seq":99,'])
def test_last_seq_is_not_what_somebody_wrote(said: str) -> None:
    text = frames.frame([frames.encode(msgspec.structs.replace(MESSAGE, text=said))])
    assert frames.last_seq(text) == 3


def test_edit_whose_message_is_gone_is_a_delete_of_it() -> None:
    found = frames.decode_logged(frames.emptied(frames.encode(EDITED)))
    gone = events.Deleted(room=EDITED.room, seq=EDITED.seq, target=EDITED.target, at=EDITED.at)
    assert found == gone


@pytest.mark.parametrize("event", [MESSAGE, DELETED])
def test_what_is_no_edit_stays_as_it_is(event: events.Logged) -> None:
    assert frames.emptied(frames.encode(event)) == frames.encode(event)
