from collections import defaultdict

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chat.hub.people import BORROWED, HERE, OWN, UNNAMED, Change, Guise, People
from chat.protocol.events import Sender

ANN, BOB = Sender("1", "ann"), Sender("2", "bob")
NOTHING: tuple[dict[str, Change[Guise]], dict[str, Change[Sender]]] = ({}, {})


def test_one_with_two_tabs_is_one() -> None:
    people = People()
    people.enter("a", Guise(ANN))
    people.enter("a", Guise(ANN))
    assert people.of("a") == {"1": ANN}
    people.leave("a", Guise(ANN))
    assert people.of("a") == {"1": ANN}
    people.leave("a", Guise(ANN))
    assert people.of("a") == {}


def test_changes_are_told_once() -> None:
    people = People()
    people.enter("a", Guise(ANN))
    here, everywhere = people.changes()
    assert here == {"a": Change({"1": Guise(ANN)}, {}, {})}
    assert everywhere == {"a": Change({"1": ANN}, {}, {})}
    assert people.changes() == NOTHING


def test_who_came_and_went_in_between_is_not_mentioned() -> None:
    people = People()
    people.enter("a", Guise(ANN))
    people.leave("a", Guise(ANN))
    assert people.changes() == NOTHING


def test_who_went_and_came_back_in_between_is_not_mentioned() -> None:
    people = People()
    people.enter("a", Guise(ANN))
    people.changes()
    people.leave("a", Guise(ANN))
    people.enter("a", Guise(ANN))
    assert people.changes() == NOTHING


def test_new_name_is_a_rename_here_and_over_all() -> None:
    people = People()
    people.enter("a", Guise(ANN))
    people.changes()
    anna = Sender("1", "anna")
    people.rename("a", Guise(ANN), Guise(anna))
    here, everywhere = people.changes()
    assert here == {"a": Change({}, {}, {"1": Guise(anna)})}
    assert everywhere == {"a": Change({}, {}, {"1": anna})}
    assert people.of("a") == {"1": anna}


def test_who_is_elsewhere_too_stays_over_all() -> None:
    people = People()
    people.enter("a", Guise(ANN))
    people.enter_at(5, "a", Guise(ANN))
    people.changes()
    people.leave("a", Guise(ANN))
    assert people.changes() == ({"a": Change({}, {"1": Guise(ANN)}, {})}, {})
    assert people.of("a") == {"1": ANN}
    people.leave_at(5, "a", "1")
    assert people.changes() == ({}, {"a": Change({}, {"1": ANN}, {})})
    assert people.of("a") == {}


def test_who_came_elsewhere_first_is_told_as_coming_here() -> None:
    people = People()
    people.enter_at(5, "a", Guise(ANN))
    people.changes()
    people.enter("a", Guise(ANN))
    assert people.changes() == ({"a": Change({"1": Guise(ANN)}, {}, {})}, {})


def test_leaving_where_one_never_was_changes_nothing() -> None:
    people = People()
    people.leave_at(5, "a", "1")
    people.enter_at(5, "a", Guise(ANN))
    people.leave_at(6, "a", "1")
    assert people.of("a") == {"1": ANN}


def test_at_tells_whether_a_node_has_anybody() -> None:
    people = People()
    people.enter_at(5, "a", Guise(ANN))
    people.enter("b", Guise(BOB))
    assert people.at(5, "a")
    assert not people.at(5, "b")
    assert not people.at(6, "a")
    assert people.at(HERE, "b")
    assert not people.at(5, "nowhere")


def test_replacing_leaves_exactly_those_who_are_named() -> None:
    people = People()
    people.replace_at(5, [("a", Guise(ANN)), ("b", Guise(ANN))])
    people.enter_at(6, "a", Guise(ANN))
    people.changes()
    people.replace_at(5, [("b", Guise(ANN)), ("b", Guise(BOB))])
    assert people.of("a") == {"1": ANN}
    assert people.of("b") == {"1": ANN, "2": BOB}
    assert not people.at(5, "a")
    assert people.changes() == ({}, {"b": Change({"2": BOB}, {}, {})})


NUMBER, STAGE = Guise(Sender("1", "UID 1"), UNNAMED), Guise(Sender("1", "annie"), BORROWED)


def test_name_that_counts_more_is_shown_whatever_else_the_sender_goes_by() -> None:
    people = People()
    people.enter("a", Guise(ANN))
    people.changes()
    for other in (NUMBER, STAGE):
        people.enter("a", other)
    assert people.changes() == NOTHING
    people.rename("a", NUMBER, STAGE)
    assert people.changes() == NOTHING
    people.leave("a", Guise(ANN))
    assert people.of("a") == {"1": STAGE.sender}
    people.enter("a", Guise(ANN))
    assert people.of("a") == {"1": ANN}


def test_of_names_that_count_the_same_the_latest_is_shown() -> None:
    people = People()
    anna = Sender("1", "anna")
    people.enter("a", Guise(ANN))
    people.enter("a", Guise(anna))
    assert people.of("a") == {"1": anna}
    people.leave("a", Guise(anna))
    assert people.of("a") == {"1": ANN}
    people.enter_at(5, "a", Guise(anna))
    assert people.of("a") == {"1": anna}
    people.enter_at(5, "a", Guise(anna))
    people.enter("a", Guise(Sender("1", "Ann")))
    assert people.of("a") == {"1": Sender("1", "Ann")}


def test_names_count_across_nodes_in_whatever_order_they_are_heard() -> None:
    for first, second in ((Guise(ANN), NUMBER), (NUMBER, Guise(ANN))):
        people = People()
        people.enter_at(5, "a", first)
        people.enter_at(6, "a", second)
        assert people.of("a") == {"1": ANN}
        people.replace_at(6, [("a", first), ("a", second), ("a", STAGE)])
        people.leave_at(5, "a", "1")
        assert people.of("a") == {"1": ANN}
        people.replace_at(6, [("a", NUMBER), ("a", STAGE), ("a", NUMBER)])
        assert people.of("a") == {"1": STAGE.sender}
        people.replace_at(6, [("a", NUMBER)])
        assert people.of("a") == {"1": NUMBER.sender}


def test_other_nodes_are_told_what_the_name_here_counts() -> None:
    """Not the name that is shown, which may be another node's and go with it."""
    people = People()
    people.enter_at(5, "a", Guise(ANN))
    people.changes()
    people.enter("a", NUMBER)
    assert people.changes() == ({"a": Change({"1": NUMBER}, {}, {})}, {})
    people.rename("a", NUMBER, NUMBER._replace(weight=OWN))
    assert people.changes()[0] == {"a": Change({}, {}, {"1": NUMBER._replace(weight=OWN)})}


def test_change_is_true_where_anything_is_in_it() -> None:
    assert not Change({}, {}, {})
    assert Change({"1": ANN}, {}, {})
    assert Change({}, {"1": ANN}, {})
    assert Change({}, {}, {"1": ANN})


slugs = st.sampled_from("ab")
ids = st.sampled_from("123")
nodes = st.sampled_from([5, 6])


class PeopleMachine(RuleBasedStateMachine):
    """``People`` against who is where, written down plainly."""

    def __init__(self) -> None:
        super().__init__()
        self.people = People()
        self.sessions: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.elsewhere: set[tuple[int, str, str]] = set()
        self.told_here: set[tuple[str, str]] = set()
        self.told: set[tuple[str, str]] = set()

    @rule(slug=slugs, who=ids)
    def enter(self, slug: str, who: str) -> None:
        self.people.enter(slug, Guise(Sender(who, "n")))
        self.sessions[slug, who] += 1

    @precondition(lambda self: any(self.sessions.values()))
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        there = sorted(key for key, count in self.sessions.items() if count)
        slug, who = data.draw(st.sampled_from(there))
        self.people.leave(slug, Guise(Sender(who, "n")))
        self.sessions[slug, who] -= 1

    @rule(node=nodes, slug=slugs, who=ids)
    def enter_at(self, node: int, slug: str, who: str) -> None:
        self.people.enter_at(node, slug, Guise(Sender(who, "n")))
        self.elsewhere.add((node, slug, who))

    @rule(node=nodes, slug=slugs, who=ids)
    def leave_at(self, node: int, slug: str, who: str) -> None:
        self.people.leave_at(node, slug, who)
        self.elsewhere.discard((node, slug, who))

    @rule(node=nodes, present=st.sets(st.tuples(slugs, ids)))
    def replace_at(self, node: int, present: set[tuple[str, str]]) -> None:
        self.people.replace_at(node, [(slug, Guise(Sender(who, "n"))) for slug, who in present])
        self.elsewhere = {key for key in self.elsewhere if key[0] != node}
        self.elsewhere |= {(node, slug, who) for slug, who in present}

    def here(self) -> set[tuple[str, str]]:
        return {key for key, count in self.sessions.items() if count}

    def everywhere(self) -> set[tuple[str, str]]:
        return self.here() | {(slug, who) for _, slug, who in self.elsewhere}

    @rule()
    def changes(self) -> None:
        here, everywhere = self.people.changes()
        for found, told, now in (
            (here, self.told_here, self.here()),
            (everywhere, self.told, self.everywhere()),
        ):
            assert {(s, who) for s, c in found.items() for who in c.joined} == now - told
            assert {(s, who) for s, c in found.items() for who in c.left} == told - now
            assert all(found.values())
        self.told_here, self.told = self.here(), self.everywhere()

    @invariant()
    def people_are_those_written_down(self) -> None:
        for slug in "ab":
            assert set(self.people.of(slug)) == {w for s, w in self.everywhere() if s == slug}
            for node in (5, 6):
                there = any(key[:2] == (node, slug) for key in self.elsewhere)
                assert self.people.at(node, slug) == there


TestPeopleAgainstAModel = PeopleMachine.TestCase
TestPeopleAgainstAModel.settings = settings(max_examples=40, stateful_step_count=40)
