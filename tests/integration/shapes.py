"""What wire.md says each event looks like, written down apart from the app's own classes."""

import re
from typing import Any

Event = dict[str, Any]
"""One event as it came over the wire."""

LOGGED = frozenset({"message", "edited", "deleted"})
"""The events that take a seq of their room."""

_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_NUMBER = (int, float)
_REF = (str, int)

# Fields by event: those that are always there, and those that may be.
_SHAPES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "welcome": (
        {"version": int, "session": str, "sender": dict, "heartbeat": _NUMBER, "limits": dict},
        {},
    ),
    "joined": (
        {"room": str, "title": str, "epoch": str, "head": int, "recovered": (bool, type(None))}
        | {"online": int, "members": list},
        {"ref": _REF, "may": list, "code": str, "until": str, "reason": str},
    ),
    "message": (
        {"room": str, "seq": int, "id": str, "sender": dict, "text": str, "at": str},
        {"edited_at": str, "deleted": bool},
    ),
    "edited": ({"room": str, "seq": int, "target": int, "text": str, "at": str}, {}),
    "deleted": ({"room": str, "seq": int, "target": int, "at": str}, {}),
    "ack": (
        {"room": str, "seq": int},
        {"ref": _REF, "id": str, "duplicate": bool, "target": int},
    ),
    "left": ({"room": str}, {"ref": _REF, "code": str, "reason": str}),
    "rights": ({"room": str, "may": list}, {"code": str, "until": str, "reason": str}),
    "moderated": (
        {"room": str, "action": str, "target": _REF},
        {"ref": _REF, "until": str, "reason": str},
    ),
    "history": ({"room": str, "messages": list, "more": bool}, {"ref": _REF}),
    "rooms": ({"rooms": list}, {"ref": _REF}),
    "renamed": ({"sender": dict}, {"ref": _REF}),
    "presence": ({"room": str, "online": int, "joined": list, "left": list}, {}),
    "typing": ({"room": str, "sender": dict}, {}),
    "notice": (
        {"text": str, "level": str},
        {"room": str, "code": str, "until": str, "reason": str},
    ),
    "live": ({"at": str, "total": dict, "processes": list}, {"ref": _REF}),
    "ping": ({}, {}),
    "error": (
        {"code": str, "detail": str},
        {"ref": _REF, "id": str, "retry_after": _NUMBER},
    ),
}

_CODES = frozenset(
    ["bad_frame", "bad_command", "unknown_command", "unknown_room", "forbidden", "not_joined"]
) | frozenset(["empty", "too_long", "not_found", "rate_limited", "too_many_rooms", "unavailable"])

_SENDER = {"id", "name"}


def check(event: Event) -> None:
    """Raise ``AssertionError`` unless ``event`` is one that wire.md describes."""
    kind = event.get("type")
    assert kind in _SHAPES, f"no such event: {event}"
    needed, allowed = _SHAPES[str(kind)]
    assert needed.keys() <= event.keys() - {"type"}, f"fields are missing: {event}"
    for name, value in event.items():
        if name == "type":
            continue
        types = needed.get(name) or allowed.get(name)
        assert types, f"{name} does not belong there: {event}"
        assert isinstance(value, types), f"{name} has the wrong type: {event}"
    for name in ("at", "edited_at", "until"):
        assert _AT.fullmatch(event.get(name, "2026-01-01T00:00:00.000Z")), f"{name} in {event}"
    if "sender" in event:
        _check_senders([event["sender"]])
    _check_senders([*event.get("members", ()), *event.get("joined", ()), *event.get("left", ())])
    _check_more(str(kind), event)


def _check_more(kind: str, event: Event) -> None:
    match kind:
        case "ack":
            # A post's has the post's id, a change's the message's seq.
            assert ("id" in event) is ("duplicate" in event) is ("target" not in event), event
        case "error":
            assert event["code"] in _CODES, event
            assert event["detail"], event
        case "notice":
            assert event["level"] in ("info", "warning"), event
        case "message":
            assert not event.get("deleted") or event["text"] == "", f"deleted, with text: {event}"
        case "history":
            for message in event["messages"]:
                check(message)
        case "rooms":
            for line in event["rooms"]:
                more = {"unread", "members"} if "unread" in line else set()
                assert set(line) == {"room", "title", "online"} | more, line
                _check_senders(line.get("members", ()))


def _check_senders(senders: list[Any]) -> None:
    for sender in senders:  # of thousands, in a storm
        assert sender.keys() == _SENDER, f"no sender: {sender}"
        who, name = sender["id"], sender["name"]
        assert type(who) is type(name) is str, sender
        assert "" not in (who, name), sender
