from chat import store
from chat.models import Connection, Node
from chat.store import Roster, SessionRow


def row(session: str, rooms: list[str], name: str = "ann") -> SessionRow:
    """Return a session of Ann's."""
    return SessionRow(session=session, sender_key="u:1", sender_name=name, rooms=rooms)


def test_enrolled_process_has_a_row_without_sessions(database: str) -> None:
    node = store.enroll("a")
    assert store.beat(node) == [Roster(node=node, beats=1, revision=0)]
    assert store.connections_of(node) == []


def test_revision_writes_changes_his_and_takes_away_who_is_gone(database: str) -> None:
    node = store.enroll("a")
    assert store.revise(node, 1, [row("s1", ["main"]), row("s2", [])], [])
    assert store.revise(node, 2, [row("s2", ["main", "b"], "anna"), row("s3", [])], ["s1", "s9"])
    found = {found.session: found for found in store.connections_of(node)}
    assert found == {"s2": row("s2", ["main", "b"], "anna"), "s3": row("s3", [])}
    assert store.beat(node) == [Roster(node=node, beats=1, revision=2)]


def test_revision_of_nothing_moves_the_revision(database: str) -> None:
    node = store.enroll("a")
    assert store.revise(node, 5, [], [])
    assert store.beat(node) == [Roster(node=node, beats=1, revision=5)]


def test_session_of_another_process_is_not_taken_away(database: str) -> None:
    first, second = store.enroll("a"), store.enroll("b")
    store.revise(first, 1, [row("s1", [])], [])
    store.revise(second, 1, [], ["s1"])
    assert len(store.connections_of(first)) == 1


def test_beats_of_all_processes_are_told(database: str) -> None:
    first, second = store.enroll("a"), store.enroll("b")
    store.beat(first)
    rosters = store.beat(second)
    assert rosters is not None
    assert {roster.node: roster.beats for roster in rosters} == {first: 1, second: 1}


def test_buried_process_is_told_so_and_its_sessions_are_gone(database: str) -> None:
    node, other = store.enroll("a"), store.enroll("b")
    store.revise(node, 1, [row("s1", ["main"])], [])
    store.bury([node])
    assert store.beat(node) is None
    assert not store.revise(node, 2, [row("s1", ["main"])], [])
    assert not Connection.objects.using(database).exists()
    assert store.beat(other) == [Roster(node=other, beats=1, revision=0)]


def test_process_that_withdraws_leaves_no_row(database: str) -> None:
    node = store.enroll("a")
    store.revise(node, 1, [row("s1", [])], [])
    store.withdraw(node)
    assert not Node.objects.using(database).exists()
    assert not Connection.objects.using(database).exists()
