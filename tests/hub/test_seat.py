from chat.hub.seat import EVER, Line
from tests.fakes import Listener, seat_of


def test_seat_starts_where_it_is_put_with_nothing_unseen() -> None:
    seat = seat_of(Listener(), None, at=7)
    assert (seat.position, seat.seen, seat.live) == (7, 7, False)


def test_seat_is_confirmed_up_to_what_was_sent_and_never_back() -> None:
    seat = seat_of(Listener(), None, at=7)
    seat.position = 9
    confirmed = []
    for seq in (8, 7, 10, 2**53 - 1, 9):
        seat.confirm(seq)
        confirmed.append(seat.seen)
    assert confirmed == [8, 8, 8, 8, 9]


def test_client_that_confirms_what_it_was_not_sent_goes_on_being_stalled() -> None:
    seat = seat_of(Listener(), None, at=7)
    seat.stall(1.0)
    seat.confirm(8)
    assert seat.stalled_at == 1.0


def test_terminal_is_shown_what_is_about_nobody() -> None:
    assert seat_of(Listener("7", terminal=True), None).wants(Line("hello"))


def test_terminal_is_not_shown_that_it_came_itself() -> None:
    seat = seat_of(Listener("7", terminal=True), None)
    assert not seat.wants(Line("[UID: 7] joined", "7", EVER))
    assert seat.wants(Line("[UID: 8] joined", "8", EVER))


def test_terminal_is_not_shown_who_came_before_it_did() -> None:
    seat = seat_of(Listener("7", terminal=True), None)
    seat.sat_at = 10.0
    assert not seat.wants(Line("[UID: 8] joined", "8", 9.0))
    assert seat.wants(Line("[UID: 8] joined", "8", 10.0))


def test_lines_that_a_terminal_does_not_want_are_left_out() -> None:
    listener = Listener("7", terminal=True)
    lines = [Line("a"), Line("b", "7"), Line("c")]
    assert seat_of(listener, None).push_lines(lines)
    assert listener.lines == ["a", "c"]


def test_blocked_terminal_takes_no_lines() -> None:
    listener = Listener("7", terminal=True)
    listener.blocked = True
    assert not seat_of(listener, None).push_lines([Line("a")])
