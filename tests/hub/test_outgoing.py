"""What frames become on the wire, and in which pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.hub.outgoing import PIECE_SIZE, Messages, Outgoing, close_message
from tests.hub.outlets import frame


@pytest.mark.parametrize("last", [frame("\ud800"), frame(""), close_message(4002)])
def test_what_servers_make_something_else_of_is_left_to_them(last: Outgoing) -> None:
    """And what comes after it, to keep the order."""
    (piece,) = Messages([frame("a"), frame("b"), last, frame("c")]).pieces
    assert (piece.wire, piece.frames) == (b"\x81\x01a\x81\x01b", 2)


def test_pieces_are_made_once() -> None:
    row = Messages([frame("a")])
    assert row.pieces is row.pieces


def test_row_after_another_has_the_pieces_of_both_and_makes_none_anew() -> None:
    first, row = Messages([frame("ping")]), Messages([frame("a"), frame("b")])
    both = row.after(first)
    assert tuple(both) == (*first, *row)
    pairs = zip(both.pieces, first.pieces + row.pieces, strict=True)
    assert all(one is other for one, other in pairs)


def test_row_after_another_that_begins_with_what_is_left_to_servers_has_only_the_others() -> None:
    both = Messages([frame("\ud800"), frame("a")]).after(Messages([frame("ping")]))
    assert [piece.frames for piece in both.pieces] == [1]


@given(st.lists(st.integers(1, PIECE_SIZE + 2), max_size=8))
def test_pieces_are_no_longer_than_a_connection_holds_or_a_frame(sizes: list[int]) -> None:
    pieces = Messages(frame("x" * size) for size in sizes).pieces
    assert sum(piece.frames for piece in pieces) == len(sizes)
    for piece in pieces:
        assert len(piece.wire) <= PIECE_SIZE or piece.frames == 1
        assert piece.longest == max(sizes[: piece.frames])
        del sizes[: piece.frames]
