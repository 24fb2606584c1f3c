"""Frames that every client and server has to agree on; the page's modules are held to them too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from chat.protocol import events, frames
from chat.protocol.commands import AnyCommand
from chat.protocol.errors import BadFrame, Problem
from chat.protocol.events import AnyEvent
from chat.protocol.frames import Rejected
from tests.programs import ROOT


def golden(name: str) -> list[dict[str, Any]]:
    """Return the examples of a file."""
    found: list[dict[str, Any]] = json.loads(
        (ROOT / "tests" / "golden" / f"{name}.json").read_text(encoding="utf-8")
    )
    return found


EVENTS, COMMANDS, INVALID = map(golden, ("events", "commands", "invalid"))
EVENT_KINDS = {str(kind.__struct_config__.tag): kind for kind in AnyEvent.__args__}
COMMAND_KINDS = {str(kind.__struct_config__.tag): kind for kind in AnyCommand.__args__}


def about(example: dict[str, Any]) -> str:
    """Return what a test of an example is called."""
    return str(example["about"])


def listed(frame: Any) -> list[dict[str, Any]]:
    """Return the commands of a frame."""
    return frame if isinstance(frame, list) else [frame]


@pytest.mark.parametrize("example", EVENTS, ids=about)
def test_events_are_read_and_written_as_they_are(example: dict[str, Any]) -> None:
    found = frames.decode_events(json.dumps(example["frame"]))
    assert [type(event) for event in found] == [EVENT_KINDS[e["type"]] for e in example["frame"]]
    assert json.loads(frames.frame(map(frames.encode, found))) == example["frame"]


@pytest.mark.parametrize("example", COMMANDS, ids=about)
@pytest.mark.parametrize("ascii_only", [True, False], ids=["escaped", "as it is"])
def test_commands_are_read(example: dict[str, Any], ascii_only: bool) -> None:
    found = frames.decode(json.dumps(example["frame"], ensure_ascii=ascii_only))
    wanted = listed(example["frame"])
    assert [type(command) for command in found] == [COMMAND_KINDS[c["type"]] for c in wanted]
    for command, fields in zip(found, wanted, strict=True):
        known = msgspec.to_builtins(command)
        for name, value in fields.items():
            assert name not in known or known[name] == value


@pytest.mark.parametrize("example", INVALID, ids=about)
def test_what_is_invalid_is_answered_with_its_code(example: dict[str, Any]) -> None:
    text = example["text"] if "text" in example else json.dumps(example["frame"])
    try:
        found = frames.decode(text)
    except BadFrame as problem:
        found = [Rejected(problem)]
    (wrong,) = (command for command in found if isinstance(command, Rejected))
    event = events.Error(
        code=wrong.problem.code, detail=wrong.problem.detail, ref=wrong.ref, id=wrong.id
    )
    answered = json.loads(frames.encode(event))
    assert answered.pop("type") == "error"
    assert answered.pop("detail")
    assert answered == example["error"]


def test_every_event_and_command_is_among_them() -> None:
    said = {event["type"] for example in EVENTS for event in example["frame"]}
    assert said == EVENT_KINDS.keys()
    asked = {command["type"] for example in COMMANDS for command in listed(example["frame"])}
    assert asked == COMMAND_KINDS.keys()


def parts(value: Any) -> Iterator[msgspec.Struct]:
    """Find all that has fields within what was decoded, itself as well."""
    if isinstance(value, msgspec.Struct):
        yield value
        value = [getattr(value, name) for name in value.__struct_fields__]
    for inner in value if isinstance(value, list) else []:
        yield from parts(inner)


def test_every_field_is_among_them_with_and_without_a_value_where_it_may_have_none() -> None:
    found = [
        *(frames.decode_events(json.dumps(example["frame"])) for example in EVENTS),
        *([*frames.decode(json.dumps(example["frame"]))] for example in COMMANDS),
    ]
    every = [part for frame in found for part in parts(frame)]
    for kind in {type(part) for part in every}:
        for field in msgspec.structs.fields(kind):
            if field.name == "ref":
                continue  # with what has one, and what has none, as it comes
            values = [getattr(part, field.name) for part in every if type(part) is kind]
            default = UNSET if field.default is msgspec.NODEFAULT else field.default
            assert any(value != default for value in values), (kind, field.name)
            assert field.default is not UNSET or UNSET in values, (kind, field.name)


def test_every_error_code_is_among_them() -> None:
    codes = {problem.code for problem in Problem.__subclasses__()}
    every = [event for example in EVENTS for event in example["frame"]]
    assert {event["code"] for event in every if event["type"] == "error"} == codes
