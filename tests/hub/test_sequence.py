from hypothesis import given
from hypothesis import strategies as st

from chat.hub import sequence
from chat.hub.sequence import Order
from chat.store import Entry
from tests.fakes import entries, entry


def seqs(found: list[Entry]) -> list[int]:
    """Return the seqs of ``found``."""
    return [entry.seq for entry in found]


def test_next_batch_passes_at_once() -> None:
    order = Order(5)
    assert seqs(order.offer(entries(6, 8))) == [6, 7, 8]
    assert (order.head, order.expected, order.behind) == (8, 8, False)


def test_batch_that_came_before_is_dropped() -> None:
    order = Order(5)
    order.offer(entries(6, 8))
    assert order.offer(entries(6, 8)) == []
    assert order.offer(entries(1, 5)) == []
    assert order.head == 8


def test_only_what_is_new_of_an_overlapping_batch_passes() -> None:
    order = Order(5)
    assert seqs(order.offer(entries(4, 7))) == [6, 7]


def test_early_batch_waits_for_the_one_before_it() -> None:
    order = Order(0)
    assert order.offer(entries(3, 4)) == []
    assert order.behind
    assert order.expected == 4
    assert seqs(order.offer(entries(1, 2))) == [1, 2, 3, 4]
    assert not order.behind


def test_longer_of_two_early_batches_with_one_start_is_held() -> None:
    order = Order(0)
    order.offer(entries(2, 4))
    order.offer(entries(2, 3))
    assert seqs(order.offer(entries(1, 1))) == [1, 2, 3, 4]


def test_empty_batch_passes_nothing() -> None:
    order = Order(5)
    assert order.offer([]) == []
    assert (order.head, order.expected) == (5, 5)


def test_early_batches_beyond_the_bound_are_left_to_the_log() -> None:
    order = Order(0)
    last = 1 + 2 * (sequence.EARLY_MOST + 1)
    for seq in range(3, last + 1, 2):
        order.offer([entry(seq)])
    assert len(order._early) == sequence.EARLY_MOST
    assert order.expected == last
    assert seqs(order.offer(entries(1, last))) == list(range(1, last + 1))
    assert not order.behind
    assert not order._early


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    """A log of consecutive batches after a head; some lost, doubled, out of order."""
    start = draw(st.integers(0, 5))
    batches, first = [], start + 1
    for size in draw(st.lists(st.integers(1, 4), max_size=30)):
        batches.append((first, first + size - 1))
        first += size
    came = draw(st.lists(st.sampled_from(batches), max_size=60)) if batches else []
    if draw(st.booleans()):
        # Also ranges that another reader made of the same log.
        odd = st.tuples(st.integers(1, first), st.integers(0, 5))
        came += [(low, min(first - 1, low + more)) for low, more in draw(st.lists(odd))]
        came = draw(st.permutations(came))
    return start, came


@given(deliveries())
def test_each_entry_passes_once_and_in_order_whatever_the_layer_does(
    case: tuple[int, list[tuple[int, int]]],
) -> None:
    start, came = case
    order = Order(start)
    passed: list[int] = []
    for first, last in came:
        passed += seqs(order.offer(entries(first, last)))
        assert passed == list(range(start + 1, order.head + 1))
    highest = max([start, *(last for first, last in came if last >= first)])
    assert order.expected == highest
    assert order.behind == (order.head < highest)
    passed += seqs(order.offer(entries(order.head + 1, order.expected)))
    assert passed == list(range(start + 1, highest + 1))
    assert not order.behind
