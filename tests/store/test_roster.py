from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from msgspec import structs

from chat import store
from chat.models import Connection, Node
from chat.store import Report, Roster, SessionRow, Whereabouts

REPORT = Report(sessions=3)


def row(session: str, rooms: list[str], name: str = "ann") -> SessionRow:
    """Return a session of Ann's."""
    return SessionRow(session=session, sender_key="u:1", sender_name=name, rooms=rooms)


def test_enrolled_process_has_a_row_without_sessions(database: str) -> None:
    node = store.enroll("a")
    assert store.beat(node, REPORT) == [Roster(node=node, beats=1, revision=0)]
    assert store.connections_of(node) == []


def test_revision_writes_changes_his_and_takes_away_who_is_gone(database: str) -> None:
    node = store.enroll("a")
    assert store.revise(node, 1, [row("s1", ["main"]), row("s2", [])], [])
    assert store.revise(node, 2, [row("s2", ["main", "b"], "anna"), row("s3", [])], ["s1", "s9"])
    found = {found.session: found for found in store.connections_of(node)}
    assert found == {
        "s2": Whereabouts("s2", "u:1", "anna", ["main", "b"]),
        "s3": Whereabouts("s3", "u:1", "ann", []),
    }
    assert store.beat(node, REPORT) == [Roster(node=node, beats=1, revision=2)]


def test_revision_of_nothing_moves_the_revision(database: str) -> None:
    node = store.enroll("a")
    assert store.revise(node, 5, [], [])
    assert store.beat(node, REPORT) == [Roster(node=node, beats=1, revision=5)]


def test_session_of_another_process_is_not_taken_away(database: str) -> None:
    first, second = store.enroll("a"), store.enroll("b")
    store.revise(first, 1, [row("s1", [])], [])
    store.revise(second, 1, [], ["s1"])
    assert len(store.connections_of(first)) == 1


def test_beats_of_all_processes_are_told(database: str) -> None:
    first, second = store.enroll("a"), store.enroll("b")
    store.beat(first, REPORT)
    rosters = store.beat(second, REPORT)
    assert rosters is not None
    assert {roster.node: roster.beats for roster in rosters} == {first: 1, second: 1}


def test_buried_process_is_told_so_and_its_sessions_are_gone(database: str) -> None:
    node, other = store.enroll("a"), store.enroll("b")
    store.revise(node, 1, [row("s1", ["main"])], [])
    store.bury([node])
    assert store.beat(node, REPORT) is None
    assert not store.revise(node, 2, [row("s1", ["main"])], [])
    assert not Connection.objects.using(database).exists()
    assert store.beat(other, REPORT) == [Roster(node=other, beats=1, revision=0)]


def test_process_that_withdraws_leaves_no_row(database: str) -> None:
    node = store.enroll("a")
    store.revise(node, 1, [row("s1", [])], [])
    store.withdraw(node)
    assert not Node.objects.using(database).exists()
    assert not Connection.objects.using(database).exists()


def test_row_says_all_there_is_to_know_of_a_session(database: str) -> None:
    node = store.enroll("a")
    since = timezone.now() - timedelta(hours=1)
    known = SessionRow("s1", "u:1", "ann", ["main"], "json", since, "203.0.113.7", "Browser/1")
    store.revise(node, 1, [known], [])
    fields = ("sender_key", "rooms", "since", "address", "dialect", "client")
    (found,) = Connection.objects.using(database).values_list(*fields)
    assert found == ("u:1", ["main"], since, "203.0.113.7", "json", "Browser/1")
    # Only its name and where it is can change.
    store.revise(node, 2, [structs.replace(known, sender_name="anna", client="other")], [])
    (found,) = Connection.objects.using(database).values_list("sender_name", "client", "since")
    assert found == ("anna", "Browser/1", since)


@pytest.mark.parametrize("count", [499, 500, 1201])
def test_many_come_and_go_at_once(database: str, count: int) -> None:
    node = store.enroll("a")
    assert store.revise(node, 1, [row(f"s{number}", []) for number in range(count)], [])
    assert Connection.objects.using(database).count() == count
    assert store.revise(node, 2, [], [f"s{number}" for number in range(1, count)])
    assert [row.session for row in store.connections_of(node)] == ["s0"]


def test_signs_of_life_change_nothing_else(database: str) -> None:
    node = store.enroll("a")
    store.revise(node, 1, [row("s1", ["main"]), row("s2", [])], [])
    at = timezone.now()
    signs = [structs.replace(row("s1", ["else"], "other"), heard_at=at, lag=7)]
    assert store.note_signs(node, signs)
    found = list(Connection.objects.using(database).order_by("session").values_list())
    names = [field.attname for field in Connection._meta.concrete_fields]
    first, second = (dict(zip(names, values, strict=True)) for values in found)
    assert (first["heard_at"], first["lag"]) == (at, 7)
    assert (first["sender_name"], first["rooms"]) == ("ann", ["main"])
    assert (second["heard_at"], second["lag"]) == (None, None)
    assert store.note_signs(node, [row("s1", [])])
    assert not Connection.objects.using(database).filter(heard_at__isnull=False).exists()


def test_signs_of_a_buried_process_are_not_written(database: str) -> None:
    node = store.enroll("a")
    store.bury([node])
    assert not store.note_signs(node, [row("s1", [])])
    assert not Connection.objects.using(database).exists()


def test_all_processes_are_asked(database: str) -> None:
    first, second = store.enroll("a"), store.enroll("b")
    store.ask_all()
    store.ask_all()
    assert {roster.node: roster.asked for roster in store.beat(first, REPORT) or []} == {
        first: 2,
        second: 2,
    }


def test_beat_says_when_it_was(database: str) -> None:
    node = store.enroll("a")
    before = timezone.now() - timedelta(milliseconds=1)  # SQLite's clock counts in them
    store.beat(node, REPORT)
    at = Node.objects.using(database).get(pk=node).figures_at
    assert at is not None
    assert before <= at <= timezone.now()


@pytest.mark.parametrize(
    ("slug", "found"),
    [
        ("main", ["s1", "s2"]),
        ("Main", ["s4"]),
        ("küche", ["s2"]),
        ("mai", []),
        ("a_b", ["s3"]),
        ("a", []),
        ("a-b", []),
        ('main", "küche', []),
    ],
)
def test_sessions_are_found_by_the_room_they_are_in(
    database: str, slug: str, found: list[str]
) -> None:
    node = store.enroll("a")
    rows = {"s1": ["main"], "s2": ["küche", "main"], "s3": ["a_b"], "s4": ["Main"], "s5": []}
    store.revise(node, 1, [row(session, rooms) for session, rooms in rows.items()], [])
    here = Connection.objects.using(database).filter(store.in_room(slug)).order_by("session")
    assert [connection.session for connection in here] == found


@pytest.mark.parametrize("slug", ["main", "комната", "a_b"])
def test_people_in_a_room_are_those_of_all_processes_and_of_no_other_room(
    database: str, slug: str
) -> None:
    first, second = store.enroll("a"), store.enroll("b")
    store.revise(
        first, 1, [row("s1", [slug, "other"]), row("s2", [f"{slug}-2", "Main", "aXb"])], []
    )
    store.revise(second, 1, [row("s3", [slug], "bob"), row("s4", [])], [])
    people, count = store.people_in(slug, 10)
    assert count == 2
    assert {(one.session, one.sender_name, one.node_name) for one in people} == {
        ("s1", "ann", "a"),
        ("s3", "bob", "b"),
    }


def test_people_beyond_the_most_are_counted(database: str) -> None:
    node = store.enroll("a")
    store.revise(node, 1, [row(f"s{number}", ["main"]) for number in range(5)], [])
    people, count = store.people_in("main", 2)
    assert (len(people), count) == (2, 5)


def test_sessions_of_a_silent_process_are_nobodys_and_stay_in_the_table(database: str) -> None:
    dead, hangs, lives, new = (store.enroll(name) for name in ("dead", "hangs", "lives", "new"))
    for node in (dead, hangs, lives, new):
        assert store.revise(node, 1, [row(f"s{node}", ["main"]), row(f"t{node}", ["b"])], [])
    nodes = Node.objects.using(database)
    nodes.exclude(pk=new).update(started_at=Now() - timedelta(hours=1))
    nodes.filter(pk=hangs).update(figures_at=Now() - timedelta(seconds=41))
    nodes.filter(pk=lives).update(figures_at=Now() - timedelta(seconds=20))
    here = {f"{letter}{node}" for node in (lives, new) for letter in "st"}
    assert {connection.session for connection in store.connected()} == here
    people, count = store.people_in("main", 10)
    assert ({one.node_name for one in people}, count) == ({"lives", "new"}, 2)
    assert [store.audience(rooms) for rooms in (None, {"main"}, {"main", "b"})] == [4, 2, 4]
    assert store.people_in("main", 1)[1] == 2
    assert Connection.objects.using(database).count() == 8
