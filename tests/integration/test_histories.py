"""The checker of histories is right about sound ones, and catches each way to be wrong."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.integration.clients import Log
from tests.integration.histories import Heard, History, What
from tests.integration.regulars import Recorder

Told = dict[str, list[Heard]]


def message(number: int) -> What:
    """Who it is from and its id."""
    return ("message", f"sender-{number % 3}", f"id-{number}")


def entry(seq: int, number: int | None = None) -> Heard:
    """The message of that number (usually its seq) as it is told."""
    number = seq if number is None else number
    return Heard(seq, message(number), f"text {number}")


def history_of(told: Told, *, sent: int = 9, acked: int = 8, start: int = 0) -> History:
    """``sent`` messages, the first ``acked`` of them acknowledged, and what each witness heard."""
    history = History()
    for number in range(1, sent + 1):
        history.said(message(number), f"text {number}")
    for number in range(1, acked + 1):
        history.acked(message(number), number)
    for name, heard in told.items():
        history.heard(name, start, heard)
    return history


def sound() -> Told:
    """Two witnesses who heard all that was acknowledged."""
    return {name: [entry(seq) for seq in range(1, 9)] for name in ("anna", "bert")}


def test_sound_history_has_no_faults() -> None:
    assert history_of(sound()).faults() == []


@pytest.mark.parametrize("heard", [True, False])
def test_what_was_not_acknowledged_may_be_there_or_not(heard: bool) -> None:
    told = sound()
    for entries in told.values():
        entries += [entry(9)] * heard
    assert history_of(told).faults() == []


def test_witness_is_owed_only_what_comes_after_its_start() -> None:
    history = history_of({"anna": sound()["anna"]})
    history.heard("late", 5, [entry(seq) for seq in (6, 7, 8)])
    history.heard("last", 8, [])
    assert history.faults() == []


def test_message_may_have_any_of_the_texts_it_was_given() -> None:
    told = sound()
    told["bert"][1] = told["bert"][1]._replace(text="edited")
    history = history_of(told)
    assert len(history.faults()) == 1
    history.said(message(2), "edited")
    assert history.faults() == []


def test_edits_and_deletes_are_entries_too() -> None:
    told = sound()
    for entries in told.values():
        entries += [Heard(9, ("edited", "2", "better"), "better"), Heard(10, ("deleted", "3"))]
    history = history_of(told, sent=8)
    assert len(history.faults()) == 4, "nobody sent either"
    history.said(("edited", "2", "better"), "better")
    history.said(("deleted", "3"))
    history.acked(("deleted", "3"), 10)
    assert history.faults() == []


def lose_from_the_middle(told: Told) -> None:
    del told["bert"][4]


def lose_the_last(told: Told) -> None:
    del told["bert"][-1]


def lose_everything(told: Told) -> None:
    told["bert"].clear()


def lose_for_everybody_and_close_the_hole(told: Told) -> None:
    for name in told:
        told[name] = [entry(seq, seq if seq < 5 else seq + 1) for seq in range(1, 9)]


def hear_again(told: Told) -> None:
    told["bert"].insert(5, told["bert"][4])


def hear_again_later(told: Told) -> None:
    told["bert"].append(told["bert"][2])


def store_twice(told: Told) -> None:
    for entries in told.values():
        entries.append(entry(9, 3))


def swap(told: Told) -> None:
    told["bert"][3], told["bert"][4] = told["bert"][4], told["bert"][3]


def swap_under_the_right_numbers(told: Told) -> None:
    told["bert"][3:5] = [entry(4, 5), entry(5, 4)]


def hear_a_ghost(told: Told) -> None:
    told["bert"].append(entry(9, 77))


def hear_from_somebody_else(told: Told) -> None:
    told["bert"][3] = Heard(4, ("message", "sender-9", "id-4"), "text 4")


def hear_another_text(told: Told) -> None:
    told["bert"][3] = told["bert"][3]._replace(text="text 5")


def hear_what_was_before(told: Told) -> None:
    told["bert"].insert(0, entry(0, 9))


def disagree_about_what_was_not_acknowledged(told: Told) -> None:
    told["anna"].append(entry(9))
    told["bert"].append(entry(9, 10))


def hear_less_of_what_was_not_acknowledged(told: Told) -> None:
    told["anna"].append(entry(9))


WAYS_TO_BE_WRONG = [
    (lose_from_the_middle, "hole"),
    (lose_the_last, "acknowledged at 8, came at None"),
    (lose_everything, "ends at 0"),
    (lose_for_everybody_and_close_the_hole, "acknowledged at 5, came at None"),
    (hear_again, "came after 5"),
    (hear_again_later, "came 2 times"),
    (store_twice, "came 2 times"),
    (swap, "seq 4 came after 5"),
    (swap_under_the_right_numbers, "seq 4 is"),
    (hear_a_ghost, "nobody sent"),
    (hear_from_somebody_else, "nobody sent"),
    (hear_another_text, "was sent as"),
    (hear_what_was_before, "seq 0 came after 0"),
    (disagree_about_what_was_not_acknowledged, "seq 9 is"),
    (hear_less_of_what_was_not_acknowledged, "bert: ends at 8"),
]


@pytest.mark.parametrize(
    ("spoil", "fault"), WAYS_TO_BE_WRONG, ids=lambda part: getattr(part, "__name__", "")
)
def test_each_way_to_be_wrong_is_caught(spoil: Callable[[Told], None], fault: str) -> None:
    told = sound()
    spoil(told)
    found = history_of(told, sent=10).faults()
    assert any(fault in line for line in found), found


@given(st.lists(st.integers(1, 12), max_size=14))
def test_nothing_but_the_log_itself_passes(numbers: list[int]) -> None:
    """Of all sequences over the messages there are, just two: with the unacknowledged, or not."""
    history = history_of({"anna": [entry(number) for number in numbers]}, sent=9)
    right = (list(range(1, 9)), list(range(1, 10)))
    assert (history.faults() == []) is (numbers in right)


def test_acks_that_contradict_each_other_are_caught() -> None:
    history = history_of(sound())
    history.acked(message(3), 4)
    faults = history.faults()
    assert any("seq 4 was acknowledged for" in fault for fault in faults)
    assert any("was acknowledged at {3, 4}" in fault for fault in faults)


def test_ack_of_what_nobody_sent_is_caught() -> None:
    history = history_of(sound(), sent=7, acked=7)
    history.acked(message(8), 8)
    assert any("acknowledged, but nobody sent" in fault for fault in history.faults())


def test_history_without_a_witness_is_refused() -> None:
    with pytest.raises(AssertionError, match="nobody heard"):
        History().faults()


def test_recorder_leaves_it_to_the_checker_what_a_connection_may_not_bring() -> None:
    """Else a loss or a double within one connection would only be a client that broke off."""
    log = Log("epoch", 0, 0, strict=False)
    for seq in (1, 2, 2, 4):
        log.add({"seq": seq})
    assert [each["seq"] for each in log.entries] == [1, 2, 2, 4]
    assert not Recorder.strict
    with pytest.raises(AssertionError):
        Log("epoch", 0, 0).add({"seq": 2})
