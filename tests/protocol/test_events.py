import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec import UNSET

from chat.protocol import events, frames
from chat.protocol.events import AnyEvent, Sender

SENDER = Sender("7", "bob")
BOB = {"id": "7", "name": "bob"}
MESSAGE = events.Message(room="main", seq=3, id="a-1", sender=SENDER, text="hi", at="T")
MESSAGE_JSON = {
    "type": "message",
    "room": "main",
    "seq": 3,
    "id": "a-1",
    "sender": BOB,
    "text": "hi",
    "at": "T",
}

FIGURES: dict[str, Any] = {
    "sessions": 3,
    "rooms": 2,
    "posts": 1.5,
    "deliveries": 4.5,
    "ack_p50": 2.5,
    "ack_p99": None,
    "fanout_p50": 0.5,
    "fanout_p99": 1.5,
    "batch": None,
    "healed": 0,
    "slow": 5,
    "failures": 0,
    "errors": 0,
    "red": ["slow"],
}

GOLDEN: list[tuple[AnyEvent, dict[str, object]]] = [
    (
        events.Welcome(
            version=1,
            session="s",
            sender=SENDER,
            heartbeat=20,
            limits=events.Limits(text=4000, frame=65536, posts_per_second=10, window=8192),
        ),
        {
            "type": "welcome",
            "version": 1,
            "session": "s",
            "sender": BOB,
            "heartbeat": 20,
            "limits": {"text": 4000, "frame": 65536, "posts_per_second": 10, "window": 8192},
        },
    ),
    (
        events.Joined(
            room="main", title="Main", epoch="e", head=9, recovered=None, online=1, members=[SENDER]
        ),
        {
            "type": "joined",
            "room": "main",
            "title": "Main",
            "epoch": "e",
            "head": 9,
            "recovered": None,
            "online": 1,
            "members": [BOB],
        },
    ),
    (
        events.Joined(
            room="main",
            title="Main",
            epoch="e",
            head=9,
            recovered=None,
            online=1,
            members=[SENDER],
            may=["post", "ban"],
        ),
        {
            "type": "joined",
            "room": "main",
            "title": "Main",
            "epoch": "e",
            "head": 9,
            "recovered": None,
            "online": 1,
            "members": [BOB],
            "may": ["post", "ban"],
        },
    ),
    (MESSAGE, MESSAGE_JSON),
    (
        events.Message(
            room="main",
            seq=3,
            id="a-1",
            sender=SENDER,
            text="",
            at="T",
            edited_at="E",
            deleted=True,
        ),
        {**MESSAGE_JSON, "text": "", "edited_at": "E", "deleted": True},
    ),
    (
        events.Edited(room="main", seq=4, target=3, text="ho", at="T"),
        {"type": "edited", "room": "main", "seq": 4, "target": 3, "text": "ho", "at": "T"},
    ),
    (
        events.Deleted(room="main", seq=5, target=3, at="T"),
        {"type": "deleted", "room": "main", "seq": 5, "target": 3, "at": "T"},
    ),
    (
        events.Ack(room="main", seq=3, id="a-1", duplicate=False, ref="r"),
        {"type": "ack", "ref": "r", "room": "main", "seq": 3, "id": "a-1", "duplicate": False},
    ),
    (
        events.Ack(room="main", seq=4, target=3, ref=5),
        {"type": "ack", "ref": 5, "room": "main", "seq": 4, "target": 3},
    ),
    (events.Left(room="main"), {"type": "left", "room": "main"}),
    (
        events.Left(room="main", code="removed", reason="rude"),
        {"type": "left", "room": "main", "code": "removed", "reason": "rude"},
    ),
    (events.Rights(room="main", may=[]), {"type": "rights", "room": "main", "may": []}),
    (
        events.Rights(room="main", may=[], code="muted", until="T", reason="loud"),
        {
            "type": "rights",
            "room": "main",
            "may": [],
            "code": "muted",
            "until": "T",
            "reason": "loud",
        },
    ),
    (
        events.Moderated(room="main", action="delete", target=3, ref="r"),
        {"type": "moderated", "ref": "r", "room": "main", "action": "delete", "target": 3},
    ),
    (
        events.Moderated(room="main", action="mute", target="7", until="T", reason="rude"),
        {
            "type": "moderated",
            "room": "main",
            "action": "mute",
            "target": "7",
            "until": "T",
            "reason": "rude",
        },
    ),
    (
        events.History(room="main", messages=[MESSAGE], more=True, ref=1),
        {"type": "history", "ref": 1, "room": "main", "messages": [MESSAGE_JSON], "more": True},
    ),
    (
        events.Rooms(rooms=[events.RoomLine(room="main", title="Main", online=2)]),
        {"type": "rooms", "rooms": [{"room": "main", "title": "Main", "online": 2}]},
    ),
    (
        events.Rooms(
            rooms=[events.RoomLine(room="main", title="Main", online=2, unread=7, members=[SENDER])]
        ),
        {
            "type": "rooms",
            "rooms": [
                {"room": "main", "title": "Main", "online": 2, "unread": 7, "members": [BOB]}
            ],
        },
    ),
    (events.Renamed(sender=SENDER), {"type": "renamed", "sender": BOB}),
    (
        events.Presence(room="main", online=2, joined=[SENDER], left=[]),
        {"type": "presence", "room": "main", "online": 2, "joined": [BOB], "left": []},
    ),
    (
        events.Typing(room="main", sender=SENDER),
        {"type": "typing", "room": "main", "sender": BOB},
    ),
    (events.Notice(text="soon"), {"type": "notice", "text": "soon", "level": "info"}),
    (
        events.Notice(text="soon", level="warning", room="main"),
        {"type": "notice", "text": "soon", "level": "warning", "room": "main"},
    ),
    (
        events.Live(
            at="T",
            total=events.Figures(**FIGURES),
            processes=[
                events.Process(
                    node=7, name="a:1", version="1.0", age=9.5, heard=None, silent=False, **FIGURES
                )
            ],
        ),
        {
            "type": "live",
            "at": "T",
            "total": FIGURES,
            "processes": [
                {
                    "node": 7,
                    "name": "a:1",
                    "version": "1.0",
                    "age": 9.5,
                    "heard": None,
                    "silent": False,
                    **FIGURES,
                }
            ],
        },
    ),
    (events.Ping(), {"type": "ping"}),
    (
        events.Error(code="empty", detail="the message is empty"),
        {"type": "error", "code": "empty", "detail": "the message is empty"},
    ),
    (
        events.Error(code="rate_limited", detail="wait", id="a-1", retry_after=0.5, ref=2),
        {
            "type": "error",
            "ref": 2,
            "code": "rate_limited",
            "detail": "wait",
            "id": "a-1",
            "retry_after": 0.5,
        },
    ),
]


@pytest.mark.parametrize(("event", "shape"), GOLDEN, ids=lambda value: type(value).__name__)
def test_event_is_encoded_with_exactly_the_fields_of_the_wire(
    event: AnyEvent, shape: dict[str, object]
) -> None:
    assert json.loads(frames.encode(event)) == shape


@pytest.mark.parametrize(("event", "shape"), GOLDEN, ids=lambda value: type(value).__name__)
def test_event_is_read_back_as_it_was(event: AnyEvent, shape: dict[str, object]) -> None:
    assert frames.decode_events(json.dumps([shape])) == [event]


def test_every_event_of_the_wire_is_covered_here() -> None:
    covered = {type(event) for event, _ in GOLDEN}
    assert covered == set(AnyEvent.__args__)


def test_timestamp_of_any_zone_is_utc_with_milliseconds() -> None:
    moment = datetime(2024, 2, 29, 1, 2, 3, 4567, tzinfo=timezone(timedelta(hours=2)))
    assert events.timestamp(moment) == "2024-02-28T23:02:03.004Z"


def test_timestamp_of_a_whole_second_has_its_milliseconds() -> None:
    assert events.timestamp(datetime(2024, 1, 1, tzinfo=UTC)) == "2024-01-01T00:00:00.000Z"


def test_optional_fields_are_unset_unless_given() -> None:
    assert MESSAGE.edited_at is UNSET
    assert MESSAGE.deleted is UNSET
