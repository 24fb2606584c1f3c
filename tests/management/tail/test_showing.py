"""What events look like, for people and for programs."""

import json
from collections.abc import Iterator

import pytest
from django.core.management.color import no_style
from pytest_django import Settings

from chat.management.tail.conversation import Remark, Shown
from chat.management.tail.showing import ForPeople, ForPrograms
from chat.protocol import events
from chat.protocol.events import Sender

BOB = Sender("7", "bob")
HOSTILE = "\x1b]0;owned\x07\r\x9b2J\x7f\n12:00 bob: forged"
NOON = "2026-11-28T12:00:00.000Z"


def message(seq: int, text: str = "hello", **fields: object) -> events.Message:
    fields.setdefault("at", NOON)
    return events.Message(room="main", seq=seq, id="i", sender=BOB, text=text, **fields)  # type: ignore[arg-type]


def shown(*what: Shown) -> list[str]:
    people = ForPeople(no_style())
    return [line for event in what for line in people.show(event)]


def every_event() -> Iterator[events.AnyEvent]:
    """All that is shown, saying something hostile wherever it can."""
    crook = Sender("8", HOSTILE)
    yield events.Message(room="main", seq=1, id=HOSTILE, sender=crook, text=HOSTILE, at=NOON)
    yield events.Edited(room="main", seq=2, target=1, text=HOSTILE, at=NOON)
    yield events.Deleted(room="main", seq=3, target=1, at=NOON)
    yield events.Presence(room="main", online=1, joined=[crook], left=[crook])
    yield events.Notice(text=HOSTILE)
    yield events.Error(code="forbidden", detail=HOSTILE)
    yield events.Joined(
        room="main",
        title=HOSTILE,
        epoch="e",
        head=1,
        recovered=None,
        online=1,
        members=[crook],
    )


def test_message_has_its_time_and_its_writer_and_a_day_its_own_line() -> None:
    later = "2026-11-29T00:01:00.000Z"
    assert shown(message(1), message(2), message(3, at=later)) == [
        "* Saturday, 2026-11-28",
        "12:00 bob: hello",
        "12:00 bob: hello",
        "* Sunday, 2026-11-29",
        "00:01 bob: hello",
    ]


def test_times_are_those_of_the_sites_time_zone(settings: Settings) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    assert shown(message(1))[-1] == "13:00 bob: hello"


def test_changes_say_whose_message_it_was() -> None:
    edited = events.Edited(room="main", seq=2, target=1, text="hi", at=NOON)
    deleted = events.Deleted(room="main", seq=3, target=1, at=NOON)
    assert shown(message(1), edited, deleted)[2:] == [
        "12:00 * a message of bob was edited: hi",
        "12:00 * a message of bob was deleted",
    ]
    assert shown(deleted)[1] == "12:00 * an earlier message was deleted"


def test_history_tells_what_was_edited_and_deleted_before() -> None:
    assert shown(message(1, edited_at=NOON), message(2, "", deleted=True))[1:] == [
        "12:00 bob: hello (edited)",
        "12:00 bob deleted",
    ]


def test_who_comes_and_goes_is_told_in_a_line_each() -> None:
    presence = events.Presence(room="main", online=1, joined=[BOB], left=[Sender("8", "Anna")])
    assert shown(presence) == ["* bob joined", "* Anna left"]


@pytest.mark.parametrize("event", list(every_event()), ids=lambda event: type(event).__name__)
def test_nothing_that_people_wrote_can_steer_the_terminal(event: events.AnyEvent) -> None:
    remarks: list[str] = []
    lines = [*shown(event, Remark(HOSTILE)), *ForPrograms(remarks.append).show(event)]
    assert lines
    for line in lines:
        assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in line)
    assert not any(line.startswith("12:00 bob: forged") for line in lines)


@pytest.mark.parametrize("event", list(every_event()), ids=lambda event: type(event).__name__)
def test_programs_get_the_event_as_it_came(event: events.AnyEvent) -> None:
    (line,) = ForPrograms(lambda _: None).show(event)
    assert json.loads(line)["type"] == type(event).__name__.lower()
    if isinstance(event, events.Message):
        assert json.loads(line)["text"] == HOSTILE


def test_remarks_are_not_for_programs() -> None:
    remarks: list[str] = []
    assert list(ForPrograms(remarks.append).show(Remark("away"))) == []
    assert remarks == ["away"]
