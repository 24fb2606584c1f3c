"""Finding messages by words, on both databases, and what the index forgets."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connections

from chat import store
from chat.models import Message, Room
from chat.store import PostDraft, search
from tests.store.drafts import BOB, delete, edit, say

SECRET = "squirrelhoard"


def write(*texts: str, sender: str = BOB, name: str = "Bob Marley") -> None:
    store.append(
        [
            PostDraft(room="main", sender_key=sender, sender_name=name, id=f"{text} {n}", text=text)
            for n, text in enumerate(texts)
        ]
    )


def found(database: str, text: str) -> set[str]:
    log = Message.objects.using(database).filter(kind="post")
    return set(log.filter(store.matching(text)).values_list("text", flat=True))


@pytest.fixture
def sqlite(db: None) -> str:
    """The alias of an SQLite database with an index of words."""
    if not search.has_index():
        pytest.skip("this database has no FTS5")
    return "default"


def pages(database: str) -> str:
    """Return all that SQLite's index has in its pages."""
    with connections[database].cursor() as cursor:
        cursor.execute("SELECT block FROM chat_search_data")
        return repr([bytes(block) for (block,) in cursor.fetchall()])


def whole(database: str) -> bool:
    """Return whether SQLite's index says the same as the table, once it is up to date."""
    search.extend()
    with connections[database].cursor() as cursor:
        try:
            cursor.execute(
                "INSERT INTO chat_search(chat_search, rank) VALUES ('integrity-check', 1)"
            )
        except DatabaseError:
            return False
    return True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("oven", {"The oven is hot"}),
        ("OVE hot", {"The oven is hot"}),
        ("ven", set()),
        ("oven cold", set()),
        ("marl oven", {"The oven is hot"}),
        ("hot, oven!", {"The oven is hot"}),
        ("555-0100", {"Call 555-0100"}),
        ("Приве", {"Привет, мир"}),
        ("caf", {"Das Café"}),
        ("it's", {"It's 'quoted' \\ here"}),
        ("'quoted", {"It's 'quoted' \\ here"}),
        ("here \\", {"It's 'quoted' \\ here"}),
        ('" OR', set()),
        ("& | ! ( ) : *", set()),
        ("NOT oven", set()),
        ("oven*", {"The oven is hot"}),
        ("%", set()),
    ],
)
def test_messages_are_found_by_the_beginnings_of_all_words(
    database: str, text: str, expected: set[str]
) -> None:
    write("The oven is hot", "Call 555-0100", "Привет, мир", "Das Café", "It's 'quoted' \\ here")
    assert found(database, text) == expected


def test_what_comes_changes_and_goes_is_found_as_it_is(database: str) -> None:
    write("first", "second", "third")
    assert found(database, "second") == {"second"}
    write("fourth")
    store.append([edit(1, "other", sender=BOB), delete(2, sender=BOB)])
    assert found(database, "fourth") == {"fourth"}
    assert found(database, "first") == found(database, "second") == set()
    assert found(database, "other") == {"other"}
    Message.objects.using(database).filter(seq=3).delete()
    assert found(database, "third") == set()


def test_rows_put_back_under_their_old_numbers_are_found(database: str) -> None:
    write("first", "second")
    assert found(database, "first") == {"first"}
    (row,) = Message.objects.using(database).filter(seq=1)
    pk = row.pk
    row.delete()
    row.pk, row.text = pk, "restored"
    row.save(using=database, force_insert=True)
    assert found(database, "restored") == {"restored"}
    store.append([edit(1, "anew", sender=BOB)])
    assert found(database, "restored") == set()


# The index is used


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_words_are_found_by_the_index_of_postgresql(database: str) -> None:
    say(1)
    log = Message.objects.using(database).filter(kind="post").filter(store.matching("oven hot"))
    with connections[database].cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        try:
            assert "chat_message_words" in log.order_by().explain()
        finally:
            cursor.execute("SET enable_seqscan = on")


def test_words_are_found_by_the_index_of_sqlite(sqlite: str) -> None:
    say(1)
    plan = Message.objects.filter(kind="post").filter(store.matching("oven hot")).explain()
    assert "SCAN chat_search VIRTUAL TABLE INDEX" in plan
    assert "SEARCH chat_message USING INTEGER PRIMARY KEY" in plan


def test_what_one_sender_said_is_found_by_an_index(database: str) -> None:
    say(1)
    log = Message.objects.using(database).filter(sender_key=BOB, at__gte="2026-11-28T00:00Z")
    with connections[database].cursor() as cursor:
        if connections[database].vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")
        try:
            assert "chat_message_sender" in log.order_by("at").explain()
        finally:
            if connections[database].vendor == "postgresql":
                cursor.execute("SET enable_seqscan = on")


# SQLite's index


@pytest.mark.django_db(transaction=True)
def test_index_of_sqlite_has_no_word_left_of_what_was_taken_away(sqlite: str) -> None:
    write(SECRET, *(f"harmless words number {number}" for number in range(50)))
    search.extend()
    assert SECRET in pages(sqlite)
    store.append([delete(1, sender=BOB)])
    steps = 0
    while search.settle():
        steps += 1
    assert 1 <= steps < 10
    assert SECRET not in pages(sqlite)
    assert not search.settle()
    assert whole(sqlite)
    assert len(found(sqlite, "harmless")) == 50


@pytest.mark.django_db(transaction=True)
def test_what_is_taken_away_while_the_index_is_merged_is_gone_after_the_next_time(
    sqlite: str,
) -> None:
    write(SECRET, "otherword", *(f"harmless {number}" for number in range(50)))
    search.extend()
    store.append([delete(1, sender=BOB)])
    assert search.settle()
    store.append([edit(2, "innocent", sender=BOB)])
    while search.settle():
        pass
    assert SECRET not in pages(sqlite)
    assert "otherword" not in pages(sqlite)
    assert whole(sqlite)


@pytest.mark.django_db(transaction=True)
def test_index_is_extended_little_by_little(sqlite: str) -> None:
    say(5)
    assert [search.extend(2), search.extend(2), search.extend(2), search.extend(2)] == [2, 2, 1, 0]
    assert whole(sqlite)


@pytest.mark.django_db(transaction=True)
def test_hub_tends_the_index(sqlite: str) -> None:
    write(SECRET)
    store.tend()
    assert SECRET in pages(sqlite)
    store.append([delete(1, sender=BOB)])
    for _ in range(10):
        store.tend()
    assert SECRET not in pages(sqlite)
    assert search.extend() == 0


@pytest.mark.django_db(transaction=True)
def test_rooms_and_their_messages_go_from_the_index_too(sqlite: str) -> None:
    write(SECRET)
    search.extend()
    Room.objects.all().delete()
    while search.settle():
        pass
    assert SECRET not in pages(sqlite)
    assert whole(sqlite)


@pytest.mark.django_db(transaction=True)
def test_letters_that_sqlite_does_not_know_are_looked_for_in_every_row(sqlite: str) -> None:
    georgian = "\u1c90\u1c91\u1c92"  # in Unicode since 2018
    write(f"say {georgian}")
    assert found(sqlite, georgian) == {f"say {georgian}"}


@pytest.mark.django_db(transaction=True)
def test_without_an_index_every_row_is_read(sqlite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "has_index", lambda: False)
    write("The oven is hot", "Goodbye")
    assert found(sqlite, "oven bob") == {"The oven is hot"}
    assert search.extend() == 0
    assert not search.settle()


@pytest.mark.django_db(transaction=True)
def test_migration_can_be_taken_back_and_made_again(sqlite: str) -> None:
    write("The oven is hot")
    try:
        call_command("migrate", "chat", "0002", verbosity=0)
        assert not search.has_index()
        write("The oven is cold")
        assert found(sqlite, "oven") == {"The oven is hot", "The oven is cold"}
    finally:
        call_command("migrate", "chat", verbosity=0)
    assert search.has_index()
    assert found(sqlite, "oven") == {"The oven is hot", "The oven is cold"}
    assert search.extend() == 0
