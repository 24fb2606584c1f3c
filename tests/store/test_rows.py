import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.safestring import SafeString

from chat import store
from chat.models import Message
from chat.store import rows
from tests.store.drafts import ANN, BOB, live_room, post, say
from tests.store.plans import plan_of


def test_what_is_there_is_found_among_what_is_not(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "AT_ONCE", 4)
    store.append([post(1), post(2), post(3, sender=BOB)])
    room = live_room(database).pk
    wanted = [
        *((room, ANN, f"id {number}") for number in range(6)),
        *((room, BOB, f"id {number}") for number in range(6)),
        (room + 1, ANN, "id 1"),
    ]
    found = rows.find(wanted, database=database)
    assert found == {(room, ANN, "id 1"): 1, (room, ANN, "id 2"): 2, (room, BOB, "id 3"): 3}


def test_nothing_wanted_and_nothing_inserted_ask_nothing(database: str) -> None:
    with CaptureQueriesContext(connections[database]) as asked:
        assert rows.find([], database=database) == {}
        rows.insert([], timezone.now(), database=database)
    assert [query["sql"] for query in asked.captured_queries] == []


def test_each_is_looked_up_in_the_index(database: str) -> None:
    """A log that is read through for each batch of posts would be slower the longer it is."""
    say(1)
    room = live_room(database).pk
    log = [rows.Row(room, n, "post", None, ANN, "ann", f"own {n}", "x") for n in range(2, 20_000)]
    rows.insert(log, timezone.now(), database=database)
    with connections[database].cursor() as cursor:
        cursor.execute("ANALYZE chat_message")
    with CaptureQueriesContext(connections[database]) as asked:
        assert rows.find([(room, ANN, f"own {n}") for n in (5, 50_000)], database=database)
    (query,) = asked.captured_queries
    plan = plan_of(query["sql"], database)
    assert "chat_message_once" in plan or "sender_key=? AND client_id=?" in plan, plan


def test_values_are_stored_as_they_are(database: str) -> None:
    say(1)
    room = live_room(database).pk
    (first,) = Message.objects.using(database).values_list("pk", flat=True)
    texts = [
        'it\'s "quoted" \\ and %s',
        "🙂 ünï \u202e \ufffd",
        "[1]\n\t",
        "null",
        SafeString("<b>"),
    ]
    log = [
        rows.Row(room, 2**60 + n, "edit", first if n % 2 else None, ANN, text, None, text)
        for n, text in enumerate(texts)
    ]
    rows.insert(log, timezone.now(), database=database)
    stored = Message.objects.using(database).filter(seq__gte=2**60).order_by("seq")
    names = (
        "room_id",
        "seq",
        "kind",
        "target_id",
        "sender_key",
        "sender_name",
        "client_id",
        "text",
    )
    assert list(stored.values_list(*names)) == [tuple(row) for row in log]
    wanted = [(room, "g:'\\\"", text) for text in texts]
    assert rows.find(wanted, database=database) == {}


@pytest.mark.parametrize("length", [200, 2_000])
def test_a_single_post_is_looked_up_in_the_index(database: str, length: int) -> None:
    """It is what most commits are of; no log is so short that reading it through pays."""
    say(1)
    room = live_room(database).pk
    log = [
        rows.Row(room, n, "post", None, ANN, "a", f"own {n}", "x" * 80) for n in range(2, length)
    ]
    rows.insert(log, timezone.now(), database=database)
    with connections[database].cursor() as cursor:
        cursor.execute("ANALYZE chat_message")
    with CaptureQueriesContext(connections[database]) as asked:
        rows.find([(room, ANN, "own 5")], database=database)
    plan = plan_of(asked.captured_queries[0]["sql"], database)
    assert "chat_message_once" in plan or "sender_key=? AND client_id=?" in plan, plan
