from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from chat import store
from chat.models import Message
from chat.protocol import events
from chat.store import Entry, reading
from tests.store.drafts import ANN, BOB, delete, edit, event, live_room, post, say
from tests.store.plans import plan_of


def seqs(entries: list[Entry]) -> list[int]:
    """Return the seqs of ``entries``."""
    return [entry.seq for entry in entries]


def changed(database: str) -> None:
    """Store 3 messages; 4: an edit of 1; 5, 6: an edit and the deletion of 2; 7: a message."""
    say(3)
    store.append([edit(1, "new"), edit(2, "secret"), delete(2, sender=BOB, moderator=True)])
    store.append([post(7)])


@pytest.mark.parametrize(
    ("after", "upto", "found"),
    [(0, 5, [1, 2, 3, 4, 5]), (2, 4, [3, 4]), (0, 0, []), (4, 99, [5]), (5, 5, []), (9, 3, [])],
)
def test_range_is_read_ascending(database: str, after: int, upto: int, found: list[int]) -> None:
    say(5)
    assert seqs(store.read_after(live_room(database), after, upto)) == found


def test_other_rooms_are_not_read(database: str) -> None:
    say(2)
    store.create_room("other")
    say(3, "other")
    assert len(store.read_after(live_room(database), 0, 99)) == 2
    assert len(store.newest(live_room(database), 99)) == 2
    assert len(store.page_before(live_room(database), 99, 99)[0]) == 2


def test_entries_are_read_as_they_were_told_and_as_they_now_are(database: str) -> None:
    changed(database)
    entries = store.read_after(live_room(database), 0, 99)
    found = [event(entry) for entry in entries]
    assert [type(e).__name__ for e in found] == [
        "Message",
        "Message",
        "Message",
        "Edited",
        "Edited",
        "Deleted",
        "Message",
    ]
    first, second = found[:2]
    assert isinstance(first, events.Message)
    assert isinstance(second, events.Message)
    assert (first.text, isinstance(first.edited_at, str)) == ("new", True)
    assert (second.text, second.deleted) == ("", True)
    texts = [e.text for e in found if isinstance(e, events.Edited)]
    assert texts == ["new", ""]
    assert [entry.target for entry in entries] == [0, 0, 0, 1, 2, 2, 0]
    assert entries[5].actor == events.Sender("2", "G:2")
    assert entries[6].actor is None
    assert [entry.is_message for entry in entries] == [True] * 3 + [False] * 3 + [True]


def test_entry_that_was_just_stored_is_read_the_same(database: str) -> None:
    outcomes = [*store.append([post(1)]), *store.append([edit(1, "x")])]
    told = [outcome.entry for outcome in outcomes if isinstance(outcome, store.Stored)]
    read = store.read_after(live_room(database), 0, 9)
    assert read[1] == told[1]
    (outcome,) = store.append([post(3)])
    assert isinstance(outcome, store.Stored)
    assert store.read_after(live_room(database), 2, 3) == [outcome.entry]


def test_newest_are_the_last_ascending(database: str) -> None:
    changed(database)
    assert seqs(store.newest(live_room(database), 3)) == [5, 6, 7]
    assert seqs(store.newest(live_room(database), 99)) == list(range(1, 8))


@pytest.mark.parametrize(
    ("messages", "upto", "start"),
    [(1, 7, 6), (2, 7, 2), (3, 7, 1), (99, 7, 0), (1, 6, 2), (0, 7, 7), (5, 0, 0)],
)
def test_start_of_the_last_messages_counts_no_changes(
    database: str, messages: int, upto: int, start: int
) -> None:
    changed(database)
    assert store.start_of_last(live_room(database), messages, upto) == start


@pytest.mark.parametrize(
    ("before", "limit", "page", "more"),
    [
        (99, 2, [3, 7], True),
        (7, 2, [2, 3], True),
        (7, 3, [1, 2, 3], False),
        (2, 5, [1], False),
        (1, 5, [], False),
        (99, 0, [], True),
    ],
)
def test_page_has_the_messages_before_a_seq(
    database: str, before: int, limit: int, page: list[int], more: bool
) -> None:
    changed(database)
    messages, older = store.page_before(live_room(database), before, limit)
    assert ([message.seq for message in messages], older) == (page, more)


def unread(database: str, seen: dict[str, int], asker: str = BOB) -> dict[str, int]:
    """Return what is unread in each room, by its name."""
    rooms = {live_room(database, slug): seq for slug, seq in seen.items()}
    found = store.unread(list(rooms.items()), asker)
    return {room.slug: found.get(room.pk, 0) for room in rooms}


def test_unread_are_messages_of_others_that_are_not_deleted(database: str) -> None:
    changed(database)
    store.append([post(8, sender=BOB)])
    store.create_room("other")
    say(3, "other")
    assert unread(database, {"main": 0, "other": 1}) == {"main": 3, "other": 2}
    assert unread(database, {"main": 3, "other": 3}) == {"main": 1, "other": 0}
    assert unread(database, {"main": 0, "other": 0}, ANN) == {"main": 1, "other": 0}
    assert unread(database, {"main": 99}) == {"main": 0}  # of a history that is no more
    assert store.unread([], BOB) == {}


def test_unread_are_counted_up_to_a_bound_among_the_newest(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "UNREAD_MOST", 4)
    monkeypatch.setattr(reading, "UNREAD_SPAN", 8)
    say(9)
    assert unread(database, {"main": 0}) == {"main": 4}
    assert unread(database, {"main": 6}) == {"main": 3}
    store.append([post(f"own {number}", sender=BOB) for number in range(7)])
    assert unread(database, {"main": 0}) == {"main": 1}


def test_unread_of_many_rooms_is_one_query_and_walks_an_index(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = {f"r{number}": 1 for number in range(20)}
    for slug in rooms:
        store.create_room(slug)
        say(2, slug)
    with CaptureQueriesContext(connections[database]) as found:
        assert unread(database, rooms) == rooms
    (query,) = [q["sql"] for q in found.captured_queries if "COUNT" in q["sql"]]
    plan = plan_of(query, database)
    assert "chat_message_seq" in plan or "(room_id=? AND seq>?)" in plan, plan
    monkeypatch.setattr(reading, "ROOMS_AT_ONCE", 8)
    assert unread(database, rooms) == rooms


def test_events_are_counted_by_the_minute(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    say(5)
    noon = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    for seq, seconds in ((1, -1), (2, 0), (3, 59), (4, 60), (5, 61)):
        at = noon + timedelta(seconds=seconds)
        Message.objects.using(database).filter(seq=seq).update(at=at)
    room = live_room(database)
    minutes = {noon: 2, noon + timedelta(minutes=1): 2}
    assert store.counts_by_minute(room, noon) == minutes
    monkeypatch.setattr(reading, "COUNTED_MOST", 1)
    assert store.counts_by_minute(room, noon) == {noon + timedelta(minutes=1): 1}
